// Destinations in parts: each call owns some of a destination's rows, and applies the stores that
// fall into them.
//
// All calls walk over all points. Where a point's whole stretch along the last outer axis goes to
// one row, a call first lists the stretches that it owns, a block of them at a time and without a
// branch, which nobody could foresee; then it works through the list, and knows from it which rows
// come next. Invariant: the stores to a row are applied in the order of the points.
#include <rill/cpu/llvm/emitter.h>

#include <llvm/IR/Intrinsics.h>

namespace rill::cpu::llvm_emitter {

using llvm::Value;

namespace {
/// Stretches that are listed at a time: the list stays in the first cache.
constexpr std::int64_t listed_at_once = 1024;
}  // namespace

/// All points, storing only where the destination's first index is in [begin, end).
void Emitter::owned_points(Value* begin, Value* end) {
  owned_begin_ = begin;
  owned_end_ = end;
  const auto outer = program_.list(program_.outer);
  Value* count = product_of_extents(outer);
  nest_.when(b_.CreateICmpSGT(count, integer(0)), true, [&] {
    if (owns_stretches())
      listed_points();
    else
      points(integer(0), count);
  });
}

/// Whether rows of a destination belong to this call.
Value* Emitter::owns(Value* row) {
  const bool wide = row->getType()->isVectorTy();
  Value* first = wide ? splat(owned_begin_) : owned_begin_;
  Value* last = wide ? splat(owned_end_) : owned_end_;
  return b_.CreateAnd(b_.CreateICmpSGE(row, first), b_.CreateICmpSLT(row, last));
}

/// Whether the destination's row is the same all along the last outer axis.
bool Emitter::owns_stretches() const {
  const auto outer = program_.list(program_.outer);
  if (outer.empty() || program_.stores.size() != 1) return false;
  const Id row = program_.list(program_.stores.front().to.index)[0];
  kernel::Set others = dependence_.axes(row);
  for (const Id axis : outer.first(outer.size() - 1)) others &= ~kernel::only(axis);
  return others == 0 && dependence_.leaves(row).results == 0;
}

/// All points, of which there are some, where `owns_stretches`.
void Emitter::listed_points() {
  const auto outer = program_.list(program_.outer);
  const auto rows = outer.first(outer.size() - 1);
  const auto place = [&](const Values& position) {
    for (std::size_t k = 0; k < rows.size(); ++k) set_axis(rows[k], position[k]);
  };
  const Id destination = program_.list(program_.stores.front().to.index)[0];
  Value* columns = extent(outer.back());
  Value* stretches = product_of_extents(rows);
  Value* list = scratch(listed_at_once * sizeof(std::int64_t));
  const auto entry = [&](Value* k) { return element(b_.getInt64Ty(), list, k); };
  nest_.loop(integer(0), stretches, listed_at_once, [&](Value* start) {
    Value* stop = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, stretches,
                                           b_.CreateAdd(start, integer(listed_at_once)));
    Values carried = position(rows, start);
    carried.push_back(integer(0));
    Value* listed = nest_
                        .loop(start, stop, 1, carried,
                              [&](Value* stretch, const Values& now) {
                                place(now);
                                b_.CreateStore(stretch, entry(now.back()));
                                Value* mine =
                                    b_.CreateZExt(owns(evaluate(destination)), b_.getInt64Ty());
                                Values next(now.begin(), now.end() - 1);
                                if (!next.empty())
                                  next.back() = b_.CreateAdd(next.back(), integer(1));
                                next = advance(rows, next);
                                next.push_back(b_.CreateAdd(now.back(), mine));
                                return next;
                              })
                        .back();
    nest_.when(b_.CreateICmpSGT(listed, integer(0)), true, [&] {
      nest_.loop(integer(0), listed, 1, [&](Value* k) {
        const auto take = [&](Value* number) {
          Value* stretch = b_.CreateLoad(b_.getInt64Ty(), entry(number));
          place(position(rows, stretch));
          return stretch;
        };
        point_ = b_.CreateMul(take(k), columns);
        point_start_ = integer(0);
        if (schedule_.prefetches && outer_lanes_) {
          prefetch_rows(integer(0), columns, [&](std::int64_t ahead) {
            take(b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateAdd(k, integer(ahead)),
                                          b_.CreateSub(listed, integer(1))));
          });
        }
        Value* const first = owned_begin_;
        owned_begin_ = nullptr;
        one_segment(integer(0), columns);
        owned_begin_ = first;
      });
    });
  });
}

}  // namespace rill::cpu::llvm_emitter
