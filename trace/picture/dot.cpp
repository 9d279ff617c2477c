#include <rill/trace/picture/dot.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <map>

namespace rill::picture {
namespace {

/// Between quotation marks, where a backslash begins an escape and nothing else means anything.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == 127) {
      out += '?';  // no XML holds it
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// Several of them as the lines of a label.
std::string lines(const std::vector<std::string>& texts) {
  std::string out = "\"";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string each = quoted(texts[i]);
    if (i > 0) out += "\\n";
    out.append(each, 1, each.size() - 2);
  }
  return out + '"';
}

/// A light colour per kernel: hues a golden angle apart.
std::string colour(int step) {
  const double hue = std::fmod(.58 + .381966 * step, 1.0);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "\"%.3f 0.22 0.97\"", hue);
  return text.data();
}

std::string time_text(double microseconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g us", microseconds);
  return text.data();
}

class Writer {
 public:
  Writer(const Scene& scene, const View& view, std::string prefix)
      : scene_(scene), view_(view), prefix_(std::move(prefix)) {}

  std::string text() {
    Scope root;
    for (std::size_t n = 0; n < view_.nodes.size(); ++n) {
      const Node& node = view_.nodes[n];
      if (node.kind == "number") continue;  // stands in its readers
      Scope* at = &root;
      std::size_t begin = 0;
      for (std::size_t slash = 0; (slash = node.name.find('/', begin)) != std::string::npos;
           begin = slash + 1)
        at = &at->inner[node.name.substr(begin, slash - begin)];
      at->nodes.push_back(n);
    }
    write(root, "  ");
    edges();
    return std::move(text_);
  }

 private:
  struct Scope {
    std::map<std::string, Scope> inner;
    std::vector<std::size_t> nodes;
  };

  [[nodiscard]] std::string id(std::size_t n) const { return prefix_ + "n" + std::to_string(n); }

  void write(const Scope& scope, const std::string& indent) {
    for (const std::size_t n : scope.nodes) node(n, indent);
    for (const auto& [name, inner] : scope.inner) {
      text_ += indent + "subgraph cluster_" + prefix_ + std::to_string(clusters_++) + " {\n";
      text_ += indent + "  label=" + quoted(name) +
               "; style=rounded; color=\"#b8c0cc\"; fontcolor=\"#56606e\";\n";
      write(inner, indent + "  ");
      text_ += indent + "}\n";
    }
  }

  /// `multiply (_, 2)`: the operator, and which numbers it is given.
  [[nodiscard]] std::string title(const Node& node) const {
    std::string operands;
    bool numbers = false;
    for (const Edge& edge : node.inputs) {
      const Node& from = view_.nodes[static_cast<std::size_t>(edge.node)];
      numbers = numbers || from.kind == "number";
      operands += (operands.empty() ? "" : ", ") + (from.kind == "number" ? from.label : "_");
    }
    const std::string label = node.kind == "op"      ? node.label
                              : node.kind == "check" ? "check: " + node.label
                                                     : std::string(node.kind) + " " + node.label;
    return numbers ? label + " (" + operands + ")" : label;
  }

  void node(std::size_t n, const std::string& indent) {
    const Node& node = view_.nodes[n];
    const std::string own = node.name.substr(node.name.rfind('/') + 1);
    std::vector<std::string> label = {node.kind == "input" ? own : title(node)};
    if (node.kind == "op" && own != node.label) label.push_back(own);
    for (const std::string& result : node.results) label.push_back(result);
    text_ += indent + id(n) + " [label=" + lines(label);
    if (node.kind == "input") {
      text_ += ", shape=ellipse, fillcolor=\"#ffffff\"";
    } else if (node.kind == "variable" || node.kind == "assign") {
      text_ += ", shape=cylinder, fillcolor=\"#fff3d6\"";
    } else if (node.step >= 0) {
      const Step& step = scene_.steps[static_cast<std::size_t>(node.step)];
      std::string about = std::string(step.kind) + " " + std::to_string(node.step + 1);
      if (step.microseconds >= 0) about += ", " + time_text(step.microseconds);
      text_ += ", fillcolor=" + colour(node.step) + ", tooltip=" + quoted(about);
    } else {
      text_ += R"(, style="rounded,filled,dashed", fillcolor="#f3f4f6")";
    }
    text_ += "];\n";
  }

  void edges() {
    for (std::size_t n = 0; n < view_.nodes.size(); ++n) {
      for (const Edge& edge : view_.nodes[n].inputs) {
        const auto from = static_cast<std::size_t>(edge.node);
        if (view_.nodes[from].kind == "number") continue;
        text_ += "  " + id(from) + " -> " + id(n);
        if (edge.result > 0) text_ += " [label=" + quoted(":" + std::to_string(edge.result)) + "]";
        text_ += ";\n";
      }
    }
    for (std::size_t i = 0; i < view_.outputs.size(); ++i) {
      const View::Output& output = view_.outputs[i];
      const std::string name = prefix_ + "o" + std::to_string(i);
      text_ += "  " + name + " [label=" + quoted(output.name) +
               ", shape=ellipse, fillcolor=\"#ffffff\"];\n";
      text_ += "  " + id(static_cast<std::size_t>(output.edge.node)) + " -> " + name + ";\n";
    }
  }

  const Scene& scene_;
  const View& view_;
  const std::string prefix_;
  std::string text_;
  int clusters_ = 0;
};

}  // namespace

std::string dot(std::span<const Scene> scenes, bool planned) {
  std::string text =
      "digraph {\n"
      "  graph [fontname=\"Helvetica\", fontsize=11, ranksep=0.35, nodesep=0.25];\n"
      "  node [fontname=\"Helvetica\", fontsize=11, shape=box, style=\"rounded,filled\", "
      "color=\"#8a94a3\", margin=\"0.12,0.05\"];\n"
      "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#6b7480\", arrowsize=0.6];\n";
  std::size_t nodes = 0;
  for (const Scene& scene : scenes) nodes += scene.views[0].nodes.size();
  if (nodes > 1000) text += "  graph [splines=line, nslimit=1, nslimit1=1, mclimit=0.1];\n";
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    const Scene& scene = scenes[i];
    const View& view = planned ? scene.views.back() : scene.views.front();
    const std::string prefix = "s" + std::to_string(i);
    if (scenes.size() > 1) {
      text += "  subgraph cluster_" + prefix + " {\n  label=" + quoted(scene.signature) +
              "; color=\"#d8dde4\";\n";
    }
    text += Writer(scene, view, prefix).text();
    if (scenes.size() > 1) text += "  }\n";
  }
  return text + "}\n";
}

}  // namespace rill::picture
