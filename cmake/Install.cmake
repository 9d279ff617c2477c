# What `cmake --install` puts where, and how others find it: find_package(rill) and pkg-config.

include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/rill)

install(TARGETS rill EXPORT rill-shared
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} FILE_SET HEADERS)
install(TARGETS rill_static EXPORT rill-static
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} FILE_SET HEADERS)
if(modules)
  install(TARGETS ${modules} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/rill)
endif()
if(TARGET rill-tool)
  install(TARGETS rill-tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

foreach(kind shared static)
  install(EXPORT rill-${kind} NAMESPACE rill:: FILE rill-${kind}.cmake DESTINATION ${package})
endforeach()
configure_package_config_file(cmake/rill-config.cmake.in ${PROJECT_BINARY_DIR}/rill-config.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rill-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rill-config.cmake ${PROJECT_BINARY_DIR}/rill-config-version.cmake
              cmake/Dependencies.cmake
        DESTINATION ${package})

# pkg-config files find their prefix from where they lie, so an installed tree can be moved.
file(RELATIVE_PATH prefix_from_pkgconfig /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
foreach(name rill rill-static)
  configure_file(cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
# gdb loads the printers of a library from here, by the library's own path.
set(printers ${PROJECT_SOURCE_DIR}/tools/gdb/rill.py)
if(EXISTS ${printers})
  install(FILES ${printers} RENAME librill.so.${PROJECT_VERSION}-gdb.py
          DESTINATION ${CMAKE_INSTALL_DATADIR}/gdb/auto-load/${CMAKE_INSTALL_FULL_LIBDIR})
endif()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
