# rill_precompile(target header...): what nearly all files of a target include is parsed once, which
# is a good part of a build of everything. A build with sanitizers goes without: each file includes
# what it uses.

function(rill_precompile target)
  if(NOT RILL_BATCHES OR RILL_SANITIZE)
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${ARGN})
  # Without the first ccache keeps nothing; of what was precompiled g++ 12 sees moved strings out of
  # their bounds.
  target_compile_options(${target} PRIVATE -fpch-preprocess
    "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>")
endfunction()
