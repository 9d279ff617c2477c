#include <rill/trace/fusion/merge_axes.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <rill/kernel/rewrite.h>
#include <rill/trace/fusion/sizes.h>

namespace rill {
namespace {

using kernel::Code;
using kernel::Id;
using kernel::Program;

/// How the memory accesses of a program use its axes.
class Merging {
 public:
  Merging(Program program, std::span<const Dim> sizes)
      : program_(std::move(program)), sizes_(sizes) {
    rewriting_.dimensions.resize(program_.buffers.size());
    for (std::size_t b = 0; b < program_.buffers.size(); ++b)
      rewriting_.dimensions[b].resize(program_.buffers[b].extents.count);
    find_plain_axes();
  }

  Program run() {
    visit(program_.outer);
    for (const kernel::Stage& stage : program_.stages) visit(stage.axes);
    for (const kernel::Stage& stage : program_.closing) visit(stage.axes);
    for (const kernel::Fold& fold : program_.folds) visit(fold.axes);
    if (rewriting_.axes.empty()) return std::move(program_);
    return kernel::rewritten(program_, rewriting_);
  }

 private:
  /// An axis is plain when only accesses use it, each as a whole index.
  void find_plain_axes() {
    plain_.assign(program_.axes.size(), true);
    const auto spoil = [&](Id id) {
      if (id != kernel::none && program_.exprs[id].code == Code::axis)
        plain_[program_.exprs[id].bits] = false;
    };
    const auto spoil_all = [&](std::span<const Id> ids) {
      for (const Id id : ids) spoil(id);
    };
    for (const kernel::Expr& expr : program_.exprs) {
      if (expr.code != Code::load) spoil_all({expr.args.data(), expr.arity});
    }
    for (const kernel::Access& access : program_.accesses)
      spoil(access.guard), spoil(access.otherwise);
    for (const kernel::Store& store : program_.stores) spoil(store.value), spoil(store.to.guard);
    for (const kernel::Check& check : program_.checks)
      spoil(check.ok), spoil_all(program_.list(check.shown));
    for (const kernel::Fold& fold : program_.folds) {
      spoil_all(program_.list(fold.init));
      spoil_all(program_.list(fold.step));
      spoil_all(program_.list(fold.merge));
    }
  }

  template <class Visit>
  bool all_accesses(const Visit& visit) const {
    return std::all_of(program_.accesses.begin(), program_.accesses.end(), visit) &&
           std::all_of(program_.stores.begin(), program_.stores.end(),
                       [&](const kernel::Store& store) { return visit(store.to); });
  }

  /// The dimension that an axis steps along; none where it does not take part.
  [[nodiscard]] std::optional<std::size_t> dimension(const kernel::Access& access, Id axis) const {
    const auto index = program_.list(access.index);
    for (std::size_t d = 0; d < index.size(); ++d) {
      const kernel::Expr& expr = program_.exprs[index[d]];
      if (expr.code == Code::axis && expr.bits == axis) return d;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Dim> size(Id expr) const {
    return size_of_expression(program_, sizes_, expr);
  }
  [[nodiscard]] Id stride(Id buffer, std::size_t dimension) const {
    return program_.list(program_.buffers[buffer].strides)[dimension];
  }

  /// `first` and `second` are neighbours in every list, and walking on from the end of `second` is
  /// a step of `first` in all memory.
  [[nodiscard]] bool can_merge(Id first, Id second) const {
    if (!plain_[first] || !plain_[second]) return false;
    const auto extent = size(program_.axes[second].extent);
    if (!extent || !together(first, second)) return false;
    return all_accesses([&](const kernel::Access& access) {
      const auto a = dimension(access, first);
      const auto b = dimension(access, second);
      if (!a && !b) return true;
      if (!a || !b) return false;
      const auto far = size(stride(access.buffer, *a));
      const auto near = size(stride(access.buffer, *b));
      return far && near && *far == *near * *extent && one_way(access.buffer, *a, first) &&
             one_way(access.buffer, *b, second);
    });
  }

  /// Every access of the buffer has this axis in this dimension.
  [[nodiscard]] bool one_way(Id buffer, std::size_t d, Id axis) const {
    return all_accesses([&](const kernel::Access& access) {
      return access.buffer != buffer || dimension(access, axis) == d;
    });
  }

  [[nodiscard]] bool together(Id first, Id second) const {
    const auto fine = [&](kernel::Range range) {
      const auto list = program_.list(range);
      const auto at = std::find(list.begin(), list.end(), first);
      const auto next = std::find(list.begin(), list.end(), second);
      if (at == list.end() || next == list.end()) return at == list.end() && next == list.end();
      return std::all_of(at + 1, next, [&](Id id) { return rewriting_.axes.contains(id); }) &&
             at < next;
    };
    const auto fine_in = [&](std::span<const kernel::Stage> stages) {
      return std::all_of(stages.begin(), stages.end(),
                         [&](const kernel::Stage& stage) { return fine(stage.axes); });
    };
    return fine(program_.outer) && fine_in(program_.stages) && fine_in(program_.closing) &&
           std::all_of(program_.folds.begin(), program_.folds.end(),
                       [&](const kernel::Fold& fold) { return fine(fold.axes); });
  }

  void drop_dimensions(Id axis) {
    all_accesses([&](const kernel::Access& access) {
      if (const auto d = dimension(access, axis)) rewriting_.dimensions[access.buffer][*d] = true;
      return true;
    });
  }

  /// The product of two sizes, as an expression of the program.
  Id product(Id a, Id b) {
    program_.exprs.push_back(
        {.code = Code::multiply, .type = int64, .arity = 2, .args = {a, b, kernel::none}});
    return static_cast<Id>(program_.exprs.size() - 1);
  }

  /// `second` takes over what `first` walks.
  void merge(Id first, Id second) {
    const Id extent = product(program_.axes[first].extent, program_.axes[second].extent);
    std::vector<bool> done(program_.buffers.size());
    all_accesses([&](const kernel::Access& access) {
      const auto d = dimension(access, second);
      if (d && !done[access.buffer])
        program_.ids[program_.buffers[access.buffer].extents.first + *d] = extent;
      if (d) done[access.buffer] = true;
      return true;
    });
    drop_dimensions(first);
    rewriting_.axes.insert(first);
    program_.axes[second].extent = extent;
  }

  /// Nothing but its one element: the dimensions that it walks have no other either.
  [[nodiscard]] bool single(Id axis) const {
    return plain_[axis] && size(program_.axes[axis].extent) == Dim(1) &&
           all_accesses([&](const kernel::Access& access) {
             const auto d = dimension(access, axis);
             return !d || one_way(access.buffer, *d, axis);
           });
  }

  void visit(kernel::Range range) {
    const std::vector<Id> list(program_.list(range).begin(), program_.list(range).end());
    std::size_t left = 0;
    for (const Id axis : list) left += rewriting_.axes.contains(axis) ? 0U : 1U;
    for (const Id axis : list) {
      if (left > 1 && !rewriting_.axes.contains(axis) && single(axis)) {
        drop_dimensions(axis);
        rewriting_.axes.insert(axis);
        --left;
      }
    }
    for (std::size_t i = list.size(); i-- > 1;) {
      if (rewriting_.axes.contains(list[i])) continue;
      // The nearest one before it that is still there.
      for (std::size_t before = i; before-- > 0;) {
        if (rewriting_.axes.contains(list[before])) continue;
        if (!can_merge(list[before], list[i])) break;
        merge(list[before], list[i]);
      }
    }
  }

  Program program_;
  std::span<const Dim> sizes_;
  kernel::Rewriting rewriting_;
  std::vector<bool> plain_;
};

}  // namespace

Program with_merged_axes(const Program& program, std::span<const Dim> sizes) {
  return Merging(program, sizes).run();
}

}  // namespace rill
