#include <rill/trace/fusion/split_axes.h>

#include <algorithm>

namespace rill {
namespace {

/// How many elements one step along each axis is, and all of them.
std::vector<std::int64_t> steps(const Shape& shape) {
  std::vector<std::int64_t> steps(static_cast<std::size_t>(shape.rank()) + 1, 1);
  for (int d = shape.rank(); d-- > 0;) {
    const auto at = static_cast<std::size_t>(d);
    steps[at] = steps[at + 1] * shape[d].value();
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

}  // namespace

std::vector<std::vector<Dim>> split_axes(const Function& function, const Group& group) {
  std::vector<std::vector<Dim>> factors;
  for (int d = 0; d < group.domain.rank(); ++d) factors.push_back({group.domain[d]});
  if (!group.domain.known() || group.domain.size() == Dim(0)) return factors;
  // Steps of what is joined to the domain itself.
  std::vector<std::int64_t> joined;
  for (const int n : group.nodes) {
    const Node& node = function.nodes[static_cast<std::size_t>(n)];
    if (node.op->name != "reshape" || !(node.results[0].shape == group.domain)) continue;
    const Edge& edge = node.inputs[0];
    const Node& from = function.nodes[static_cast<std::size_t>(edge.node)];
    const auto of = steps(from.results[static_cast<std::size_t>(edge.result)].shape);
    joined.insert(joined.end(), of.begin(), of.end());
  }
  std::sort(joined.begin(), joined.end());
  std::int64_t step = 1;  // of the axis
  for (int d = group.domain.rank(); d-- > 0;) {
    const std::int64_t end = step * group.domain[d].value();
    std::int64_t inner = step;
    std::vector<Dim> found;
    for (const std::int64_t cut : joined) {
      if (group.row.contains(d) || cut <= inner || cut >= end || cut % inner != 0 || end % cut != 0)
        continue;
      found.insert(found.begin(), cut / inner);
      inner = cut;
    }
    found.insert(found.begin(), end / inner);
    factors[static_cast<std::size_t>(d)] = std::move(found);
    step = end;
  }
  return factors;
}

}  // namespace rill
