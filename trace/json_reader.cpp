// Texts as functions. Invariant: nothing in a text is believed: every number is checked before it
// is used, and results are inferred anew.
#include <rill/trace/json.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rill/ops/call.h>
#include <rill/tensor/dim_name.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/unnamed.h>
#include <rill/trace/plausible_json.h>

namespace rill {
namespace {

using Json = nlohmann::ordered_json;

/// What a file's unknown sizes (`?1`) are here: sizes of this process, equal where the file's are.
class Unknowns {
 public:
  Dim size(const std::string& text) {
    if (symbolic::is_fresh_name(text)) return own(text);
    const Dim size = Dim::parse(text);
    if (text.find('?') == std::string::npos) return size;
    return size.substitute([&](std::string_view name) -> std::optional<Dim> {
      if (!symbolic::is_fresh_name(name)) return std::nullopt;
      return own(std::string(name));
    });
  }

 private:
  Dim own(const std::string& name) {
    const auto [at, added] = sizes_.try_emplace(name);
    if (added) at->second = Dim::fresh();
    return at->second;
  }

  std::map<std::string, Dim> sizes_;
};

/// A piece of the text, which knows where it stands.
class Place {
 public:
  Place(const Json& json, std::string where, Unknowns& unknowns)
      : json_(json), where_(std::move(where)), unknowns_(unknowns) {}

  [[noreturn]] void fail(const std::string& rule) const {
    throw detail::UnnamedError<FormatError>(where_ + ": " + rule);
  }

  [[nodiscard]] bool has(const char* key) const { return json_.is_object() && json_.contains(key); }
  [[nodiscard]] Place at(const char* key) const {
    if (!has(key)) fail(std::string("there is no \"") + key + "\"");
    return {json_.at(key), where_ + "." + key, unknowns_};
  }
  /// Keys that are not known may change what the others mean.
  void require_only(std::initializer_list<std::string_view> keys) const {
    if (!json_.is_object()) fail("is not an object");
    for (const auto& [key, value] : json_.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end())
        fail("has a \"" + key + "\", which this version of the format does not know");
    }
  }
  [[nodiscard]] std::size_t size() const {
    if (!json_.is_array()) fail("is not a list");
    return json_.size();
  }
  [[nodiscard]] Place at(std::size_t i) const {
    return {json_.at(i), where_ + "[" + std::to_string(i) + "]", unknowns_};
  }
  [[nodiscard]] std::string string() const {
    if (!json_.is_string()) fail("is not a string");
    return json_.get<std::string>();
  }
  [[nodiscard]] bool boolean() const {
    if (!json_.is_boolean()) fail("is not true or false");
    return json_.get<bool>();
  }
  [[nodiscard]] std::int64_t integer() const {
    if (!json_.is_number_integer()) fail("is not an integer");
    if (json_.is_number_unsigned() &&
        json_.get<std::uint64_t>() >
            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      fail("is larger than 2^63 - 1");
    }
    return json_.get<std::int64_t>();
  }
  [[nodiscard]] double real() const {
    if (json_.is_string()) {
      const auto text = json_.get<std::string>();
      if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
      if (text == "inf") return std::numeric_limits<double>::infinity();
      if (text == "-inf") return -std::numeric_limits<double>::infinity();
    }
    if (!json_.is_number()) fail("is not a number");
    return json_.get<double>();
  }
  [[nodiscard]] Dim dim() const {
    if (json_.is_string()) {
      try {
        return unknowns_.size(json_.get<std::string>());
      } catch (const Error& error) {
        fail(error.what());
      }
    }
    const std::int64_t size = integer();
    if (size < 0 || size > (std::int64_t{1} << 56)) fail("is not a size");
    return size;
  }
  [[nodiscard]] Shape shape() const {
    if (size() > static_cast<std::size_t>(max_rank))
      fail("has more than " + std::to_string(max_rank) + " axes");
    Shape shape;
    for (std::size_t i = 0; i < size(); ++i) shape.push_back(at(i).dim());
    (void)shape.size();  // reports overflow
    return shape;
  }
  /// Like a shape, but no tensor's: steps may be negative.
  [[nodiscard]] Shape numbers() const {
    if (size() > static_cast<std::size_t>(max_rank))
      fail("has more than " + std::to_string(max_rank) + " numbers");
    Shape numbers;
    for (std::size_t i = 0; i < size(); ++i) {
      const Place each = at(i);
      const bool small = each.json_.is_number_integer() && each.integer() < 0 &&
                         each.integer() >= -(std::int64_t{1} << 56);
      numbers.push_back(small ? Dim(each.integer()) : each.dim());
    }
    return numbers;
  }
  [[nodiscard]] DType dtype() const {
    try {
      return dtype_named(string());
    } catch (const ValueError& error) {
      fail(error.what());
    }
  }
  [[nodiscard]] Spec spec() const { return {at("dtype").dtype(), at("shape").shape()}; }
  /// A value of the same object is what the object says, if it says so.
  void require(const Spec& found) const {
    if (!has("dtype") && !has("shape")) return;
    const Spec said = spec();
    if (said.dtype != found.dtype || !(said.shape == found.shape))
      fail("says " + said.text() + ", and the weights hold " + found.text());
  }
  template <class T>
  [[nodiscard]] T element() const {
    if constexpr (std::is_same_v<T, bool>) {
      return boolean();
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      if (!json_.is_number_unsigned()) fail("is not an unsigned integer");
      return json_.get<std::uint64_t>();
    } else if constexpr (std::is_integral_v<T>) {
      const std::int64_t number = integer();
      if (!std::in_range<T>(number)) fail("does not fit the dtype");
      return static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, double>) {
      return real();
    } else {
      return static_cast<T>(static_cast<float>(real()));
    }
  }
  [[nodiscard]] const Json& json() const { return json_; }

 private:
  const Json& json_;
  std::string where_;
  Unknowns& unknowns_;
};

AttributeValue attribute_from(const Place& place) {
  if (place.json().is_boolean()) return place.boolean();
  if (place.json().is_number_integer()) return place.integer();
  if (place.json().size() != 1) place.fail("is not an attribute's value");
  if (place.has("real")) return place.at("real").real();
  if (place.has("dtype")) return place.at("dtype").dtype();
  if (place.has("shape")) return place.at("shape").numbers();
  if (place.has("axes")) {
    const Place list = place.at("axes");
    Axes axes;
    if (list.size() > static_cast<std::size_t>(max_rank)) list.fail("has too many axes");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::int64_t axis = list.at(i).integer();
      if (axis < -max_rank || axis >= max_rank) list.fail("names an axis that no tensor has");
      axes.push_back(static_cast<int>(axis));
    }
    return axes;
  }
  place.fail("is not an attribute's value");
}

Scalar number_from(const Place& place) {
  if (place.json().is_boolean()) return {place.boolean()};
  if (place.json().is_number_integer()) return {place.integer()};
  if (place.has("unsigned")) {
    place.require_only({"unsigned"});
    const Place unsigned_place = place.at("unsigned");
    if (!unsigned_place.json().is_number_unsigned())
      unsigned_place.fail("is not an unsigned integer");
    return {unsigned_place.json().get<std::uint64_t>()};
  }
  place.require_only({"real"});
  return {place.at("real").real()};
}

class Reader {
 public:
  explicit Reader(const std::map<std::string, Tensor>& weights) : weights_(weights) {}

  std::shared_ptr<const Function> function(const Place& place) {
    auto made = std::make_shared<Function>();
    Function& f = *made;
    const EqualSizes equal;  // the rules say again which unknown sizes must be
    std::unordered_map<std::string, int> by_name;
    place.require_only({"inputs", "outputs", "nodes", "equal_sizes", "fast_math"});
    const Place nodes = place.at("nodes");
    f.nodes.reserve(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const Place at = nodes.at(i);
      Node n = node(at, f, by_name);
      n.name = at.at("name").string();
      if (n.name.empty() || n.name.find(':') != std::string::npos) at.fail("has no valid name");
      if (!by_name.emplace(n.name, static_cast<int>(i)).second)
        at.fail("has the name of an earlier node: " + n.name);
      f.nodes.push_back(std::move(n));
    }
    const Place inputs = place.at("inputs");
    std::set<int> seen;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Edge edge = reference(inputs.at(i), f, by_name);
      if (f.nodes[static_cast<std::size_t>(edge.node)].kind != Node::Kind::input ||
          !seen.insert(edge.node).second) {
        inputs.at(i).fail("does not name an input of its own");
      }
      f.inputs.push_back(edge.node);
    }
    for (std::size_t n = 0; n < f.nodes.size(); ++n) {
      if (f.nodes[n].kind == Node::Kind::input && !seen.contains(static_cast<int>(n))) {
        nodes.at(n).fail("is an input that \"inputs\" leaves out");
      }
    }
    const Place outputs = place.at("outputs");
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      outputs.at(i).require_only({"name", "value"});
      f.outputs.push_back(
          {outputs.at(i).at("name").string(), reference(outputs.at(i).at("value"), f, by_name)});
    }
    if (place.has("fast_math")) f.fast_math = place.at("fast_math").boolean();
    if (place.has("equal_sizes")) f.equal_sizes = pairs(place.at("equal_sizes"));
    add_missing(f.equal_sizes, equal.pairs());
    return made;
  }

 private:
  static Edge reference(const Place& place, const Function& f,
                        const std::unordered_map<std::string, int>& by_name) {
    const std::string text = place.string();
    const auto colon = text.find(':');
    const auto found = by_name.find(text.substr(0, colon));
    if (found == by_name.end()) place.fail("names '" + text + "', which no earlier node is");
    Edge edge{found->second, 0};
    if (colon != std::string::npos) {
      const std::string digits = text.substr(colon + 1);
      if (digits.size() != 1 || digits[0] < '0' || digits[0] > '9')
        place.fail("names no result: '" + text + "'");
      edge.result = digits[0] - '0';
    }
    const auto& results = f.nodes[static_cast<std::size_t>(edge.node)].results;
    if (static_cast<std::size_t>(edge.result) >= results.size())
      place.fail("'" + text + "' has no such result");
    return edge;
  }

  static void add_missing(std::vector<std::pair<Dim, Dim>>& to,
                          const std::vector<std::pair<Dim, Dim>>& pairs) {
    if (pairs.empty()) return;
    std::set<std::pair<std::string, std::string>> there;
    for (const auto& [a, b] : to) there.insert({{a.text(), b.text()}, {b.text(), a.text()}});
    for (const auto& [a, b] : pairs) {
      if (!there.contains({a.text(), b.text()})) to.emplace_back(a, b);
    }
  }
  static std::vector<std::pair<Dim, Dim>> pairs(const Place& place) {
    std::vector<std::pair<Dim, Dim>> pairs;
    for (std::size_t i = 0; i < place.size(); ++i) {
      const Place pair = place.at(i);
      if (pair.size() != 2) pair.fail("is not a pair of sizes");
      pairs.emplace_back(pair.at(std::size_t{0}).dim(), pair.at(std::size_t{1}).dim());
    }
    return pairs;
  }

  const Tensor& weight(const Place& place) const {
    const auto found = weights_.find(place.string());
    if (found == weights_.end()) place.fail("the weights hold no tensor '" + place.string() + "'");
    return found->second;
  }

  /// A name in the weights' file, or the elements.
  [[nodiscard]] Tensor constant(const Place& place) const {
    const Place at = place.at("constant");
    if (!at.json().is_array()) {
      const Tensor& value = weight(at);
      place.require({value.dtype(), value.shape()});
      return value;
    }
    const Spec spec = place.spec();
    if (!spec.shape.known() || spec.shape.size() != Dim(at.size()))
      at.fail("holds " + std::to_string(at.size()) + " elements of a " + spec.text());
    Tensor value = Tensor::empty(spec.shape, spec.dtype);
    visit(spec.dtype, [&](auto zero) {
      using T = decltype(zero);
      T* const elements = reinterpret_cast<T*>(value.body().data);
      for (std::size_t i = 0; i < at.size(); ++i) elements[i] = at.at(i).element<T>();
    });
    return value;
  }

  /// The variable that `kind` names, one for all nodes that name it.
  Variable variable(const Place& place, const char* kind) {
    const std::string key = place.at(kind).string();
    const Tensor& value = weight(place.at(kind));
    place.require({value.dtype(), value.shape()});
    Variable& variable = variables_[key];
    if (!variable.defined()) {
      const std::string prefix = "variable/";
      const std::string name = key.starts_with(prefix) ? key.substr(prefix.size()) : key;
      const bool trainable = place.at("trainable").boolean();
      variable = Variable(value, VariableOptions{.name = name, .trainable = trainable});
    }
    return variable;
  }

  static const Spec& spec_of(const Function& f, const Edge& edge) {
    return f.nodes[static_cast<std::size_t>(edge.node)]
        .results[static_cast<std::size_t>(edge.result)];
  }

  Node node(const Place& place, const Function& f,
            const std::unordered_map<std::string, int>& by_name) {
    Node n;
    if (place.has("op")) {
      place.require_only({"name", "op", "inputs", "attributes", "results"});
      operation(place, f, by_name, n);
    } else if (place.has("input")) {
      place.require_only({"name", "input"});
      place.at("input").require_only({"dtype", "shape"});
      n.kind = Node::Kind::input;
      n.results = {place.at("input").spec()};
    } else if (place.has("number")) {
      place.require_only({"name", "number"});
      n.kind = Node::Kind::number;
      n.value = Tensor::weak(number_from(place.at("number")));
      n.results = {{n.value.dtype(), {}}};
    } else if (place.has("constant")) {
      place.require_only({"name", "constant", "dtype", "shape"});
      n.kind = Node::Kind::constant;
      n.value = constant(place);
      n.results = {{n.value.dtype(), n.value.shape()}};
    } else if (place.has("draw")) {
      place.require_only({"name", "draw"});
      if (place.at("draw").string() != "default")
        place.fail("draws from a generator that is not there");
      n.kind = Node::Kind::draw;
      n.generator = rng::default_generator().shared();
      n.results = {{uint64, {2}}};
    } else if (place.has("variable")) {
      place.require_only({"name", "variable", "dtype", "shape", "trainable"});
      n.kind = Node::Kind::variable;
      n.variable = variable(place, "variable");
      n.results = {{n.variable.dtype(), n.variable.shape()}};
    } else if (place.has("assign")) {
      place.require_only({"name", "assign", "value", "dtype", "shape", "trainable"});
      n.kind = Node::Kind::assign;
      n.variable = variable(place, "assign");
      n.inputs = {reference(place.at("value"), f, by_name)};
      const Spec& value = spec_of(f, n.inputs[0]);
      if (value.dtype != n.variable.dtype() || !equal_sizes(value.shape, n.variable.shape()))
        place.fail("assigns " + value.text() + " to a variable of another dtype or shape");
    } else if (place.has("check")) {
      place.require_only({"name", "check", "message"});
      n.kind = Node::Kind::check;
      n.inputs = {reference(place.at("check"), f, by_name)};
      n.message = place.at("message").string();
      const Spec& ok = spec_of(f, n.inputs[0]);
      if (ok.dtype != bool_) place.fail("checks " + ok.text() + ", which is not of bool");
    } else {
      place.fail("is no kind of node that this version of the format knows");
    }
    return n;
  }

  /// An operator's node, whose results are inferred anew: a file cannot lie about them.
  static void operation(const Place& place, const Function& f,
                        const std::unordered_map<std::string, int>& by_name, Node& n) {
    const std::string name = place.at("op").string();
    n.kind = Node::Kind::op;
    n.op = find_op(name);
    if (n.op == nullptr) place.at("op").fail("there is no operator '" + name + "'");
    n.attributes = Attributes::of(n.op->attributes());
    if (place.has("attributes")) {
      const Place attributes = place.at("attributes");
      if (!attributes.json().is_object()) attributes.fail("is not an object");
      for (const auto& [key, value] : attributes.json().items()) {
        const Place entry = attributes.at(key.c_str());
        try {
          n.attributes.set(key, attribute_from(entry));
        } catch (const ValueError& error) {
          entry.fail(error.what());
        }
      }
    }
    std::vector<Tensor> operands;
    const Place inputs = place.at("inputs");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Edge edge = reference(inputs.at(i), f, by_name);
      n.inputs.push_back(edge);
      const Node& source = f.nodes[static_cast<std::size_t>(edge.node)];
      operands.push_back(source.kind == Node::Kind::number ? source.value
                                                           : spec_of(f, edge).abstract());
    }
    const Place results = place.at("results");
    if (results.size() == 0 || results.size() > static_cast<std::size_t>(max_results)) {
      results.fail("has an impossible number of results");
    }
    std::vector<Tensor> inferred(results.size());
    try {
      const Silence silence;
      infer_abstract(*n.op, operands, n.attributes, inferred);
    } catch (const Error& error) {
      place.fail(error.what());
    } catch (const InternalError& error) {
      place.fail(error.what());
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      results.at(i).require_only({"dtype", "shape"});
      n.results.push_back(results.at(i).spec());
      if (n.results[i].dtype != inferred[i].dtype() ||
          !(n.results[i].shape == inferred[i].shape())) {
        results.at(i).fail("says " + n.results[i].text() + ", and the operator gives " +
                           inferred[i].type_text());
      }
      n.results[i].weak = inferred[i].body().weak;
    }
  }

  const std::map<std::string, Tensor>& weights_;
  std::unordered_map<std::string, Variable> variables_;
};

}  // namespace

struct JsonGraph::Document {
  Json json;
  std::string origin;
};

JsonGraph::JsonGraph(std::string_view text, std::string origin)
    : document_(std::make_unique<Document>()) {
  document_->origin = std::move(origin);
  // The parser takes a NUL, which JSON nowhere allows, for the end of its text.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    throw detail::UnnamedError<FormatError>(document_->origin + ": is not JSON: a NUL at byte " +
                                            std::to_string(nul + 1));
  }
  try {
    require_plausible(text, document_->origin);
    document_->json = Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw detail::UnnamedError<FormatError>(document_->origin + ": is not JSON: " + error.what());
  }
  Unknowns unknowns;
  const Place place(document_->json, document_->origin, unknowns);
  if (place.at("format").string() != "rill graph") place.at("format").fail("is not \"rill graph\"");
  const std::int64_t version = place.at("version").integer();
  if (version != graph_format_version) {
    place.at("version").fail("this library reads version " + std::to_string(graph_format_version) +
                             ", not " + std::to_string(version));
  }
  place.require_only({"format", "version", "weights", "signatures"});
}

JsonGraph::~JsonGraph() = default;

std::string JsonGraph::weights_file() const {
  Unknowns unknowns;
  const Place place(document_->json, document_->origin, unknowns);
  return place.has("weights") ? place.at("weights").string() : std::string();
}

std::vector<std::shared_ptr<const Function>> JsonGraph::functions(
    const std::map<std::string, Tensor>& weights) const {
  Unknowns unknowns;
  const Place signatures = Place(document_->json, document_->origin, unknowns).at("signatures");
  Reader reader(weights);
  std::vector<std::shared_ptr<const Function>> functions;
  for (std::size_t i = 0; i < signatures.size(); ++i)
    functions.push_back(reader.function(signatures.at(i)));
  return functions;
}

}  // namespace rill
