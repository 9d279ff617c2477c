#include <rill/trace/graph.h>

#include <algorithm>
#include <cstring>

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

std::vector<Tensor> Graph::call(std::span<const Tensor> inputs, Where where) const {
  for (const Tensor& input : inputs) {
    if (!input.defined()) detail::fail_undefined("graph", where);
  }
  const auto arguments = addresses(inputs);
  for (const auto& function : functions_) {
    if (const auto ready = function->prepare(arguments)) return rill::run(*ready, arguments);
  }
  for (const auto& function : functions_) {
    const std::vector<Tensor> converted = as_inputs(*function->record(), inputs);
    const auto others = addresses(converted);
    if (const auto ready = function->prepare(others)) return rill::run(*ready, others);
  }
  std::string text = "graph: no signature takes (";
  const char* separator = "";
  for (const Tensor& input : inputs) {
    text += separator + input.type_text();
    separator = ", ";
  }
  text += "); there are:";
  for (const auto& function : functions_) text += "\n  " + function->record()->text();
  throw TraceError(text + where.suffix());
}

std::vector<Tensor> Graph::run(std::span<const Feed> feeds,
                               std::span<const std::string_view> fetches, Where where) const {
  if (functions_.empty()) throw TraceError("run: the graph is empty" + where.suffix());
  for (const auto& [name, value] : feeds) {
    if (!value.defined()) detail::fail_undefined("run", where);
  }
  // The signature whose inputs take the feeds of their names, for the sizes that these have; the
  // first one for feeds of inner nodes.
  std::shared_ptr<const Function> chosen = functions_.front()->record();
  for (const auto& prepared : functions_) {
    const std::shared_ptr<const Function>& function = prepared->record();
    std::vector<Tensor> inputs;
    for (const int input : function->inputs) {
      const Node& node = function->nodes[static_cast<std::size_t>(input)];
      const auto fed = std::find_if(feeds.begin(), feeds.end(),
                                    [&](const Feed& feed) { return feed.first == node.name; });
      if (fed != feeds.end()) inputs.push_back(as_input(node.results[0], fed->second));
    }
    const auto sizes = sizes_of(*function, addresses(inputs));
    if (!sizes) continue;
    chosen = sizes->empty() ? function
                            : std::make_shared<const Function>(specialized(*function, *sizes));
    break;
  }
  // An output may have an input's name.
  const auto fed_edge = [&](std::string_view name) {
    for (const int input : chosen->inputs) {
      if (chosen->nodes[static_cast<std::size_t>(input)].name == name) return Edge{input, 0};
    }
    return chosen->named(name, where);
  };
  std::vector<Tensor> values(chosen->nodes.size());
  for (const auto& [name, given] : feeds) {
    const Edge edge = fed_edge(name);
    const Node& node = chosen->nodes[static_cast<std::size_t>(edge.node)];
    const Spec& spec = node.results[static_cast<std::size_t>(edge.result)];
    const Tensor value = as_input(spec, given);
    if (node.results.size() != 1 || value.dtype() != spec.dtype || value.body().weak != spec.weak ||
        !(value.shape() == spec.shape)) {
      throw TraceError("run: '" + std::string(name) + "' is " + spec.text() + " and is fed " +
                       value.type_text() + where.suffix());
    }
    values[static_cast<std::size_t>(edge.node)] = value;
  }
  std::vector<Edge> edges;
  for (const std::string_view name : fetches) edges.push_back(chosen->named(name, where));
  return chosen->run(values, edges, where);
}

}  // namespace rill
