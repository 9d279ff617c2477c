# rill_strict(target...): what rill asks of its own targets, and never of its users'. A warning stops
# rill's own builds only, not that of a project with a newer compiler that contains rill.

add_library(rill_warnings INTERFACE)
# g++ 12 takes a string built by + for one that overlaps itself (GCC bug 105329).
target_compile_options(rill_warnings INTERFACE -Wall -Wextra -Wconversion
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                       $<$<BOOL:${PROJECT_IS_TOP_LEVEL}>:-Werror>)

function(rill_strict)
  foreach(target IN LISTS ARGN)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:rill_warnings>)
  endforeach()
endfunction()
