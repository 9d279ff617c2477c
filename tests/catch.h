// The test framework, included nowhere else. Catch2 2 and 3 both serve: tests use what they share.

#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
