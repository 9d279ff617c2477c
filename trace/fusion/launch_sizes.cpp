#include <rill/trace/fusion/launch_sizes.h>

#include <unordered_map>

#include <rill/kernel/rewrite.h>

namespace rill {

using kernel::Id;

kernel::Program with_launched_sizes(kernel::Program program, std::vector<Dim>& sizes) {
  std::unordered_map<std::uint64_t, Id> launched;  // by the constant's bits
  const auto launch = [&](Id& id) {
    const kernel::Expr expr = program.exprs[id];
    if (expr.code != kernel::Code::constant) return;
    const auto number = static_cast<std::int64_t>(expr.bits);
    if (number >= -1 && number <= 2) return;
    const auto [found, is_new] = launched.try_emplace(expr.bits, kernel::none);
    if (is_new) {
      found->second = static_cast<Id>(program.exprs.size());
      program.exprs.push_back({.code = kernel::Code::size, .type = int64, .bits = program.sizes++});
      sizes.emplace_back(number);
    }
    id = found->second;
  };
  const auto launch_all = [&](kernel::Range range) {
    for (Id i = 0; i < range.count; ++i) launch(program.ids[range.first + i]);
  };
  // Sequences, which have few elements, are written out: their extents stay.
  std::vector<bool> written_out(program.axes.size());
  for (const kernel::Fold& fold : program.folds) {
    if (fold.kind != kernel::Fold::Kind::sequence) continue;
    for (const Id axis : program.list(fold.axes)) written_out[axis] = true;
  }
  for (std::size_t axis = 0; axis < program.axes.size(); ++axis) {
    if (!written_out[axis]) launch(program.axes[axis].extent);
  }
  for (const kernel::Buffer& buffer : program.buffers) {
    launch_all(buffer.extents);
    launch_all(buffer.strides);
  }
  return kernel::rewritten(program, {});
}

}  // namespace rill
