// Functions as text: one line per node, so that a change of a graph reads as a change of lines.
#include <rill/trace/json.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>

#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

using Json = nlohmann::ordered_json;

Json real(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  return number;
}

Json number(const Scalar& scalar) {
  switch (scalar.kind()) {
    case Scalar::Kind::boolean:
      return scalar.integer() != 0;
    case Scalar::Kind::integer:
      return scalar.integer();
    case Scalar::Kind::unsigned_integer:
      return {{"unsigned", static_cast<std::uint64_t>(scalar.integer())}};
    case Scalar::Kind::real:
      break;
  }
  return {{"real", real(scalar.real())}};
}

class Writer {
 public:
  explicit Writer(std::map<std::string, Tensor>& weights) : weights_(weights) {}

  std::string function(const Function& f) {
    std::string text = "    {\n      \"inputs\": ";
    Json inputs = Json::array();
    for (int input : f.inputs) inputs.push_back(f.nodes[static_cast<std::size_t>(input)].name);
    text += inputs.dump() + ",\n      \"outputs\": ";
    Json outputs = Json::array();
    for (const auto& output : f.outputs)
      outputs.push_back({{"name", output.name}, {"value", f.reference(output.edge)}});
    text += outputs.dump() + ",\n      \"nodes\": [";
    const char* separator = "\n        ";
    for (const Node& n : f.nodes) {
      text += separator + node(f, n).dump();
      separator = ",\n        ";
    }
    return text + "\n      ]\n    }";
  }

 private:
  static void require_default(const Node& draw) {
    if (draw.generator->id() == rng::default_generator().id()) return;
    throw detail::UnnamedError<TraceError>(
        "graph",
        "'" + draw.name +
            "' draws from a generator of the program's, which a file does not hold: draw from the "
            "default one",
        {});
  }

  Json node(const Function& f, const Node& n) {
    Json json{{"name", n.name}};
    switch (n.kind) {
      case Node::Kind::input:
        json["input"] = spec(n.results[0]);
        break;
      case Node::Kind::number:
        json["number"] = number(n.value.body().scalar);
        break;
      case Node::Kind::draw:
        require_default(n);
        json["draw"] = "default";
        break;
      case Node::Kind::check:
        json["check"] = f.reference(n.inputs[0]);
        json["message"] = n.message;
        break;
      case Node::Kind::constant:
        json["constant"] = keep("constant/" + n.name, n.value);
        break;
      case Node::Kind::variable:
      case Node::Kind::assign: {
        const std::string key = variable_key(n.variable);
        json[n.kind == Node::Kind::variable ? "variable" : "assign"] = key;
        if (n.kind == Node::Kind::assign) json["value"] = f.reference(n.inputs[0]);
        json["trainable"] = n.variable.trainable();
        break;
      }
      case Node::Kind::op: {
        json["op"] = n.op->name;
        Json inputs = Json::array();
        for (const Edge& edge : n.inputs) inputs.push_back(f.reference(edge));
        json["inputs"] = inputs;
        if (n.attributes.type() != nullptr) {
          Json attributes = Json::object();
          for (const auto& entry : n.attributes.type()->fields) {
            attributes[std::string(entry.name)] = attribute(entry.get(n.attributes.value()));
          }
          json["attributes"] = attributes;
        }
        Json results = Json::array();
        for (const Spec& result : n.results) results.push_back(spec(result));
        json["results"] = results;
      }
    }
    return json;
  }

  /// Unknown sizes without names are `?1`, `?2` ... in the order in which the text meets them, so
  /// that the same graph is the same text in every process.
  Json dim(Dim size) {
    if (size.known()) return size.value();
    return size
        .substitute([&](std::string_view name) -> std::optional<Dim> {
          if (!name.starts_with('?')) return std::nullopt;
          const auto [at, added] = unknowns_.try_emplace(std::string(name));
          if (added) at->second = Dim::parse("?" + std::to_string(unknowns_.size()));
          return at->second;
        })
        .text();
  }

  Json shape(const Shape& sizes) {
    Json list = Json::array();
    for (Dim size : sizes) list.push_back(dim(size));
    return list;
  }

  Json spec(const Spec& spec) {
    return {{"dtype", name(spec.dtype)}, {"shape", shape(spec.shape)}};
  }

  Json attribute(const AttributeValue& value) {
    return std::visit(
        [this](const auto& v) -> Json {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, double>) {
            return {{"real", real(v)}};  // else 1.0 would come back as an integer
          } else if constexpr (std::is_same_v<T, DType>) {
            return {{"dtype", name(v)}};
          } else if constexpr (std::is_same_v<T, Axes>) {
            Json list = Json::array();
            for (int axis : v) list.push_back(axis);
            return {{"axes", list}};
          } else if constexpr (std::is_same_v<T, Shape>) {
            return {{"shape", shape(v)}};
          } else {
            return v;
          }
        },
        value);
  }

  /// Names in the weights' file are unique; functions that share a constant share its entry.
  std::string keep(const std::string& name, const Tensor& value) {
    for (int i = 0;; ++i) {
      const std::string key = i == 0 ? name : name + "_" + std::to_string(i);
      const auto [at, added] = weights_.emplace(key, value);
      if (added || at->second.id() == value.id()) return key;
    }
  }

  std::string variable_key(const Variable& variable) {
    const auto found = variables_.find(variable.id());
    if (found != variables_.end()) return found->second;
    return variables_[variable.id()] = keep("variable/" + variable.name(), variable.value({}));
  }

  std::map<std::string, Tensor>& weights_;
  std::map<std::string, Dim> unknowns_;
  std::unordered_map<std::uint64_t, std::string> variables_;
};

}  // namespace

std::string to_json(std::span<const std::shared_ptr<const Function>> functions,
                    std::string_view weights_file, std::map<std::string, Tensor>& weights) {
  Writer writer(weights);
  std::string signatures;
  const char* separator = "\n";
  for (const auto& function : functions) {
    signatures += separator + writer.function(*function);
    separator = ",\n";
  }
  std::string text =
      "{\n  \"format\": \"rill graph\",\n  \"version\": " + std::to_string(graph_format_version) +
      ",\n";
  if (!weights.empty()) text += "  \"weights\": " + Json(weights_file).dump() + ",\n";
  return text + "  \"signatures\": [" + signatures + "\n  ]\n}\n";
}

}  // namespace rill
