#include "tests/trace/interpreted.h"

#include <memory>
#include <utility>
#include <vector>

#include <rill/kernel/interpret.h>
#include <rill/trace/fusion/fuse.h>
#include <rill/trace/fusion/member.h>

namespace rill {
namespace {

class Interpreted final : public kernel::Executable {
 public:
  explicit Interpreted(const kernel::Program& program) : interpreter_(program) {}

  kernel::Failure execute(std::byte* const* buffers, const std::int64_t* sizes,
                          const std::uint64_t* parameters) const override {
    kernel::Failure failure;
    const kernel::KernelArguments arguments{buffers, sizes, parameters, nullptr, nullptr, &failure};
    interpreter_.run(arguments, 0, interpreter_.points(sizes));
    return failure;
  }
  [[nodiscard]] kernel::Measure measure(const std::int64_t* sizes) const override {
    return {.points = interpreter_.points(sizes)};
  }
  kernel::Failure execute(const kernel::Measure& /*measure*/, std::byte* const* buffers,
                          const std::int64_t* sizes,
                          const std::uint64_t* parameters) const override {
    return execute(buffers, sizes, parameters);
  }
  using Executable::execute;

 private:
  kernel::Interpreter interpreter_;
};

}  // namespace

TracePlan interpreted(TracePlan plan) {
  std::vector<Member> members;
  for (int n = 0; n < std::ssize(plan.function->nodes); ++n)
    members.push_back(member_of(*plan.function, n));
  for (Step& step : plan.steps) {
    auto* kernel = std::get_if<KernelStep>(&step);
    if (auto* const library = std::get_if<LibraryStep>(&step);
        library != nullptr && library->epilogue)
      kernel = &*library->epilogue;
    if (kernel == nullptr) continue;
    const Group& group = plan.groups[kernel->launches.front().group];
    kernel->executable =
        std::make_shared<Interpreted>(fuse(*plan.function, members, group).program);
  }
  return plan;
}

}  // namespace rill
