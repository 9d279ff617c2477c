#include <rill/version.h>

#include <string>

#include "tests/catch.h"

TEST_CASE("the library that runs is the version that the header names") {
  CHECK(std::string(rill::library_version()) == RILL_VERSION);
}
