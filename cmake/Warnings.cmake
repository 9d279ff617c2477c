# rill_strict(target...): what rill asks of its own targets, and never of its users'.

add_library(rill_warnings INTERFACE)
target_compile_options(rill_warnings INTERFACE -Wall -Wextra -Wconversion -Werror)

function(rill_strict)
  foreach(target IN LISTS ARGN)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:rill_warnings>)
  endforeach()
endfunction()
