/// `TableKernel`: a pointwise kernel over flat memory, for many launches that differ in pointers
/// and counts. Invariant: allocates nothing once it is made; any number of threads may run it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <rill/kernel/backend.h>
#include <rill/ops/infer.h>
#include <rill/tensor/tensor.h>

namespace rill {

class TableKernel {
 public:
  /// For operands like these: contiguous of rank 1, or of shape [] and then the same ones in every
  /// launch.
  TableKernel(const Infer& infer, std::span<const Tensor> inputs, std::span<const Tensor> outputs);
  /// False when the operator looks at positions or rows, or starts from something: then it cannot
  /// be run so.
  [[nodiscard]] bool pointwise() const { return pointwise_; }
  /// Computes `count` elements from number `first` on. `row` points to the first `width` inputs,
  /// then to the outputs.
  void run(std::byte* const* row, std::size_t width, std::int64_t first, std::int64_t count) const;

 private:
  struct Source {
    bool output = false;
    std::size_t tensor = 0;
    std::int64_t bytes = 0;  // between neighbours; 0 for what stays
    std::byte* shared = nullptr;
  };
  std::shared_ptr<const kernel::Executable> executable_;
  kernel::KernelFunction direct_ = nullptr;
  std::vector<Source> buffers_;
  std::size_t sizes_ = 0;
  std::vector<std::uint64_t> parameters_;
  bool pointwise_ = false;
};

}  // namespace rill
