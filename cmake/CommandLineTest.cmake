# rill_test_command_line(NAME TARGET STATUS WORDS [ARGUMENT...]): a test that the program, called with
# these arguments, ends with this status and says these words.
function(rill_test_command_line name target status words)
  add_test(NAME ${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/command_line/expect ${status} ${words}
                                $<TARGET_FILE:${target}> ${ARGN})
endfunction()
