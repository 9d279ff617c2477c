#include <rill/trace/graph.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <rill/ops/creation.h>
#include <rill/tensor/error.h>
#include <rill/trace/function.h>
#include <rill/trace/json.h>
#include <rill/trace/prepared.h>
#include <rill/trace/specialize.h>

namespace rill {
namespace {

std::vector<const Tensor*> addresses(std::span<const Tensor> tensors) {
  std::vector<const Tensor*> all;
  all.reserve(tensors.size());
  for (const Tensor& tensor : tensors) all.push_back(&tensor);
  return all;
}

/// The value of a tensor that has one element and no axes.
Scalar scalar_of(const Tensor& value) {
  if (value.body().weak) return value.body().scalar;
  std::uint64_t bits = 0;
  std::memcpy(&bits, value.body().data, size_of(value.dtype()));
  return Scalar::from_bits(value.dtype(), bits);
}

/// What is given for a value of the graph: a number for a number, even where its kind is another
/// one, as long as that loses nothing: an integer for a real, a tensor of no axes.
Tensor as_input(const Spec& spec, const Tensor& given) {
  const bool same = given.body().weak == spec.weak && given.dtype() == spec.dtype;
  if (same || given.rank() != 0 || given.abstract()) return given;
  if (!spec.weak)
    return given.body().weak && given.body().scalar.beside(spec.dtype) == spec.dtype &&
                   spec.shape.rank() == 0
               ? full(Shape{}, given, spec.dtype)
               : given;
  const Scalar number = scalar_of(given);
  if (spec.dtype == float32 && number.kind() != Scalar::Kind::boolean)
    return Tensor::weak(number.real());
  return number.dtype() == spec.dtype ? Tensor::weak(number) : given;
}

std::vector<Tensor> as_inputs(const Function& function, std::span<const Tensor> given) {
  std::vector<Tensor> inputs(given.begin(), given.end());
  for (std::size_t i = 0; i < std::min(inputs.size(), function.inputs.size()); ++i)
    inputs[i] =
        as_input(function.nodes[static_cast<std::size_t>(function.inputs[i])].results[0], given[i]);
  return inputs;
}

std::string text_of(std::span<const Tensor> tensors) {
  std::string text = "(";
  const char* separator = "";
  for (const Tensor& tensor : tensors) {
    text += separator + tensor.type_text();
    separator = ", ";
  }
  return text + ")";
}

std::string texts_of(std::span<const std::shared_ptr<Prepared>> functions) {
  std::string text;
  for (const auto& function : functions) text += "\n  " + function->record()->text();
  return text;
}

void require_functions(std::span<const std::shared_ptr<Prepared>> functions,
                       std::string_view operation, Where where) {
  if (functions.empty()) {
    throw TraceError(std::string(operation) +
                     ": nothing has been recorded yet: call the traced function first" +
                     where.suffix());
  }
}

/// The node that a feed is for. An output may have an input's name.
std::optional<Edge> fed_edge(const Function& function, std::string_view name) {
  for (const int input : function.inputs) {
    if (function.nodes[static_cast<std::size_t>(input)].name == name) return Edge{input, 0};
  }
  const auto edge = function.find(name);
  if (!edge || function.nodes[static_cast<std::size_t>(edge->node)].results.size() != 1)
    return std::nullopt;
  return edge;
}

/// Feeds in the places of a function's values.
struct Feeding {
  std::vector<int> nodes;
  std::vector<const Spec*> specs;
  std::vector<Tensor> values;

  /// Nothing where a name is none of the function's.
  static std::optional<Feeding> of(const Function& function, std::span<const Feed> feeds) {
    Feeding made;
    for (const auto& [name, given] : feeds) {
      const auto edge = fed_edge(function, name);
      if (!edge) return std::nullopt;
      const Spec& spec = function.nodes[static_cast<std::size_t>(edge->node)].results[0];
      made.nodes.push_back(edge->node);
      made.specs.push_back(&spec);
      made.values.push_back(as_input(spec, given));
    }
    return made;
  }
  void require_once(std::span<const Feed> feeds, Where where) const {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (std::count(nodes.begin(), nodes.end(), nodes[i]) > 1)
        throw TraceError("run: '" + std::string(feeds[i].first) + "' is fed more than once" +
                         where.suffix());
    }
  }
};

/// Nothing where a name is none of the function's.
std::optional<std::vector<Edge>> edges_of(const Function& function,
                                          std::span<const std::string_view> names) {
  std::vector<Edge> edges;
  for (const std::string_view name : names) {
    const auto edge = function.find(name);
    if (!edge) return std::nullopt;
    edges.push_back(*edge);
  }
  return edges;
}

/// Says why a function cannot be run so.
[[noreturn]] void refuse(const Function& function, std::span<const Feed> feeds,
                         std::span<const std::string_view> fetches, Where where) {
  if (const auto feeding = Feeding::of(function, feeds)) {
    const auto sizes = sizes_of(feeding->specs, addresses(feeding->values));
    const auto mistaken = sizes ? mistaken_size(function, *sizes) : std::nullopt;
    if (mistaken)
      throw TraceError("run: the function was captured for sizes that differ, and " + *mistaken +
                       ": save a traced function after a call with such sizes" + where.suffix());
  }
  std::string fed;
  for (const auto& [name, given] : feeds) {
    const auto edge = fed_edge(function, name);
    if (!edge)
      throw TraceError("run: there is no input or node with one result named '" +
                       std::string(name) + "' in " + function.text() + where.suffix());
    const Spec& spec = function.nodes[static_cast<std::size_t>(edge->node)].results[0];
    const Tensor value = as_input(spec, given);
    const Spec* const only = &spec;
    const Tensor* const address = &value;
    if (!sizes_of(std::span(&only, 1), std::span(&address, 1)))
      throw TraceError("run: '" + std::string(name) + "' is " + spec.text() + " and is fed " +
                       value.type_text() + where.suffix());
    fed += (fed.empty() ? "'" : ", '") + std::string(name) + "' is " + spec.text() +
           " and is fed " + value.type_text();
  }
  for (const std::string_view name : fetches) {
    if (!function.find(name))
      throw TraceError("run: there is no value named '" + std::string(name) + "' in " +
                       function.text() + where.suffix());
  }
  throw TraceError("run: what is fed does not fit together: " + fed + where.suffix());
}

}  // namespace

std::vector<std::shared_ptr<const Function>> Graph::functions() const {
  std::vector<std::shared_ptr<const Function>> records;
  for (const auto& function : functions_) records.push_back(function->record());
  return records;
}

Tensor Graph::operator()(const Argument& x0, const Argument& x1, const Argument& x2,
                         const Argument& x3, const Argument& x4, const Argument& x5,
                         const Argument& x6, const Argument& x7, Where where) const {
  std::vector<Tensor> inputs;
  for (const Argument* argument : {&x0, &x1, &x2, &x3, &x4, &x5, &x6, &x7}) {
    if (argument->has_value()) inputs.push_back((*argument)->tensor());
  }
  std::vector<Tensor> results = call(inputs, where);
  if (results.size() != 1) {
    throw TraceError("graph: the function has " + std::to_string(results.size()) +
                     " results, not one: use call" + where.suffix());
  }
  return std::move(results[0]);
}

std::string Graph::text(std::string_view weights_file,
                        std::map<std::string, Tensor>* weights) const {
  std::map<std::string, Tensor> own;
  return to_json(functions(), weights_file, weights != nullptr ? *weights : own);
}

std::vector<std::string> Graph::signatures() const {
  std::vector<std::string> texts;
  for (const auto& function : functions_) texts.push_back(function->record()->text());
  return texts;
}

Graph::Graph(std::vector<std::shared_ptr<Prepared>> functions) : functions_(std::move(functions)) {}

std::vector<Tensor> Graph::run_listed(std::initializer_list<Feed> feeds,
                                      std::span<const std::string_view> fetches,
                                      Where where) const {
  return run(std::span(feeds.begin(), feeds.size()), fetches, where);
}

Graph Graph::signature(std::size_t number, Where where) const {
  if (number >= functions_.size()) {
    throw TraceError("signature: there is no signature " + std::to_string(number) + ": there are " +
                     std::to_string(functions_.size()) + where.suffix());
  }
  return Graph({functions_[number]});
}

std::vector<Tensor> Graph::call(std::span<const Tensor> inputs, Where where) const {
  require_functions(functions_, "graph", where);
  for (const Tensor& input : inputs) {
    if (!input.defined()) detail::fail_undefined("graph", where);
  }
  const auto arguments = addresses(inputs);
  for (std::size_t i = 0; i < functions_.size(); ++i) {
    const auto ready = functions_[i]->prepare(arguments, where);
    if (ready == nullptr) continue;
    require_only(i, arguments, where);
    return rill::run(*ready, arguments, where);
  }
  for (std::size_t i = 0; i < functions_.size(); ++i) {
    const std::vector<Tensor> converted = as_inputs(*functions_[i]->record(), inputs);
    const auto others = addresses(converted);
    const auto ready = functions_[i]->prepare(others, where);
    if (ready == nullptr) continue;
    require_only(i, others, where);
    return rill::run(*ready, others, where);
  }
  throw TraceError("graph: no signature takes " + text_of(inputs) +
                   "; there are:" + texts_of(functions_) + where.suffix());
}

void Graph::require_only(std::size_t chosen, std::span<const Tensor* const> arguments,
                         Where where) const {
  const Function& taken = *functions_[chosen]->record();
  for (std::size_t i = chosen + 1; i < functions_.size(); ++i) {
    const Function& other = *functions_[i]->record();
    if (other.fixed == taken.fixed || !sizes_of(other, arguments)) continue;
    throw TraceError(
        "graph: several signatures take these arguments, which differ in values that "
        "were fixed when they were recorded:\n  " +
        taken.text() + "\n  " + other.text() + "\nchoose one: graph.signature(" +
        std::to_string(chosen) + ")" + where.suffix());
  }
}

std::vector<Tensor> Graph::run(std::span<const Feed> feeds,
                               std::span<const std::string_view> fetches, Where where) const {
  require_functions(functions_, "run", where);
  for (const auto& [name, value] : feeds) {
    if (!value.defined()) detail::fail_undefined("run", where);
  }
  for (const auto& prepared : functions_) {
    const Function& function = *prepared->record();
    const auto feeding = Feeding::of(function, feeds);
    const auto fetched = edges_of(function, fetches);
    if (!feeding || !fetched) continue;
    const auto sizes = sizes_of(feeding->specs, addresses(feeding->values));
    if (!sizes || mistaken_pair(function.different_sizes, *sizes) != nullptr) continue;
    feeding->require_once(feeds, where);
    std::vector<Tensor> values(function.nodes.size());
    for (std::size_t i = 0; i < feeds.size(); ++i)
      values[static_cast<std::size_t>(feeding->nodes[i])] = feeding->values[i];
    if (sizes->empty()) return function.run(values, *fetched, where);
    return specialized(function, *sizes, where, function.needed(values, *fetched))
        .run(values, *fetched, where);
  }
  refuse(*functions_.front()->record(), feeds, fetches, where);
}

}  // namespace rill
