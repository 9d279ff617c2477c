#include <rill/trace/fusion/fuse.h>

#include <algorithm>
#include <map>
#include <optional>

#include <rill/kernel/builder.h>
#include <rill/kernel/rewrite.h>
#include <rill/tensor/error.h>
#include <rill/trace/fusion/launch_sizes.h>
#include <rill/trace/fusion/linear.h>
#include <rill/trace/fusion/merge_axes.h>
#include <rill/trace/fusion/sizes.h>
#include <rill/trace/fusion/splice.h>
#include <rill/trace/fusion/split_axes.h>

namespace rill {
namespace {

using kernel::Code;
using kernel::Id;
using kernel::Value;

struct EdgeOrder {
  bool operator()(const Edge& a, const Edge& b) const {
    return a.node != b.node ? a.node < b.node : a.result < b.result;
  }
};

class Fuser final : private Splice::Target {
 public:
  Fuser(const Function& function, std::span<const Member> members, const Group& group)
      : function_(function),
        members_(members),
        group_(group),
        sizes_(builder_),
        positions_(builder_, sizes_) {
    std::vector<Id> outer;
    const auto factors = split_axes(function, group);
    for (int d = 0; d < group.domain.rank(); ++d) {
      Value index;
      std::vector<Id> axes;
      for (const Dim factor : factors[static_cast<std::size_t>(d)]) {
        const Id axis = axes.emplace_back(builder_.axis(sizes_.value(factor)));
        (group.row.contains(d) ? row_axes_ : outer).push_back(axis);
        const Value inner = builder_.index(axis);
        index = index.defined() ? index * sizes_.value(factor) + inner : inner;
      }
      index_.push_back(index);
      axes_.push_back(std::move(axes));
      if (!group.row.contains(d)) across_.push_back(d);
    }
    builder_.outer(outer);
    if (group.row.count() == 0) builder_.stage({});
  }

  FusedKernel run() {
    for (const int node : group_.nodes) {
      if (!group_.closes(node)) emit(node);
    }
    if (!group_.closing.empty()) builder_.closing(row_axes_);
    for (const int node : group_.closing) emit_closing(node);
    kernel_.sizes = sizes_.passed();
    kernel_.program = with_launched_sizes(
        with_merged_axes(kernel::rewritten(builder_.finish(), {}), kernel_.sizes), kernel_.sizes);
    return std::move(kernel_);
  }

 private:
  [[nodiscard]] const Node& node(int number) const {
    return function_.nodes[static_cast<std::size_t>(number)];
  }
  [[nodiscard]] const Member& member(int number) const {
    return members_[static_cast<std::size_t>(number)];
  }
  kernel::Builder& builder() override { return builder_; }
  Sizes& sizes() override { return sizes_; }
  [[nodiscard]] const Spec& spec(const Edge& edge) const override {
    return node(edge.node).results[static_cast<std::size_t>(edge.result)];
  }
  [[nodiscard]] bool inside(int number) const {
    return std::binary_search(group_.nodes.begin(), group_.nodes.end(), number);
  }
  [[nodiscard]] std::optional<std::size_t> output(const Edge& edge) const {
    const auto found = std::find(group_.outputs.begin(), group_.outputs.end(), edge);
    if (found == group_.outputs.end()) return std::nullopt;
    return static_cast<std::size_t>(found - group_.outputs.begin());
  }

  // ---- Places ---------------------------------------------------------------------------------

  /// The axes over which a node's reductions go: the row, or what it is not.
  [[nodiscard]] const Axes& reduced(int number) const {
    return group_.closes(number) ? across_ : group_.row;
  }
  /// The group's axis that each axis of a shape follows; the shape is the domain, or the domain
  /// with its reduced axes 1, or without them.
  [[nodiscard]] std::vector<int> followed(const Shape& shape, const Axes& reduced) const {
    std::vector<int> axes;
    for (int d = 0; d < group_.domain.rank(); ++d) {
      if (shape.rank() == group_.domain.rank() || !reduced.contains(d)) axes.push_back(d);
    }
    if (static_cast<int>(axes.size()) != shape.rank())
      throw InternalError("fusion: a shape does not fit its group");
    return axes;
  }
  /// The position in a tensor of this shape that belongs to the group's point.
  std::vector<Value> own_place(const Shape& shape, const Axes& reduced) {
    std::vector<Value> place;
    const std::vector<int> axes = followed(shape, reduced);
    for (int d = 0; d < shape.rank(); ++d) {
      const int axis = axes[static_cast<std::size_t>(d)];
      place.push_back(shape[d] == Dim(1) && !(group_.domain[axis] == Dim(1))
                          ? builder_.integer(0)
                          : index_[static_cast<std::size_t>(axis)]);
    }
    return place;
  }
  bool is_own_place(const Shape& shape, const Axes& reduced, std::span<const Value> index) {
    const int rank = group_.domain.rank();
    if (shape.rank() != rank && shape.rank() != rank - reduced.count()) return false;
    const std::vector<Value> own = own_place(shape, reduced);
    for (int d = 0; d < shape.rank(); ++d) {
      const auto at = static_cast<std::size_t>(d);
      if (!(shape[d] == Dim(1)) && index[at].id() != own[at].id()) return false;
    }
    return true;
  }
  /// True when a tensor of this shape has elements along the row.
  [[nodiscard]] bool along_row(const Shape& shape) const {
    if (group_.row.count() == 0 || shape.rank() != group_.domain.rank()) return false;
    return std::any_of(group_.row.begin(), group_.row.end(),
                       [&](int d) { return !(shape[d] == Dim(1)) || group_.domain[d] == Dim(1); });
  }

  // ---- Stages ---------------------------------------------------------------------------------

  enum class Stage : std::uint8_t { none, point, row };
  /// `fresh`: after what stands before has run for all of the row.
  void enter(Stage wanted, bool fresh = false) {
    if (group_.row.count() == 0) return;  // one stage for all
    if (stage_ == wanted && !fresh && !fresh_next_) return;
    stage_ = wanted;
    fresh_next_ = false;
    builder_.stage(wanted == Stage::row ? std::span<const Id>(row_axes_) : std::span<const Id>());
  }

  // ---- Memory ---------------------------------------------------------------------------------

  /// A buffer over a tensor from outside, or over an output, and the index of a position in it.
  struct Spot {
    Id buffer;
    std::vector<Value> index;
  };
  Spot spot(bool is_output, std::size_t edge, const Spec& spec, std::span<const Value> index,
            bool guarded, kernel::Buffer::Space space) {
    const int rank = spec.shape.rank();
    std::vector<Dim> strides(static_cast<std::size_t>(rank), 1);
    for (int d = rank - 1; d > 0; --d)
      strides[static_cast<std::size_t>(d - 1)] =
          strides[static_cast<std::size_t>(d)] * spec.shape[d];
    Linear offset;
    for (int d = 0; d < rank; ++d) {
      if (spec.shape[d] == Dim(1)) continue;
      offset.add(positions_.linear(index[static_cast<std::size_t>(d)]),
                 strides[static_cast<std::size_t>(d)]);
    }
    const auto& exprs = builder_.program().exprs;
    const bool steps =
        !guarded && std::all_of(offset.terms.begin(), offset.terms.end(), [&](const auto& term) {
          return exprs[term.first].code == Code::axis;
        });
    std::vector<std::int64_t> key = {is_output ? 1 : 0, static_cast<std::int64_t>(edge),
                                     steps ? offset.constant.bits() : -1};
    std::vector<Value> place;
    std::vector<Value> extents;
    std::vector<Value> factors;
    if (steps) {
      // In the order of the group's axes, then of loops inside.
      std::vector<std::pair<Id, Dim>> walked;
      for (const auto& [of, times] : offset.terms)
        walked.emplace_back(static_cast<Id>(exprs[of].bits), times);
      std::sort(walked.begin(), walked.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      for (const auto& [axis, times] : walked) {
        key.insert(key.end(), {static_cast<std::int64_t>(axis), times.bits()});
        extents.emplace_back(builder_, builder_.program().axes[axis].extent);
        factors.push_back(sizes_.value(times));
        place.push_back(builder_.index(axis));
      }
    } else {
      for (int d = 0; d < rank; ++d) {
        extents.push_back(sizes_.value(spec.shape[d]));
        factors.push_back(sizes_.value(strides[static_cast<std::size_t>(d)]));
        place.push_back(spec.shape[d] == Dim(1) && !guarded
                            ? builder_.integer(0)
                            : positions_.simplified(index[static_cast<std::size_t>(d)]));
      }
    }
    const auto [found, is_new] = buffers_.try_emplace(std::move(key), kernel::none);
    if (is_new) {
      found->second = builder_.buffer(spec.dtype, space, extents, factors);
      kernel_.buffers.push_back(
          {.output = is_output, .edge = edge, .offset = steps ? offset.constant : Dim(0)});
    }
    return {found->second, std::move(place)};
  }

  std::size_t input(const Edge& edge) {
    const auto found = std::find(kernel_.inputs.begin(), kernel_.inputs.end(), edge);
    if (found != kernel_.inputs.end())
      return static_cast<std::size_t>(found - kernel_.inputs.begin());
    kernel_.inputs.push_back(edge);
    return kernel_.inputs.size() - 1;
  }

  /// Into the stage that is open.
  void store(const Edge& edge, const Value& value) {
    const Spec* memory = &spec(edge);
    std::vector<Value> place = own_place(memory->shape, reduced(edge.node));
    for (const Group::Part& part : group_.parts) {
      if (!(part.output == edge)) continue;
      memory = &spec(part.whole);
      for (int d = 0; d < part.first.rank(); ++d) {
        if (part.first[d] == Dim(0)) continue;
        Value& at = place[static_cast<std::size_t>(d)];
        at = at + sizes_.value(part.first[d]);
      }
    }
    const Spot to = spot(true, *output(edge), *memory, place, false, kernel::Buffer::Space::output);
    builder_.store(to.buffer, to.index, value);
  }

  // ---- Values ---------------------------------------------------------------------------------

  Value parameter(const Edge& edge, DType dtype) override {
    for (std::size_t i = 0; i < kernel_.parameters.size(); ++i) {
      if (kernel_.parameters[i].edge == edge && kernel_.parameters[i].dtype == dtype)
        return parameters_[i];
    }
    kernel_.parameters.push_back({edge, dtype});
    parameters_.push_back(builder_.parameter(dtype));
    return parameters_.back();
  }

  Value element(const Edge& edge, std::span<const Value> index, const Value& guard) override {
    const Spec& of = spec(edge);
    if (!inside(edge.node)) {
      const Spot from =
          spot(false, input(edge), of, index, guard.defined(), kernel::Buffer::Space::input);
      if (!guard.defined()) return builder_.load(from.buffer, from.index);
      return builder_.load(from.buffer, from.index, guard, builder_.constant_bits(of.dtype, 0));
    }
    if (const auto settled = settled_.find(edge); settled != settled_.end()) {
      if (is_own_place(of.shape, reduced(edge.node), index)) return settled->second;
      if (member(edge.node).row.count() > 0 || !member(edge.node).places)
        throw InternalError("fusion: a row is read at a place that is not its own");
    }
    return splice(edge.node, index, guard)[static_cast<std::size_t>(edge.result)];
  }

  const std::vector<Value>& splice(int number, std::span<const Value> index, const Value& guard);
  void emit(int number);
  void emit_row(int number);
  void emit_closing(int number);

  const Function& function_;
  std::span<const Member> members_;
  const Group& group_;
  kernel::Builder builder_;
  Sizes sizes_;
  Positions positions_;
  Axes across_;                        // of the domain, those that are not the row's
  std::vector<std::vector<Id>> axes_;  // that walk each of the domain's
  std::vector<Value> index_;           // likewise
  std::vector<Id> row_axes_;
  Stage stage_ = Stage::none;
  bool fresh_next_ = false;
  std::map<std::vector<std::int64_t>, Id> buffers_;
  std::vector<Value> parameters_;
  std::map<Edge, Value, EdgeOrder> settled_;               // at their own place
  std::map<std::vector<Id>, std::vector<Value>> spliced_;  // by node, index and guard
  FusedKernel kernel_;
};

/// The results of a pointwise operator at a place of one's choice.
const std::vector<Value>& Fuser::splice(int number, std::span<const Value> index,
                                        const Value& guard) {
  std::vector<Id> key = {static_cast<Id>(number), guard.defined() ? guard.id() : kernel::none};
  std::vector<Value> point;
  const Member& of = member(number);
  for (int d = 0; d < of.domain.rank(); ++d) {
    // An axis of one element has one position, whatever leads there.
    point.push_back(of.domain[d] == Dim(1) ? builder_.integer(0)
                                           : index[static_cast<std::size_t>(d)]);
    key.push_back(point.back().id());
  }
  if (const auto found = spliced_.find(key); found != spliced_.end()) return found->second;
  Splice splice(*this, node(number), of, point, {}, guard);
  const kernel::Program& program = of.lowered->program;
  for (const kernel::Stage& stage : program.stages) {
    splice.folds(stage);
    splice.checks(stage);
  }
  std::vector<Value> results;
  for (const int store : of.store_of)
    results.push_back(splice.copy(program.stores[static_cast<std::size_t>(store)].value));
  return spliced_[key] = std::move(results);
}

void Fuser::emit(int number) {
  const Member& of = member(number);
  if (of.row.count() > 0 || !of.places) return emit_row(number);
  const bool kept = std::find(group_.kept.begin(), group_.kept.end(), number) != group_.kept.end();
  const auto count = static_cast<int>(node(number).results.size());
  bool needed = kept || of.checks;
  for (int k = 0; k < count; ++k) needed = needed || output({number, k});
  if (!needed) return;
  const Shape& shape = node(number).results[0].shape;
  const Stage stage = along_row(shape) ? Stage::row : Stage::point;
  enter(stage, kept);
  const std::vector<Value> values = splice(number, own_place(shape, group_.row), {});
  for (int k = 0; k < count; ++k) {
    const Edge edge{number, k};
    const Value& value = values[static_cast<std::size_t>(k)];
    if (output(edge)) {
      enter(stage);
      store(edge, value);
    }
    settled_[edge] = value;
    if (!kept || stage != Stage::row) continue;
    std::vector<Value> extents;
    std::vector<Value> place;
    for (int d = 0; d < group_.domain.rank(); ++d) {
      if (!group_.row.contains(d)) continue;
      extents.push_back(sizes_.value(group_.domain[d]));
      place.push_back(index_[static_cast<std::size_t>(d)]);
    }
    const Id row = builder_.row(value.dtype(), extents);
    builder_.store(row, place, value);
    settled_[edge] = builder_.load(row, place);
    fresh_next_ = true;
  }
}

/// An operator with loops over the group's row, or whose stores choose their places.
void Fuser::emit_row(int number) {
  const Member& of = member(number);
  const kernel::Program& program = of.lowered->program;
  Splice splice(*this, node(number), of, index_, axes_, {});
  for (const kernel::Stage& stage : program.stages) {
    const bool scans =
        std::any_of(program.list(stage.folds).begin(), program.list(stage.folds).end(),
                    [&](Id fold) { return program.folds[fold].kind == kernel::Fold::Kind::scan; });
    const Stage own = stage.axes.count > 0 ? Stage::row : Stage::point;
    const bool keeps = std::any_of(
        program.list(stage.stores).begin(), program.list(stage.stores).end(),
        [&](Id store) { return of.launch_buffer[program.stores[store].to.buffer] < 0; });
    enter(own, scans || keeps);
    splice.folds(stage);
    splice.checks(stage);
    for (const Id id : program.list(stage.stores)) {
      const kernel::Store& stored = program.stores[id];
      const int buffer = of.launch_buffer[stored.to.buffer];
      if (buffer < 0) {
        splice.keep(stored);
        fresh_next_ = true;
        continue;
      }
      const Edge edge{number, of.lowered->buffers[static_cast<std::size_t>(buffer)].tensor};
      const Value value = splice.copy(stored.value);
      if (of.places) {
        settled_[edge] = value;
        if (output(edge)) {
          enter(own);
          store(edge, value);
        }
        continue;
      }
      const Value guard = stored.to.guard == kernel::none ? Value{} : splice.copy(stored.to.guard);
      const std::vector<Value> index = splice.copies(program.list(stored.to.index));
      const auto space = program.buffers[stored.to.buffer].space;
      const Spot to = spot(true, *output(edge), spec(edge), index, true, space);
      builder_.store(to.buffer, to.index, value, stored.mode, stored.unique, guard);
    }
    if (scans) fresh_next_ = true;
  }
}

/// Sums over the points, or what follows them element by element.
void Fuser::emit_closing(int number) {
  const Member& of = member(number);
  const kernel::Program& program = of.lowered->program;
  const auto settle = [&](int result, const Value& value) {
    const Edge edge{number, result};
    settled_[edge] = value;
    if (output(edge)) store(edge, value);
  };
  if (of.row.count() == 0) {
    const Shape& shape = node(number).results[0].shape;
    const std::vector<Value> values = splice(number, own_place(shape, across_), {});
    for (std::size_t k = 0; k < values.size(); ++k) settle(static_cast<int>(k), values[k]);
    return;
  }
  Splice splice(*this, node(number), of, index_, axes_, {});
  for (const kernel::Stage& stage : program.stages) splice.folds(stage);
  for (std::size_t k = 0; k < of.store_of.size(); ++k) {
    const kernel::Store& stored = program.stores[static_cast<std::size_t>(of.store_of[k])];
    settle(static_cast<int>(k), splice.copy(stored.value));
  }
}

}  // namespace

FusedKernel fuse(const Function& function, std::span<const Member> members, const Group& group) {
  return Fuser(function, members, group).run();
}

}  // namespace rill
