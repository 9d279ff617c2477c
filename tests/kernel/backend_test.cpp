// What is run without looking at checks.
#include <rill/kernel/backend.h>
#include <rill/tensor/error.h>

#include "tests/catch.h"

namespace rill::kernel {
namespace {

void leaves_its_buffer(const KernelArguments* arguments, std::int64_t begin, std::int64_t end) {
  if (begin < end) arguments->failure->error = Failure::bounds;
}

TEST_CASE("a kernel run directly says when it has left its buffer") {
  CHECK_THROWS_WITH(run_direct(&leaves_its_buffer, {}, 0, 1), "a generated kernel left its buffer");
  CHECK_THROWS_AS(run_direct(&leaves_its_buffer, {}, 0, 1), InternalError);
  CHECK_NOTHROW(run_direct(&leaves_its_buffer, {}, 0, 0));
  const Epilogue epilogue{&leaves_its_buffer, {}};
  CHECK_THROWS_AS(epilogue(3, 4), InternalError);
}

}  // namespace
}  // namespace rill::kernel
