#include <rill/trace/onnx/builder.h>

#include <algorithm>

#include <rill/ops/call.h>
#include <rill/ops/conversion.h>
#include <rill/ops/creation.h>
#include <rill/trace/onnx/number.h>

namespace rill::onnx {
namespace {

/// A name as functions have them: results are told apart by a colon.
std::string readable(std::string_view name) {
  std::string text(name.empty() ? "x" : name);
  for (char& c : text) {
    if (c <= ' ' || c >= 127 || c == ':' || c == '"' || c == '\\') c = '_';
  }
  return text;
}

}  // namespace

int Builder::add(Node node, std::string_view name) {
  std::string full = readable(name);
  const std::string plain = full;
  while (!taken_.insert(full).second) full = plain + "_" + std::to_string(++repeats_[plain]);
  node.name = std::move(full);
  function_.nodes.push_back(std::move(node));
  return static_cast<int>(function_.nodes.size()) - 1;
}

Tensor Builder::input(std::string_view name, const Spec& spec) {
  Node node;
  node.kind = Node::Kind::input;
  node.results = {spec};
  const int at = add(std::move(node), name);
  function_.inputs.push_back(at);
  Tensor value = spec.abstract();
  edges_[value.id()] = {at, 0};
  return value;
}

Tensor Builder::constant(const Tensor& elements, std::string_view name) {
  Tensor value = Tensor::abstract(elements.shape(), elements.dtype());
  known_[value.id()] = elements;
  names_[value.id()] = name;
  return value;
}

Tensor Builder::known(const Tensor& tensor) const {
  const auto found = known_.find(tensor.id());
  if (found != known_.end()) return found->second;
  return tensor.abstract() ? Tensor() : tensor;
}

Tensor Builder::full(const Shape& shape, const Scalar& number, DType dtype) {
  const auto value = [&] {
    const Silence silence;
    return cast(Tensor::weak(number), dtype);
  };
  return rill::full(shape, constant(value(), "number"), dtype);
}

Tensor Builder::range(Dim size) {
  const Tensor zero = full({}, 0, int64);
  const Tensor one = full({}, 1, int64);
  const Op& arange = *find_op("arange");
  Attributes attributes = Attributes::of(arange.attributes());
  attributes.set("shape", Shape{size});
  attributes.set("dtype", int64);
  return call(arange, zero, one, attributes);
}

Edge Builder::edge_of(const Tensor& tensor) {
  if (const auto found = edges_.find(tensor.id()); found != edges_.end()) return found->second;
  Node node;
  std::string name = "constant";
  if (is_number(tensor)) {
    node.kind = Node::Kind::number;
    node.value = tensor;
    name = "number";
  } else {
    node.kind = Node::Kind::constant;
    node.value = known(tensor);
    if (!node.value.defined())
      throw InternalError("a value of a graph has not been made: " + tensor.type_text());
    if (const auto given = names_.find(tensor.id()); given != names_.end()) name = given->second;
  }
  node.results = {{node.value.dtype(), node.value.shape()}};
  const Edge edge{add(std::move(node), name), 0};
  edges_[tensor.id()] = edge;
  return edge;
}

bool Builder::fold(const OpEvent& event) {
  if (event.op.stateful) return false;
  std::vector<Tensor> inputs;
  for (const Tensor& input : event.inputs) {
    inputs.push_back(is_number(input) ? input : known(input));
    if (!inputs.back().defined()) return false;
  }
  Dim bytes = 0;
  for (const auto& tensors : {event.inputs, event.outputs}) {
    for (const Tensor& tensor : tensors) {
      if (!tensor.shape().known() || (tensor.body().weak && !is_number(tensor))) return false;
      bytes = bytes + tensor.shape().size() * static_cast<std::int64_t>(size_of(tensor.dtype()));
    }
  }
  if (!event.op.view) {  // a view takes neither memory nor time
    if (bytes.value() > budget_) return false;
    budget_ -= bytes.value();
  }
  const Silence silence;
  std::vector<Tensor> outputs(event.outputs.size());
  call(event.op, inputs, event.attributes, event.where, outputs);
  // An attribute may be a size that is not known.
  if (std::any_of(outputs.begin(), outputs.end(), [](const Tensor& x) { return x.abstract(); }))
    return false;
  for (std::size_t k = 0; k < outputs.size(); ++k) known_[event.outputs[k].id()] = outputs[k];
  return true;
}

void Builder::op(const OpEvent& event) {
  equal_sizes_.are_for(event.op.name, {});
  if (event.outputs.size() == 1 && !event.outputs[0].abstract()) return;  // made of numbers
  if (fold(event)) return;
  Node node;
  node.op = &event.op;
  node.attributes = event.attributes.kept();
  for (const Tensor& input : event.inputs) node.inputs.push_back(edge_of(input));
  for (const Tensor& output : event.outputs) {
    node.results.push_back({output.dtype(), output.shape()});
    node.results.back().weak = output.body().weak;
  }
  const int at = add(std::move(node), event.op.name);
  for (std::size_t k = 0; k < event.outputs.size(); ++k)
    edges_[event.outputs[k].id()] = {at, static_cast<int>(k)};
}

void Builder::name(const Tensor& value, std::string_view name, std::size_t since) {
  if (known_.contains(value.id())) {
    names_[value.id()] = name;
    return;
  }
  const auto found = edges_.find(value.id());
  if (found == edges_.end() || found->second.result != 0) return;
  const auto at = static_cast<std::size_t>(found->second.node);
  std::string full = readable(name);
  if (at < since || !taken_.insert(full).second) return;
  function_.nodes[at].name = std::move(full);
}

Function Builder::finish(const std::vector<std::pair<std::string, Tensor>>& outputs) {
  for (const auto& [name, value] : outputs) function_.outputs.push_back({name, edge_of(value)});
  std::vector<bool> needed(function_.nodes.size());
  const auto need = [&](const Edge& edge) { needed[static_cast<std::size_t>(edge.node)] = true; };
  for (const Function::Output& output : function_.outputs) need(output.edge);
  for (std::size_t n = needed.size(); n-- > 0;) {
    if (function_.nodes[n].kind == Node::Kind::input) needed[n] = true;
    if (needed[n])
      std::for_each(function_.nodes[n].inputs.begin(), function_.nodes[n].inputs.end(), need);
  }
  Function result;
  std::vector<int> places(needed.size(), -1);
  const auto moved = [&](Edge edge) {
    edge.node = places[static_cast<std::size_t>(edge.node)];
    return edge;
  };
  for (std::size_t n = 0; n < needed.size(); ++n) {
    if (!needed[n]) continue;
    Node& node = function_.nodes[n];
    for (Edge& edge : node.inputs) edge = moved(edge);
    places[n] = static_cast<int>(result.nodes.size());
    result.nodes.push_back(std::move(node));
  }
  for (const int input : function_.inputs)
    result.inputs.push_back(places[static_cast<std::size_t>(input)]);
  for (Function::Output& output : function_.outputs)
    result.outputs.push_back({std::move(output.name), moved(output.edge)});
  result.equal_sizes = equal_sizes_.pairs();
  return result;
}

}  // namespace rill::onnx
