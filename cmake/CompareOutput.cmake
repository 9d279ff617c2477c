# Runs PROGRAM with ARGUMENTS, if any, and fails unless it prints what the file EXPECTED holds: what
# the documentation shows is what the programs say. Where KEEP is given, only lines that match it
# count; what matches MASK (timings, trained numbers) reads `*`.
cmake_policy(VERSION 3.25)
separate_arguments(ARGUMENTS)
execute_process(COMMAND ${PROGRAM} ${ARGUMENTS}
                OUTPUT_VARIABLE printed ERROR_VARIABLE said RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "ended with ${status}: ${said}")
endif()
if(KEEP)
  string(REPLACE "\n" ";" lines "${printed}")
  list(FILTER lines INCLUDE REGEX "${KEEP}")
  list(JOIN lines "\n" printed)
  string(APPEND printed "\n")
endif()
if(MASK)
  string(REGEX REPLACE "${MASK}" "*" printed "${printed}")
endif()
file(READ ${EXPECTED} expected)
if(NOT printed STREQUAL expected)
  message(FATAL_ERROR "prints otherwise than ${EXPECTED}:\n${printed}")
endif()
