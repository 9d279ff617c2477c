#include <rill/kernel/backend.h>

#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill::kernel {

void fail_bounds() {
  throw detail::UnnamedError<InternalError>("a generated kernel left its buffer");
}

Failure Executable::execute(std::span<const Operands> launches) const {
  for (const Operands& launch : launches) {
    const Failure failure = execute(launch.buffers, launch.sizes, launch.parameters);
    if (failure.error != 0) return failure;
  }
  return {};
}

void Plan::execute(std::span<const std::byte* const> /*inputs*/,
                   std::span<std::byte* const> /*outputs*/, std::byte* /*workspace*/,
                   const Epilogue& /*epilogue*/) const {
  throw InternalError("Plan: takes no epilogue");
}

}  // namespace rill::kernel
