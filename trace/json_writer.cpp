// Functions as text: one line per node, so that a change of a graph reads as a change of lines.
#include <rill/trace/json.h>

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>

#include <rill/tensor/listener.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t most_elements_in_text = 16;  // of a constant

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

/// The shortest decimal that reads as the float does.
double shortest(float number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  double decimal = 0;
  std::from_chars(text.data(), end, decimal);
  return static_cast<float>(decimal) == number ? decimal : number;
}

Json elements(const Tensor& value) {
  const Silence silence;
  const Tensor dense = value.contiguous_copy();
  Json list = Json::array();
  visit(dense.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (const T& element : dense.data<T>()) {
      if constexpr (std::is_same_v<T, float>) {
        list.push_back(std::isfinite(element) ? Json(shortest(element)) : real(element));
      } else if constexpr (std::is_integral_v<T>) {
        list.push_back(element);
      } else {
        list.push_back(real(static_cast<double>(element)));
      }
    }
  });
  return list;
}

/// On one line; what is no UTF-8, in names and messages of the program's, is marked.
std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Writer {
 public:
  explicit Writer(std::map<std::string, Tensor>& weights) : weights_(weights) {}

  std::string function(const Function& f) { return "    {\n      " + members(f); }

  /// Those of the nodes so far: each stands behind the ones that it uses.
  [[nodiscard]] std::span<const std::string> gradients() const { return gradients_; }

 private:
  std::string members(const Function& f) {
    std::string text;
    if (!f.fixed.empty()) text += "\"fixed\": " + line(f.fixed) + ",\n      ";
    text += "\"inputs\": ";
    Json inputs = Json::array();
    for (int input : f.inputs) inputs.push_back(f.nodes[static_cast<std::size_t>(input)].name);
    text += line(inputs) + ",\n      \"outputs\": ";
    Json outputs = Json::array();
    for (const auto& output : f.outputs)
      outputs.push_back({{"name", output.name}, {"value", f.reference(output.edge)}});
    text += line(outputs) + ",\n      \"nodes\": [";
    const char* separator = "\n        ";
    for (const Node& n : f.nodes) {
      text += separator + line(node(f, n));
      separator = ",\n        ";
    }
    text += "\n      ]";
    if (!f.equal_sizes.empty()) {
      Json equal = Json::array();
      for (const EqualPair& pair : f.equal_sizes) equal.push_back({dim(pair.a), dim(pair.b)});
      text += ",\n      \"equal_sizes\": " + line(equal);
    }
    if (!f.different_sizes.empty()) {
      Json different = Json::array();
      for (const auto& [a, b] : f.different_sizes) different.push_back({dim(a), dim(b)});
      text += ",\n      \"different_sizes\": " + line(different);
    }
    if (f.fast_math) text += ",\n      \"fast_math\": true";
    return text + "\n    }";
  }
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
        if (n.results[0].weak) {
          json["input"] = {{"number", name(n.results[0].dtype)}};
        } else {
          json["input"] = spec(n.results[0]);
        }
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
      case Node::Kind::print: {
        Json pieces = Json::array();
        for (std::size_t k = 0; k < n.words.size(); ++k) {
          if (k > 0) pieces.push_back({{"value", f.reference(n.inputs[k - 1])}});
          if (!n.words[k].empty()) pieces.push_back(n.words[k]);
        }
        json["print"] = pieces;
        break;
      }
      case Node::Kind::constant:
        json["constant"] = constant(n);
        add(json, n.results[0]);
        break;
      case Node::Kind::variable:
      case Node::Kind::assign: {
        const std::string key = variable_key(n.variable);
        json[n.kind == Node::Kind::variable ? "variable" : "assign"] = key;
        if (n.kind == Node::Kind::assign) json["value"] = f.reference(n.inputs[0]);
        add(json, {n.variable.dtype(), n.variable.shape()});
        json["trainable"] = n.variable.trainable();
        break;
      }
      case Node::Kind::custom:
        add_gradient(json, f, n);
        break;
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

  void add_gradient(Json& json, const Function& f, const Node& n) {
    json["custom_gradient"] = nullptr;
    if (n.gradient->rule != nullptr) {
      const std::string text = members(*n.gradient->rule);  // its own gradients come before it
      const std::string name = "gradient_" + std::to_string(gradients_.size() + 1);
      gradients_.push_back("    {\n      \"name\": \"" + name + "\",\n      " + text);
      json["custom_gradient"] = name;
    }
    const std::size_t values = n.gradient->arguments;
    const std::size_t captured = values + n.results.size();
    const auto references = [&](std::size_t first, std::size_t last) {
      Json list = Json::array();
      for (std::size_t k = first; k < last; ++k) list.push_back(f.reference(n.inputs[k]));
      return list;
    };
    json["arguments"] = references(0, values);
    json["values"] = references(values, captured);
    json["captured"] = references(captured, n.inputs.size());
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
    Json json;
    add(json, spec);
    return json;
  }
  void add(Json& json, const Spec& spec) {
    json["dtype"] = name(spec.dtype);
    json["shape"] = shape(spec.shape);
  }

  /// Few elements stand in the text, others in the weights' file.
  Json constant(const Node& n) {
    if (n.value.size() > most_elements_in_text) return keep("constant/" + n.name, n.value);
    return elements(n.value);
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
  std::vector<std::string> gradients_;
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
  if (!writer.gradients().empty()) {
    text += "  \"gradients\": [";
    separator = "\n";
    for (const std::string& gradient : writer.gradients()) {
      text += separator + gradient;
      separator = ",\n";
    }
    text += "\n  ],\n";
  }
  return text + "  \"signatures\": [" + signatures + "\n  ]\n}\n";
}

}  // namespace rill
