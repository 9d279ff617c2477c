# rill_batch(target source...): up to six files of a folder are compiled as one, since each by itself
# makes the same templates again, which is half of its time. So names in a folder's files differ,
# unless they are the same thing.

function(rill_batch target)
  if(NOT RILL_BATCHES)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  foreach(source IN LISTS ARGN)
    file(RELATIVE_PATH folder ${CMAKE_CURRENT_SOURCE_DIR} ${source})
    get_filename_component(folder ${folder} DIRECTORY)
    string(REPLACE / _ folder "${folder}")
    list(APPEND batch_${folder} ${source})
    list(LENGTH batch_${folder} count)
    math(EXPR batch "(${count} - 1) / 6")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP batch_${folder}_${batch})
  endforeach()
endfunction()
