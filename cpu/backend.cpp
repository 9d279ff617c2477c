// The CPU behind the backend interface: generated kernels where there is an emitter, the interpreter elsewhere.
#include <rill/cpu/convolution.h>
#include <rill/cpu/matmul.h>
#include <rill/kernel/backend.h>

#include <memory>
#include <utility>
#include <vector>

#include <rill/cpu/argsort.h>
#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

/// Runs a program through the reference interpreter: slower, and right.
class Interpreted final : public Executable {
 public:
  explicit Interpreted(Program program) : program_(std::move(program)) {}

  Failure execute(std::byte* const* buffers, const std::int64_t* sizes,
                  const std::uint64_t* parameters) const override {
    Failure failure;
    interpret(program_, {buffers, sizes, parameters, nullptr, nullptr, &failure});
    return failure;
  }

 private:
  Program program_;
};

class CpuBackend final : public Backend {
 public:
  std::shared_ptr<const Executable> prepare(const Program& program) override {
    return std::make_shared<Interpreted>(program);
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
