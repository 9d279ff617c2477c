#include <rill/trace/step_cost.h>

#include <algorithm>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace rill {
namespace {

constexpr double bytes_per_second = 25e9;
constexpr double operations_per_second = 100e9;  // of a kernel: arithmetic in vectors
constexpr double flops_per_second = 300e9;       // of products and convolutions
constexpr double kernel_start = 0.1e-6;
constexpr double library_start = 0.5e-6;
constexpr double node_start = 1e-6;

class Cost {
 public:
  explicit Cost(const TracePlan& plan) : plan_(plan) {}

  double operator()(const KernelStep& step) const {
    double seconds = kernel_start;
    for (const Launch& launch : step.launches) {
      const Group& group = plan_.groups[launch.group];
      seconds += std::max(bytes(group.nodes, group.outputs) / bytes_per_second,
                          operations(group) / operations_per_second);
    }
    return seconds;
  }
  double operator()(const LibraryStep& step) const {
    if (!step.epilogue) {
      return library_start +
             std::max(bytes(step.node) / bytes_per_second, flops(step.node) / flops_per_second);
    }
    // What the epilogue reads of the library's result is in caches.
    const Group& group = plan_.groups[step.epilogue->launches[0].group];
    std::vector<int> nodes = group.nodes;
    nodes.push_back(step.node);
    std::vector<Edge> made = group.outputs;
    if (step.needed) made.push_back({step.node, 0});
    return library_start + std::max(bytes(nodes, made) / bytes_per_second,
                                    flops(step.node) / flops_per_second +
                                        operations(group) / operations_per_second);
  }
  double operator()(const NodeStep& step) const {
    return node_start + bytes(step.node) / bytes_per_second;
  }
  template <class Other>  // a variable's handle
  double operator()(const Other&) const {
    return 0;
  }

 private:
  [[nodiscard]] static double operations(const Group& group) {
    return static_cast<double>(group.operations) * static_cast<double>(group.domain.size().value());
  }
  /// What comes from elsewhere, each value once, and what is made.
  [[nodiscard]] double bytes(std::span<const int> nodes, std::span<const Edge> made) const {
    std::set<std::pair<int, int>> seen;
    std::size_t sum = 0;
    for (const int n : nodes) {
      for (const Edge& edge : plan_.node(n).inputs) {
        const bool inside = std::find(nodes.begin(), nodes.end(), edge.node) != nodes.end();
        if (!inside && plan_.node(edge.node).kind != Node::Kind::number &&
            seen.insert({edge.node, edge.result}).second)
          sum += bytes_of(plan_.spec(edge));
      }
    }
    for (const Edge& edge : made) sum += bytes_of(plan_.spec(edge));
    return static_cast<double>(sum);
  }
  [[nodiscard]] double bytes(int node) const {
    std::vector<Edge> made;
    for (int k = 0; k < std::ssize(plan_.node(node).results); ++k) made.push_back({node, k});
    return bytes(std::span(&node, 1), made);
  }

  [[nodiscard]] static double size(const Spec& spec) {
    return static_cast<double>(spec.shape.size().value());
  }
  /// Two for each multiplication and addition.
  [[nodiscard]] double flops(int n) const {
    const Node& node = plan_.node(n);
    const std::string_view name = node.op->name;
    const Spec& made = node.results[0];
    if (node.inputs.size() < 2) return size(made);
    const Spec& a = plan_.spec(node.inputs[0]);
    const Spec& b = plan_.spec(node.inputs[1]);
    const auto channels = [](const Spec& filters) {
      return static_cast<double>(filters.shape[3].value());
    };
    if (name == "conv2d") return 2 * size(made) * size(b) / channels(b);
    if (name == "conv2d_input_gradient") return 2 * size(a) * size(b) / channels(b);
    if (name == "conv2d_weight_gradient") return 2 * size(b) * size(made) / channels(made);
    if (name != "matmul" || made.shape.rank() < 2 || a.shape.rank() < 2)
      return 2 * std::max(size(a), size(b));
    // (rows, k) or (k, rows) by (k, columns) or (columns, k); libraries make nothing of no
    // elements.
    const int last = a.shape.rank() - 1;
    const double rows = static_cast<double>(made.shape[made.shape.rank() - 2].value());
    return 2 * size(made) *
           (static_cast<double>((a.shape[last] * a.shape[last - 1]).value()) / rows);
  }

  const TracePlan& plan_;
};

}  // namespace

double estimated_seconds(const TracePlan& plan, const Step& step) {
  return std::visit(Cost(plan), step);
}

}  // namespace rill
