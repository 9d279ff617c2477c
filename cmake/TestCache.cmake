# Tests compile kernels into a folder of the build tree, and leave the user's own cache alone.
# Called at the end of each folder that has tests.
function(rill_tests_use_own_cache)
  get_property(names DIRECTORY PROPERTY TESTS)
  if(names)
    set_property(TEST ${names} APPEND PROPERTY
                 ENVIRONMENT RILL_CACHE_DIR=${PROJECT_BINARY_DIR}/test-cache)
  endif()
endfunction()
