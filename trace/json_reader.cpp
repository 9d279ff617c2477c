// Texts as functions. Invariant: nothing in a text is believed: every number is checked before it
// is used, and results are inferred anew.
#include <rill/trace/json.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rill/ops/call.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/unnamed.h>
#include <rill/trace/json/place.h>
#include <rill/trace/plausible_json.h>

namespace rill {
namespace {

constexpr int max_rules = 8;  // gradients of gradients

AttributeValue attribute_from(const JsonPlace& place) {
  if (place.json().is_boolean()) return place.boolean();
  if (place.json().is_number_integer()) return place.integer();
  if (place.json().size() != 1) place.fail("is not an attribute's value");
  if (place.has("real")) return place.at("real").real();
  if (place.has("dtype")) return place.at("dtype").dtype();
  if (place.has("shape")) return place.at("shape").numbers();
  if (place.has("axes")) {
    const JsonPlace list = place.at("axes");
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

Scalar number_from(const JsonPlace& place) {
  if (place.json().is_boolean()) return {place.boolean()};
  if (place.json().is_number_integer()) return {place.integer()};
  if (place.has("unsigned")) {
    place.require_only({"unsigned"});
    const JsonPlace unsigned_place = place.at("unsigned");
    if (!unsigned_place.json().is_number_unsigned())
      unsigned_place.fail("is not an unsigned integer");
    return {unsigned_place.json().get<std::uint64_t>()};
  }
  place.require_only({"real"});
  return {place.at("real").real()};
}

/// What an input takes: tensors like one, or numbers.
Spec input_spec(const JsonPlace& place) {
  if (!place.has("number")) {
    place.require_only({"dtype", "shape"});
    return place.spec();
  }
  place.require_only({"number"});
  const DType dtype = place.at("number").dtype();
  if (dtype != bool_ && dtype != int64 && dtype != uint64 && dtype != float32)
    place.fail("is a number of bool, int64, uint64 or float32");
  return {.dtype = dtype, .shape = {}, .weak = true};
}

class Reader {
 public:
  explicit Reader(const std::map<std::string, Tensor>& weights) : weights_(weights) {}

  /// A gradient function, which one later node names.
  void gradient(const JsonPlace& place) {
    const std::string name = place.at("name").string();
    deepest_ = 0;
    auto rule = function(place, true);
    if (++deepest_ > max_rules) place.fail("is nested too deeply");
    if (!gradients_.emplace(name, Rule{std::move(rule), deepest_}).second)
      place.fail("has the name of an earlier gradient: " + name);
  }
  void require_used(const JsonPlace& gradients) const {
    if (!gradients_.empty())
      gradients.fail("holds '" + gradients_.begin()->first + "', which no node names");
  }

  std::shared_ptr<const Function> function(const JsonPlace& place, bool gradient = false) {
    auto made = std::make_shared<Function>();
    Function& f = *made;
    EqualSizes equal;  // the rules say again which unknown sizes must be
    std::unordered_map<std::string, int> by_name;
    if (gradient)
      place.require_only({"name", "inputs", "outputs", "nodes", "equal_sizes", "fast_math"});
    else
      place.require_only(
          {"fixed", "inputs", "outputs", "nodes", "equal_sizes", "different_sizes", "fast_math"});
    const JsonPlace nodes = place.at("nodes");
    f.nodes.reserve(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const JsonPlace at = nodes.at(i);
      Node n = node(at, f, by_name);
      equal.are_for(n.op != nullptr ? n.op->name : "assign", {});
      n.name = at.at("name").string();
      if (n.name.empty() || n.name.find(':') != std::string::npos) at.fail("has no valid name");
      if (!by_name.emplace(n.name, static_cast<int>(i)).second)
        at.fail("has the name of an earlier node: " + n.name);
      f.nodes.push_back(std::move(n));
    }
    const JsonPlace inputs = place.at("inputs");
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
    const JsonPlace outputs = place.at("outputs");
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      outputs.at(i).require_only({"name", "value"});
      f.outputs.push_back(
          {outputs.at(i).at("name").string(), reference(outputs.at(i).at("value"), f, by_name)});
    }
    if (place.has("fixed")) f.fixed = place.at("fixed").string();
    if (place.has("fast_math")) f.fast_math = place.at("fast_math").boolean();
    if (place.has("equal_sizes")) f.equal_sizes = pairs(place.at("equal_sizes"));
    if (place.has("different_sizes")) f.different_sizes = different(place.at("different_sizes"));
    merge(f.equal_sizes, equal.pairs());
    return made;
  }

 private:
  static Edge reference(const JsonPlace& place, const Function& f,
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

  /// The file does not say who needs the sizes to be equal: the rules do.
  static void merge(std::vector<EqualPair>& to, const std::vector<EqualPair>& pairs) {
    if (pairs.empty()) return;
    std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> there;
    for (std::size_t i = 0; i < to.size(); ++i) there.insert({{to[i].a.bits(), to[i].b.bits()}, i});
    for (const EqualPair& pair : pairs) {
      auto found = there.find({pair.a.bits(), pair.b.bits()});
      const bool turned = found == there.end();
      if (turned) found = there.find({pair.b.bits(), pair.a.bits()});
      if (found == there.end()) {
        to.push_back(pair);
        continue;
      }
      EqualPair& same = to[found->second];
      same = pair;
      if (turned) std::swap(same.a, same.b);
    }
  }
  static std::vector<EqualPair> pairs(const JsonPlace& place) {
    std::vector<EqualPair> pairs;
    for (std::size_t i = 0; i < place.size(); ++i) {
      const JsonPlace pair = place.at(i);
      if (pair.size() != 2) pair.fail("is not a pair of sizes");
      pairs.push_back({.a = pair.at(std::size_t{0}).dim(), .b = pair.at(std::size_t{1}).dim()});
    }
    return pairs;
  }
  static std::vector<DifferentSizes::Pair> different(const JsonPlace& place) {
    std::vector<DifferentSizes::Pair> pairs;
    for (std::size_t i = 0; i < place.size(); ++i) {
      const Shape pair = place.at(i).numbers();
      if (pair.rank() != 2) place.at(i).fail("is not a pair of sizes");
      if (identical(pair[0], pair[1])) place.at(i).fail("is a pair of equal sizes");
      pairs.emplace_back(pair[0], pair[1]);
    }
    return pairs;
  }

  const Tensor& weight(const JsonPlace& place) const {
    const auto found = weights_.find(place.string());
    if (found == weights_.end()) place.fail("the weights hold no tensor '" + place.string() + "'");
    return found->second;
  }

  /// A name in the weights' file, or the elements.
  [[nodiscard]] Tensor constant(const JsonPlace& place) const {
    const JsonPlace at = place.at("constant");
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
  Variable variable(const JsonPlace& place, const char* kind) {
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

  Node node(const JsonPlace& place, const Function& f,
            const std::unordered_map<std::string, int>& by_name) {
    Node n;
    if (place.has("op")) {
      place.require_only({"name", "op", "inputs", "attributes", "results"});
      operation(place, f, by_name, n);
    } else if (place.has("input")) {
      place.require_only({"name", "input"});
      n.kind = Node::Kind::input;
      n.results = {input_spec(place.at("input"))};
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
    } else if (place.has("print")) {
      place.require_only({"name", "print"});
      n.kind = Node::Kind::print;
      const JsonPlace pieces = place.at("print");
      n.words.emplace_back();
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        const JsonPlace piece = pieces.at(i);
        if (piece.json().is_string()) {
          n.words.back() += piece.string();
        } else {
          piece.require_only({"value"});
          n.inputs.push_back(reference(piece.at("value"), f, by_name));
          n.words.emplace_back();
        }
      }
    } else if (place.has("check")) {
      place.require_only({"name", "check", "message"});
      n.kind = Node::Kind::check;
      n.inputs = {reference(place.at("check"), f, by_name)};
      n.message = place.at("message").string();
      const Spec& ok = spec_of(f, n.inputs[0]);
      if (ok.dtype != bool_) place.fail("checks " + ok.text() + ", which is not of bool");
    } else if (place.has("custom_gradient")) {
      place.require_only({"name", "custom_gradient", "arguments", "values", "captured"});
      custom_gradient(place, f, by_name, n);
    } else {
      place.fail("is no kind of node that this version of the format knows");
    }
    return n;
  }

  void custom_gradient(const JsonPlace& place, const Function& f,
                       const std::unordered_map<std::string, int>& by_name, Node& n) {
    n.kind = Node::Kind::custom;
    auto made = std::make_shared<RecordedGradient>();
    for (const char* const part : {"arguments", "values", "captured"}) {
      const JsonPlace list = place.at(part);
      for (std::size_t i = 0; i < list.size(); ++i)
        n.inputs.push_back(reference(list.at(i), f, by_name));
    }
    made->arguments = place.at("arguments").size();
    const std::size_t values = place.at("values").size();
    if (values == 0 || values > static_cast<std::size_t>(max_results))
      place.at("values").fail("has an impossible number of values");
    for (std::size_t k = 0; k < values; ++k)
      n.results.push_back(spec_of(f, n.inputs[made->arguments + k]));
    const JsonPlace rule = place.at("custom_gradient");
    if (rule.json().is_null()) {
      made->reason = "the file does not hold it";
    } else {
      const auto found = gradients_.find(rule.string());
      if (found == gradients_.end())
        rule.fail("names '" + rule.string() + "', which no earlier gradient is, or another node's");
      // One node's only: else a small file could be a graph without end.
      made->rule = found->second.function;
      deepest_ = std::max(deepest_, found->second.depth);
      gradients_.erase(found);
      require_rule(rule, *made, f, n);
    }
    n.gradient = std::move(made);
  }
  /// The rule takes what the node has for it, and gives gradients like the arguments.
  static void require_rule(const JsonPlace& place, const RecordedGradient& gradient,
                           const Function& f, const Node& n) {
    const auto same = [](const Spec& a, const Spec& b) {
      return a.dtype == b.dtype && a.shape == b.shape;
    };
    const Function& rule = *gradient.rule;
    if (rule.inputs.size() != n.inputs.size() - gradient.arguments)
      place.fail("takes " + std::to_string(rule.inputs.size()) + " values, and is given " +
                 std::to_string(n.inputs.size() - gradient.arguments));
    for (std::size_t k = 0; k < rule.inputs.size(); ++k) {
      const Spec& taken = rule.nodes[static_cast<std::size_t>(rule.inputs[k])].results[0];
      const Spec& given = spec_of(f, n.inputs[gradient.arguments + k]);
      if (!same(taken, given)) place.fail("takes " + taken.text() + " for " + given.text());
    }
    for (const Function::Output& output : rule.outputs) {
      const std::string& name = output.name;
      if (name.empty() || name.size() > 3 ||
          name.find_first_not_of("0123456789") != std::string::npos ||
          std::stoul(name) >= gradient.arguments)
        place.fail("has an output '" + name + "', which is no argument's number");
      const Spec& given = spec_of(rule, output.edge);
      const Spec& wanted = spec_of(f, n.inputs[std::stoul(name)]);
      if (given.dtype != wanted.dtype || given.shape.rank() != wanted.shape.rank() ||
          !equal_sizes(given.shape, wanted.shape))
        place.fail("gives " + given.text() + " for the argument " + wanted.text());
    }
  }

  /// An operator's node, whose results are inferred anew: a file cannot lie about them.
  static void operation(const JsonPlace& place, const Function& f,
                        const std::unordered_map<std::string, int>& by_name, Node& n) {
    const std::string name = place.at("op").string();
    n.kind = Node::Kind::op;
    n.op = find_op(name);
    if (n.op == nullptr) place.at("op").fail("there is no operator '" + name + "'");
    n.attributes = Attributes::of(n.op->attributes());
    if (place.has("attributes")) {
      const JsonPlace attributes = place.at("attributes");
      if (!attributes.json().is_object()) attributes.fail("is not an object");
      for (const auto& [key, value] : attributes.json().items()) {
        const JsonPlace entry = attributes.at(key.c_str());
        try {
          n.attributes.set(key, attribute_from(entry));
        } catch (const ValueError& error) {
          entry.fail(error.what());
        }
      }
    }
    std::vector<Tensor> operands;
    const JsonPlace inputs = place.at("inputs");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Edge edge = reference(inputs.at(i), f, by_name);
      n.inputs.push_back(edge);
      const Node& source = f.nodes[static_cast<std::size_t>(edge.node)];
      operands.push_back(source.kind == Node::Kind::number ? source.value
                                                           : spec_of(f, edge).abstract());
    }
    const JsonPlace results = place.at("results");
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
  struct Rule {
    std::shared_ptr<const Function> function;
    int depth = 0;  ///< of rules within rules
  };
  std::unordered_map<std::string, Rule> gradients_;
  int deepest_ = 0;
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
  const JsonPlace place(document_->json, document_->origin, unknowns);
  if (place.at("format").string() != "rill graph") place.at("format").fail("is not \"rill graph\"");
  const std::int64_t version = place.at("version").integer();
  if (version != graph_format_version) {
    place.at("version").fail("this library reads version " + std::to_string(graph_format_version) +
                             ", not " + std::to_string(version));
  }
  place.require_only({"format", "version", "weights", "gradients", "signatures"});
}

JsonGraph::~JsonGraph() = default;

std::string JsonGraph::weights_file() const {
  Unknowns unknowns;
  const JsonPlace place(document_->json, document_->origin, unknowns);
  return place.has("weights") ? place.at("weights").string() : std::string();
}

std::vector<std::shared_ptr<const Function>> JsonGraph::functions(
    const std::map<std::string, Tensor>& weights) const {
  Unknowns unknowns;
  const JsonPlace whole(document_->json, document_->origin, unknowns);
  Reader reader(weights);
  if (whole.has("gradients")) {
    const JsonPlace gradients = whole.at("gradients");
    for (std::size_t i = 0; i < gradients.size(); ++i) reader.gradient(gradients.at(i));
  }
  const JsonPlace signatures = whole.at("signatures");
  std::vector<std::shared_ptr<const Function>> functions;
  for (std::size_t i = 0; i < signatures.size(); ++i)
    functions.push_back(reader.function(signatures.at(i)));
  if (whole.has("gradients")) reader.require_used(whole.at("gradients"));
  return functions;
}

}  // namespace rill
