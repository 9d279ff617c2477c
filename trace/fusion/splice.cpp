#include <rill/trace/fusion/splice.h>

#include <utility>

#include <rill/tensor/error.h>

namespace rill {

using kernel::Code;
using kernel::Id;
using kernel::Value;

namespace {

/// A key for an accumulator or a result of an operator's program.
std::uint64_t leaf(Code code, std::uint64_t bits) {
  return bits << 1U | (code == Code::result ? 1U : 0U);
}

}  // namespace

Splice::Splice(Target& target, const Node& node, const Member& member, std::span<const Value> point,
               std::span<const std::vector<Id>> axes, Value guard)
    : target_(target),
      node_(node),
      member_(member),
      lowered_(*member.lowered),
      program_(lowered_.program),
      point_(point.begin(), point.end()),
      axes_(axes.begin(), axes.end()),
      guard_(guard),
      exprs_(program_.exprs.size()) {}

Value Splice::copy(Id id) {
  if (!exprs_[id].defined()) {
    const Value made = copy_one(program_.exprs[id]);
    exprs_[id] = made;
  }
  return exprs_[id];
}

std::vector<Value> Splice::copies(std::span<const Id> ids) {
  std::vector<Value> values;
  values.reserve(ids.size());
  for (const Id id : ids) values.push_back(copy(id));
  return values;
}

void Splice::checks(const kernel::Stage& stage) {
  for (const Id id : program_.list(stage.checks)) {
    Value ok = copy(program_.checks[id].ok);
    if (guard_.defined()) ok = ok || !guard_;
    target_.builder().check(ok, 0, {});
  }
}

void Splice::folds(const kernel::Stage& stage) {
  for (const Id id : program_.list(stage.folds)) fold(id);
}

void Splice::keep(const kernel::Store& store) {
  const std::vector<Value> index = copies(program_.list(store.to.index));
  target_.builder().store(row(store.to.buffer), index, copy(store.value));
}

Value Splice::copy_one(kernel::Expr expr) {
  kernel::Builder& builder = target_.builder();
  switch (expr.code) {
    case Code::parameter: {
      const auto k = static_cast<std::size_t>(lowered_.parameters[expr.bits]);
      return target_.parameter(node_.inputs[k], expr.type);
    }
    case Code::size:
      return target_.sizes().value(size(lowered_.sizes[expr.bits]));
    case Code::axis: {
      const int d = member_.domain_axis[expr.bits];
      if (d >= 0) return point_[static_cast<std::size_t>(d)];
      return builder.index(loop(static_cast<Id>(expr.bits)));
    }
    case Code::load:
      return load(program_.accesses[expr.bits]);
    case Code::accumulator:
    case Code::result: {
      const auto found = leaves_.find(leaf(expr.code, expr.bits));
      if (found == leaves_.end()) throw InternalError("fusion: a fold is used before it has run");
      return found->second;
    }
    default:
      break;
  }
  for (std::size_t i = 0; i < expr.arity; ++i) expr.args[i] = copy(expr.args[i]).id();
  return builder.make(expr);
}

Dim Splice::size(const Lowered::SizeSource& source) const {
  switch (source.kind) {
    case Lowered::SizeSource::Kind::domain:
      return member_.domain[source.index];
    case Lowered::SizeSource::Kind::extent:
      return shape(source.output, source.index)[source.axis];
    default:
      throw InternalError("fusion: an operator computes with strides");
  }
}

const Shape& Splice::shape(bool output, int number) const {
  const auto at = static_cast<std::size_t>(number);
  return output ? node_.results[at].shape : target_.spec(node_.inputs[at]).shape;
}

Id Splice::loop(Id axis) {
  const auto [found, is_new] = loops_.try_emplace(axis, kernel::none);
  if (is_new) found->second = target_.builder().axis(copy(program_.axes[axis].extent));
  return found->second;
}

Id Splice::row(Id buffer) {
  const auto [found, is_new] = rows_.try_emplace(buffer, kernel::none);
  if (is_new) {
    const kernel::Buffer& own = program_.buffers[buffer];
    found->second = target_.builder().row(own.type, copies(program_.list(own.extents)));
  }
  return found->second;
}

Value Splice::load(const kernel::Access& access) {
  kernel::Builder& builder = target_.builder();
  std::vector<Value> index = copies(program_.list(access.index));
  const int number = member_.launch_buffer[access.buffer];
  if (number < 0) return builder.load(row(access.buffer), index);
  const auto& source = lowered_.buffers[static_cast<std::size_t>(number)];
  const Edge& edge = node_.inputs[static_cast<std::size_t>(source.tensor)];
  if (source.aligned) {
    // One index per axis of the domain: the tensor's own are the last, and 0 where it stretches.
    const Shape& own = target_.spec(edge).shape;
    std::vector<Value> place;
    for (int d = 0; d < own.rank(); ++d) {
      const int axis = d + member_.domain.rank() - own.rank();
      const bool stretched = own[d] == Dim(1) && !(member_.domain[axis] == Dim(1));
      place.push_back(stretched ? builder.integer(0) : index[static_cast<std::size_t>(axis)]);
    }
    index = std::move(place);
  }
  if (access.guard == kernel::none) return target_.element(edge, index, guard_);
  const Value own_guard = copy(access.guard);
  const Value guard = guard_.defined() ? guard_ && own_guard : own_guard;
  return kernel::select(own_guard, target_.element(edge, index, guard), copy(access.otherwise));
}

void Splice::fold(Id id) {
  const kernel::Fold& fold = program_.folds[id];
  std::vector<Id> over;
  for (const Id axis : program_.list(fold.axes)) {
    const int d = member_.domain_axis[axis];
    if (d < 0) {
      over.push_back(loop(axis));
      continue;
    }
    const std::vector<Id>& walking = axes_[static_cast<std::size_t>(d)];
    over.insert(over.end(), walking.begin(), walking.end());
  }
  const auto name = [&](bool right, std::span<const Value> values) {
    for (Id slot = 0; slot < values.size(); ++slot)
      leaves_[leaf(Code::accumulator, kernel::accumulator_bits(id, slot, right))] = values[slot];
  };
  kernel::Folding folding{
      .kind = fold.kind, .init = copies(program_.list(fold.init)), .step = {}, .merge = {}};
  folding.step = [&](std::span<const Value> accumulators) {
    name(false, accumulators);
    return copies(program_.list(fold.step));
  };
  if (fold.kind != kernel::Fold::Kind::sequence) {
    folding.merge = [&](std::span<const Value>, std::span<const Value> right) {
      name(true, right);
      return copies(program_.list(fold.merge));
    };
  }
  const std::vector<Value> results = target_.builder().fold(over, folding);
  for (Id slot = 0; slot < results.size(); ++slot)
    leaves_[leaf(Code::result, std::uint64_t{id} << 8U | slot)] = results[slot];
}

}  // namespace rill
