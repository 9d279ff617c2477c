# Runs PROGRAM with ARGUMENT, if any, and fails unless it prints what the file EXPECTED holds: what the documentation shows
# is what the programs say.
execute_process(COMMAND ${PROGRAM} ${ARGUMENT} OUTPUT_VARIABLE printed ERROR_VARIABLE said RESULT_VARIABLE status)
file(READ ${EXPECTED} expected)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "ended with ${status}: ${said}")
endif()
if(NOT printed STREQUAL expected)
  message(FATAL_ERROR "prints otherwise than ${EXPECTED}:\n${printed}")
endif()
