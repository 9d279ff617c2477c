# The libraries behind rill, as imported targets. Read by rill's own build, and by the installed
# package when a program links rill statically (the shared library needs none of them from its users).
#
# Debian's libzip package names tools in its CMake files that it does not install, hence pkg-config.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED CONFIG)
find_package(dnnl REQUIRED CONFIG)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzip REQUIRED QUIET IMPORTED_TARGET libzip)
pkg_check_modules(highway REQUIRED QUIET IMPORTED_TARGET libhwy libhwy-contrib)

set(RILL_DEPENDENCIES Threads::Threads fmt::fmt DNNL::dnnl PkgConfig::libzip PkgConfig::highway
    ${CMAKE_DL_LIBS})
