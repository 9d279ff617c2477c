#include <rill/trace/passes/turned.h>

#include <algorithm>
#include <cstddef>
#include <variant>
#include <vector>

#include <rill/ops/kernel_cache.h>
#include <rill/tensor/error.h>
#include <rill/trace/fusion/member.h>
#include <rill/trace/passes/axis_order.h>

namespace rill {
namespace {

class Turning {
 public:
  Turning(const Function& function, int n, const Axes& order)
      : function_(function),
        node_(function.nodes[static_cast<std::size_t>(n)]),
        order_(order),
        member_(member_of(function, n)) {}

  std::optional<Turned> run() {
    if (!walks_points() || !keeps_numbering()) return std::nullopt;
    Turned made{.domain = member_.domain, .attributes = {}, .orders = {}};
    const auto attributes = turned_attributes();
    if (!attributes) return std::nullopt;
    made.attributes = *attributes;
    for (const Spec& result : node_.results) {
      const auto order = order_of(result.shape);
      if (!order) return std::nullopt;
      made.orders.push_back(*order);
    }
    if (!follows_rule(made)) return std::nullopt;
    return made;
  }

 private:
  /// Loops over the domain that read and write at their point.
  [[nodiscard]] bool walks_points() const {
    if (member_.lowered == nullptr || !member_.places || member_.checks || member_.windows ||
        member_.scans || member_.lowered->general || node_.op->stateful ||
        member_.domain.rank() != order_.count())
      return false;
    const auto& buffers = member_.lowered->buffers;
    return std::all_of(buffers.begin(), buffers.end(),
                       [](const Lowered::BufferSource& source) { return source.aligned; });
  }

  /// The elements of a row are numbered in row-major order; axes of size 1 do not count.
  [[nodiscard]] bool keeps_numbering() const {
    int last = -1;
    for (const int axis : order_) {
      if (!member_.row.contains(axis) || member_.domain[axis] == Dim(1)) continue;
      if (axis < last) return false;
      last = axis;
    }
    return true;
  }

  /// Attributes say numbers and dtypes, axes of the loops or the result's shape; whoever says more
  /// stays as it is.
  [[nodiscard]] std::optional<Attributes> turned_attributes() const {
    if (node_.attributes.type() == nullptr) return Attributes();
    Attributes made = Attributes::of(node_.attributes.type());
    for (const auto& field : node_.attributes.type()->fields) {
      AttributeValue value = field.get(node_.attributes.value());
      if (std::holds_alternative<std::int64_t>(value)) return std::nullopt;
      if (const Axes* const axes = std::get_if<Axes>(&value)) {
        value = turned_axes(*axes);
      } else if (const Shape* const shape = std::get_if<Shape>(&value)) {
        if (!(*shape == node_.results[0].shape) || !(*shape == member_.domain)) return std::nullopt;
        value = permuted(*shape, order_);
      }
      made.set(field.name, value);
    }
    return made;
  }
  [[nodiscard]] Axes turned_axes(const Axes& axes) const {
    Axes made;
    for (int axis = 0; axis < order_.count(); ++axis) {
      if (axes.contains(order_[axis])) made.push_back(axis);
    }
    return made;
  }

  /// Of a result: the domain's, the same with axes of size 1 instead of the row's, or what is left
  /// without these.
  [[nodiscard]] std::optional<Axes> order_of(const Shape& shape) const {
    if (shape.rank() == order_.count()) return order_;
    if (shape.rank() != order_.count() - member_.row.count()) return std::nullopt;
    std::vector<int> place(static_cast<std::size_t>(order_.count()));  // among the axes left
    int left = 0;
    for (int axis = 0; axis < order_.count(); ++axis) {
      place[static_cast<std::size_t>(axis)] = left;
      if (!member_.row.contains(axis)) ++left;
    }
    Axes made;
    for (const int axis : order_) {
      if (!member_.row.contains(axis)) made.push_back(place[static_cast<std::size_t>(axis)]);
    }
    return made;
  }

  /// The operator's own rule gives the turned results of the turned operands, and its body the
  /// turned row.
  [[nodiscard]] bool follows_rule(const Turned& made) const {
    std::vector<Tensor> operands;
    for (const Edge& edge : node_.inputs) {
      const Node& from = function_.nodes[static_cast<std::size_t>(edge.node)];
      Spec spec = from.results[static_cast<std::size_t>(edge.result)];
      const int rank = spec.shape.rank();
      if (rank > order_.count() || (rank > 0 && rank < order_.count() && member_.row.count() > 0))
        return false;
      if (rank > 0) spec.shape = permuted(of_rank(spec.shape, order_.count()), order_);
      operands.push_back(from.kind == Node::Kind::number ? from.value : spec.abstract());
    }
    Infer infer(*node_.op, made.attributes, operands, node_.where);
    try {
      node_.op->rule(infer);
    } catch (const Error&) {
      return false;
    }
    for (std::size_t k = 0; k < node_.results.size(); ++k) {
      if (!(infer.results()[k].shape == permuted(node_.results[k].shape, made.orders[k])))
        return false;
    }
    return kernel_entry(infer, operands)->plain.row_axes == turned_axes(member_.row);
  }

  const Function& function_;
  const Node& node_;
  const Axes& order_;
  const Member member_;
};

}  // namespace

std::optional<Turned> turned(const Function& function, int n, const Axes& order) {
  return Turning(function, n, order).run();
}

Shape of_rank(const Shape& shape, int rank) {
  Shape made(std::vector<Dim>(static_cast<std::size_t>(rank - shape.rank()), 1));
  for (const Dim size : shape) made.push_back(size);
  return made;
}

}  // namespace rill
