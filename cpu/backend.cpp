// The CPU behind the backend interface: generated kernels where there is an emitter, the
// interpreter elsewhere.
#include <rill/kernel/backend.h>

#include <memory>
#include <utility>

#include <rill/cpu/argsort.h>
#include <rill/cpu/convolution.h>
#include <rill/cpu/kernel.h>
#include <rill/cpu/matmul.h>
#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

/// A kernel of cpu/kernel.h as the operators see it.
class Compiled final : public Executable {
 public:
  explicit Compiled(std::shared_ptr<const cpu::Kernel> kernel) : kernel_(std::move(kernel)) {}

  Failure execute(std::byte* const* buffers, const std::int64_t* sizes,
                  const std::uint64_t* parameters) const override {
    return kernel_->execute(buffers, sizes, parameters);
  }
  [[nodiscard]] Measure measure(const std::int64_t* sizes) const override {
    return kernel_->measure(sizes);
  }
  Failure execute(const Measure& measure, std::byte* const* buffers, const std::int64_t* sizes,
                  const std::uint64_t* parameters) const override {
    return kernel_->execute(measure, buffers, sizes, parameters);
  }
  Failure execute(std::span<const Operands> launches) const override {
    return kernel_->execute(launches);
  }
  [[nodiscard]] KernelFunction direct() const override { return kernel_->direct(); }

 private:
  std::shared_ptr<const cpu::Kernel> kernel_;
};

class CpuBackend final : public Backend {
 public:
  std::shared_ptr<const Executable> prepare(const Program& program) override {
    return std::make_shared<Compiled>(cpu::Kernel::prepare(program));
  }
  std::unique_ptr<const Plan> matmul(const MatmulShape& shape) override {
    return std::make_unique<cpu::Matmul>(shape);
  }
  std::unique_ptr<const Plan> convolution(const ConvolutionShape& shape,
                                          ConvolutionPass pass) override {
    return std::make_unique<cpu::Convolution>(shape, pass);
  }
  std::unique_ptr<const Plan> argsort(const ArgsortShape& shape) override {
    return cpu::plan_argsort(shape);
  }
};

}  // namespace

Backend& backend(Device device) {
  if (!device.is_cpu()) throw DeviceError("there is no device " + device.text() + " here");
  static Backend& cpu = *new CpuBackend;  // used by threads that outlive static destruction
  return cpu;
}

}  // namespace rill::kernel
