#include <rill/trace/picture/page.h>

#include <nlohmann/json.hpp>

#include <rill/trace/picture/page_parts.h>

namespace rill::picture {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Edge& edge) { return Json::array({edge.node, edge.result}); }

Json json_of(const Node& node) {
  Json json{{"name", node.name}, {"kind", node.kind}, {"label", node.label}};
  if (!node.attributes.empty()) json["attributes"] = node.attributes;
  if (!node.where.empty()) json["where"] = node.where;
  json["results"] = node.results;
  Json inputs = Json::array();
  for (const Edge& edge : node.inputs) inputs.push_back(json_of(edge));
  json["inputs"] = std::move(inputs);
  json["step"] = node.step;
  return json;
}

Json json_of(const View& view) {
  Json nodes = Json::array();
  for (const Node& node : view.nodes) nodes.push_back(json_of(node));
  Json outputs = Json::array();
  for (const View::Output& output : view.outputs)
    outputs.push_back({{"name", output.name}, {"edge", json_of(output.edge)}});
  return {{"title", view.title}, {"nodes", std::move(nodes)}, {"outputs", std::move(outputs)}};
}

Json json_of(const Step& step) {
  Json json{{"kind", step.kind},
            {"read", step.read},
            {"written", step.written},
            {"operations", step.operations},
            {"launches", step.launches}};
  if (step.microseconds >= 0) json["microseconds"] = step.microseconds;
  return json;
}

Json json_of(const Scene& scene) {
  Json json{{"text", scene.signature}, {"views", Json::array()}, {"steps", Json::array()}};
  for (const View& view : scene.views) json["views"].push_back(json_of(view));
  for (const Step& step : scene.steps) json["steps"].push_back(json_of(step));
  if (scene.arena >= 0) json["arena"] = scene.arena;
  json["variables"] = scene.variables;
  json["constants"] = scene.constants;
  return json;
}

/// In an element whose text is data, `<` could begin its end.
std::string as_data(const Json& json) {
  std::string text;
  for (const char c : json.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

std::string as_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

std::string page(std::string_view title, std::span<const Scene> scenes) {
  Json data{{"title", title}, {"signatures", Json::array()}};
  for (const Scene& scene : scenes) data["signatures"].push_back(json_of(scene));
  // The page's marks, in the order in which they stand there.
  const std::pair<std::string_view, std::string> parts[] = {
      {"{title}", as_text(title)},
      {"{style}", std::string(page_style)},
      {"{data}", as_data(data)},
      {"{script}",
       std::string(page_layout) + std::string(page_picture) + std::string(page_script)}};
  std::string_view rest = page_markup;
  std::string text;
  for (const auto& [mark, part] : parts) {
    const std::size_t at = rest.find(mark);
    text.append(rest.substr(0, at)).append(part);
    rest.remove_prefix(at + mark.size());
  }
  return text.append(rest);
}

}  // namespace rill::picture
