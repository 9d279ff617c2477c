#include "tests/catch.h"

#include <memory>
#include <string>

#include <rill/tensor/where.h>

namespace rill {
namespace {

TEST_CASE("a place that is kept outlives the code that names it") {
  auto name = std::make_unique<std::string>("models/plugin.cpp");
  const Where kept = Where(name->c_str(), 7).kept();
  name->assign(name->size(), '?');
  name.reset();
  CHECK(kept.text() == "plugin.cpp:7");
  CHECK_FALSE(Where().kept().known());
}

}  // namespace
}  // namespace rill
