// What a test needs to run a kernel program: memory, numbers, and the failure that came of it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <rill/kernel/program.h>

namespace rill::kernel {

/// The arguments of one launch.
///
///     std::vector<float> x{1, 2}, y(2);
///     Launch launch;
///     launch.sizes = {2};
///     launch.add(x), launch.add(y);
///     Failure failure = launch.interpret(program);
struct Launch {
  std::vector<std::byte*> buffers;
  std::vector<std::int64_t> sizes;
  std::vector<std::uint64_t> parameters;
  Failure failure;

  /// A buffer whose logical first element is `elements[first]`.
  template <class T>
  void add(std::vector<T>& elements, std::size_t first = 0) {
    buffers.push_back(reinterpret_cast<std::byte*>(elements.data() + first));
  }

  [[nodiscard]] KernelArguments arguments() {
    return {.buffers = buffers.data(),
            .sizes = sizes.data(),
            .parameters = parameters.data(),
            .scratch = nullptr,
            .partials = nullptr,
            .failure = &failure};
  }

  Failure interpret(const Program& program) {
    failure = Failure{};
    kernel::interpret(program, arguments());
    return failure;
  }
};

}  // namespace rill::kernel
