#include <rill/trace/explain.h>

#include <algorithm>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace rill {
namespace {

std::int64_t bytes_of(const Spec& spec) {
  return spec.shape.size().value() * static_cast<std::int64_t>(size_of(spec.dtype));
}

/// `12,345,678 B`: with commas, as long numbers are read.
std::string bytes_text(std::int64_t bytes) {
  std::string digits = std::to_string(bytes);
  for (std::ptrdiff_t at = std::ssize(digits) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits + " B";
}

class Explanation {
 public:
  explicit Explanation(const TracePlan& plan) : plan_(plan) {}

  std::string text() {
    for (const Step& step : plan_.steps) std::visit([&](const auto& one) { line(one); }, step);
    return text_ + "arena: " + bytes_text(static_cast<std::int64_t>(plan_.arena)) + "\n";
  }

 private:
  /// What a set of nodes reads from elsewhere, each value once.
  [[nodiscard]] std::int64_t read(std::span<const int> nodes) const {
    std::set<std::pair<int, int>> seen;
    std::int64_t bytes = 0;
    for (const int n : nodes) {
      for (const Edge& edge : plan_.node(n).inputs) {
        const bool inside = std::find(nodes.begin(), nodes.end(), edge.node) != nodes.end();
        if (inside || plan_.node(edge.node).kind == Node::Kind::number) continue;
        if (seen.insert({edge.node, edge.result}).second) bytes += bytes_of(plan_.spec(edge));
      }
    }
    return bytes;
  }

  void line(std::string_view kind, std::span<const int> nodes, std::span<const Edge> made,
            std::int64_t operations, std::size_t times) {
    std::int64_t written = 0;
    for (const Edge& edge : made) written += bytes_of(plan_.spec(edge));
    text_ += kind;
    text_ += "in " + bytes_text(read(nodes)) + ", out " + bytes_text(written);
    if (operations > 0) text_ += ", " + std::to_string(operations) + " op";
    text_ += ":";
    for (const int n : nodes) text_ += " " + plan_.node(n).name;
    if (!made.empty()) text_ += " ->";
    for (const Edge& edge : made)
      text_ += " " + plan_.spec(edge).text() + " " + plan_.node(edge.node).name;
    if (times > 1) text_ += " (and " + std::to_string(times - 1) + " alike)";
    text_ += "\n";
  }

  void line(const KernelStep& step) {
    const Group& group = plan_.groups[step.launches[0].group];
    line("kernel   ", group.nodes, group.outputs, group.operations, step.launches.size());
  }
  void line(const LibraryStep& step) { line("library  ", step.node); }
  void line(const ReadStep& step) {
    text_ += "read     variable '" + plan_.variables[step.variable].variable.name() + "'\n";
  }
  void line(const AssignStep& step) {
    const VariableUse& use = plan_.variables[step.variable];
    const Edge& value = plan_.node(step.node).inputs[0];
    text_ += "assign   variable '" + use.variable.name() + "'" +
             (use.in_place ? ", in place" : "") + ": " + plan_.function->reference(value) + "\n";
  }
  void line(const NodeStep& step) { line("node     ", step.node); }
  void line(std::string_view kind, int node) {
    std::vector<Edge> made;
    for (int k = 0; k < std::ssize(plan_.node(node).results); ++k) made.push_back({node, k});
    line(kind, std::span(&node, 1), made, 0, 1);
  }

  const TracePlan& plan_;
  std::string text_;
};

}  // namespace

std::string explain(const TracePlan& plan) { return Explanation(plan).text(); }

}  // namespace rill
