#include <rill/kernel/backend.h>

namespace rill::kernel {

Failure Executable::execute(std::span<const Operands> launches) const {
  for (const Operands& launch : launches) {
    const Failure failure = execute(launch.buffers, launch.sizes, launch.parameters);
    if (failure.error != 0) return failure;
  }
  return {};
}

}  // namespace rill::kernel
