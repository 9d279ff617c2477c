#include <rill/trace/fusion/epilogue.h>

#include <algorithm>
#include <optional>
#include <span>

#include <rill/trace/fusion/sizes.h>

namespace rill {
namespace {

using kernel::Id;

/// Whether an access is to the element that has the point's number.
bool is_the_point(const FusedKernel& fused, const kernel::Access& access) {
  const kernel::Program& program = fused.program;
  const kernel::Buffer& buffer = program.buffers[access.buffer];
  const std::span<const Id> outer = program.list(program.outer);
  const std::span<const Id> index = program.list(access.index);
  if (access.guard != kernel::none || index.size() != outer.size()) return false;
  const auto size = [&](Id id) { return size_of_expression(program, fused.sizes, id); };
  Dim stride = 1;
  for (std::size_t d = outer.size(); d-- > 0;) {
    const kernel::Expr& at = program.exprs[index[d]];
    const std::optional<Dim> extent = size(program.axes[outer[d]].extent);
    if (at.code != kernel::Code::axis || at.bits != outer[d] || !extent) return false;
    if (*extent == Dim(1)) continue;  // whatever its stride is
    if (size(program.list(buffer.strides)[d]) != stride) return false;
    stride = stride * *extent;
  }
  return true;
}

}  // namespace

bool reads_in_order(const FusedKernel& fused, std::size_t input) {
  std::size_t launched = 0;
  for (std::size_t b = 0; b < fused.program.buffers.size(); ++b) {
    if (fused.program.buffers[b].space == kernel::Buffer::Space::row) continue;
    const FusedKernel::Buffer& source = fused.buffers[launched++];
    if (source.output || source.edge != input) continue;
    const bool in_order = source.offset == Dim(0) &&
                          std::all_of(fused.program.exprs.begin(), fused.program.exprs.end(),
                                      [&](const kernel::Expr& expr) {
                                        if (expr.code != kernel::Code::load) return true;
                                        const kernel::Access& from =
                                            fused.program.accesses[expr.bits];
                                        return from.buffer != b || is_the_point(fused, from);
                                      });
    if (!in_order) return false;
  }
  return true;
}

}  // namespace rill
