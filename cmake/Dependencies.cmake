# The libraries behind rill, as imported targets. Read by rill's own build, and by the installed
# package when a program links rill statically (the shared library needs none of them from its users).
#
# Debian's CMake files of oneDNN ask for OpenCL's headers and those of libzip name tools that are not
# installed with it, hence a plain search for the one and pkg-config for the other.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED CONFIG)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzip REQUIRED QUIET IMPORTED_TARGET libzip)
pkg_check_modules(highway REQUIRED QUIET IMPORTED_TARGET libhwy libhwy-contrib)

find_path(DNNL_INCLUDE_DIR dnnl.hpp REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
mark_as_advanced(DNNL_INCLUDE_DIR DNNL_LIBRARY)
if(NOT TARGET rill::onednn)
  add_library(rill::onednn UNKNOWN IMPORTED)
  set_target_properties(rill::onednn PROPERTIES
    IMPORTED_LOCATION ${DNNL_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE_DIR})
endif()

set(RILL_DEPENDENCIES Threads::Threads fmt::fmt rill::onednn PkgConfig::libzip ZLIB::ZLIB PkgConfig::highway
    ${CMAKE_DL_LIBS})
