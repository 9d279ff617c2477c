#include <rill/trace/recorder.h>

#include <algorithm>
#include <utility>

#include <rill/autograd/custom_gradient.h>
#include <rill/tensor/error.h>
#include <rill/tensor/rehearsal.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

constexpr int deepest_rule = 2;

}  // namespace

Recorder::Recorder(std::span<const Tensor> arguments, std::span<const std::string> names) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    input(arguments[i], !names.empty()          ? readable(names[i])
                        : arguments.size() == 1 ? "x"
                                                : "x" + std::to_string(i));
  }
}

Recorder::Recorder(const Function& function, std::span<const std::vector<Tensor>> values)
    : function_(function), fixed_(function.nodes.size()) {
  function_.outputs.clear();
  for (std::size_t n = 0; n < values.size(); ++n) {
    ++names_[function.nodes[n].name];
    for (std::size_t k = 0; k < values[n].size(); ++k)
      known_[values[n][k].id()] = {static_cast<int>(n), static_cast<int>(k)};
  }
}

Recorder::Recorder(Recorder& outer, std::span<const Tensor> arguments)
    : outer_(&outer), depth_(outer.depth_ + 1) {
  for (const Tensor& argument : arguments) input(argument, "gradient");
}

Edge Recorder::input(const Tensor& argument, std::string_view name) {
  Node node;
  node.kind = Node::Kind::input;
  node.results = {
      {.dtype = argument.dtype(), .shape = argument.shape(), .weak = argument.body().weak}};
  const Edge edge{add(std::move(node), name), 0};
  function_.inputs.push_back(edge.node);
  known_[argument.id()] = edge;
  return edge;
}

std::string Recorder::unique(std::string_view name) {
  std::string full;
  for (const std::string& scope : scopes_) full += readable(scope) + "/";
  full += readable(name);
  const int count = names_[full]++;
  return count == 0 ? full : unique(std::string(name) + "_" + std::to_string(count));
}

/// Without what would not be read back from a file: names come from users' maps, too.
std::string Recorder::readable(std::string_view name) {
  std::string text(name.empty() ? "x" : name);
  for (char& c : text) {
    if (c <= ' ' || c >= 127 || c == ':' || c == '"' || c == '\\') c = '_';
  }
  return text;
}

bool Recorder::is_fixed(const Tensor& tensor) const {
  if (const auto found = known_.find(tensor.id()); found != known_.end())
    return fixed_[static_cast<std::size_t>(found->second.node)];
  return outer_ != nullptr && outer_->is_fixed(tensor);
}

int Recorder::add(Node node, std::string_view name) {
  node.name = unique(name);
  fixed_.push_back(node.kind == Node::Kind::constant || node.kind == Node::Kind::number ||
                   (node.kind == Node::Kind::op &&
                    std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Edge& edge) {
                      return fixed_[static_cast<std::size_t>(edge.node)];
                    })));
  function_.nodes.push_back(std::move(node));
  return static_cast<int>(function_.nodes.size()) - 1;
}

std::optional<Edge> Recorder::find(const Tensor& tensor) {
  if (const auto found = known_.find(tensor.id()); found != known_.end()) return found->second;
  if (outer_ == nullptr || tensor.body().weak) return std::nullopt;
  const std::optional<Edge> outside = outer_->find(tensor);
  if (!outside) return std::nullopt;
  captured_.push_back(*outside);
  return input(tensor, outer_->function_.nodes[static_cast<std::size_t>(outside->node)].name);
}

const Node* Recorder::maker_of(const Tensor& tensor) const {
  if (const auto found = known_.find(tensor.id()); found != known_.end())
    return &function_.nodes[static_cast<std::size_t>(found->second.node)];
  return outer_ != nullptr ? outer_->maker_of(tensor) : nullptr;
}

Edge Recorder::edge_of(const Tensor& tensor) {
  if (const std::optional<Edge> found = find(tensor)) return *found;
  // From outside the function, or made of numbers inside it: the trace keeps the value.
  Node node;
  node.kind = tensor.body().weak ? Node::Kind::number : Node::Kind::constant;
  node.value = tensor.body().weak ? Tensor::weak(tensor.body().scalar.as_value()) : tensor;
  node.results = {{tensor.dtype(), tensor.shape()}};
  const Edge edge{add(std::move(node), tensor.body().weak ? "number" : "constant"), 0};
  known_[tensor.id()] = edge;
  return edge;
}

void Recorder::op(const OpEvent& event) {
  Node node;
  node.op = &event.op;
  if (std::string called = detail::UserCall::name(event.name); called != event.name)
    node.operation = std::move(called);
  node.where = event.where.kept();
  node.attributes = event.attributes.kept();
  for (const Tensor& input : event.inputs) node.inputs.push_back(edge_of(input));
  for (const Tensor& output : event.outputs)
    node.results.push_back({output.dtype(), output.shape()});
  equal_sizes_.are_for(node.called(), event.where);
  const int at = add(std::move(node), event.name);
  for (std::size_t i = 0; i < event.outputs.size(); ++i) {
    known_[event.outputs[i].id()] = {at, static_cast<int>(i)};
    if (event.where.known()) made_at_[event.outputs[i].id()] = event.where.text();
  }
}

void Recorder::variable_creation(const VariableEvent& event) {
  if (Rehearsal::current() != nullptr) {
    throw TraceError("trace: the variable '" + std::string(event.name) +
                     "' is made while the function is captured without values: make it before" +
                     event.where.suffix());
  }
  made_variables_ = true;
  variable_read(event);
}

void Recorder::variable_read(const VariableEvent& event) {
  if (known_.contains(event.value.id())) return;
  Node node;
  node.kind = Node::Kind::variable;
  node.where = event.where.kept();
  node.variable = event.variable;
  node.results = {{event.value.dtype(), event.value.shape()}};
  known_[event.value.id()] = {add(std::move(node), event.name), 0};
}

void Recorder::variable_assignment(const VariableEvent& event) {
  Node node;
  node.kind = Node::Kind::assign;
  node.where = event.where.kept();
  node.variable = event.variable;
  node.inputs = {edge_of(event.value)};
  equal_sizes_.are_for("assign", event.where);
  add(std::move(node), "assign");
}

bool Recorder::is_of_sizes(const Tensor& tensor) const {
  const auto found = known_.find(tensor.id());
  if (found == known_.end()) return outer_ != nullptr && outer_->is_of_sizes(tensor);
  std::vector<bool> of_sizes(static_cast<std::size_t>(found->second.node) + 1);
  for (std::size_t n = 0; n < of_sizes.size(); ++n) {
    const Node& node = function_.nodes[n];
    bool sizes = node.kind == Node::Kind::op && node.op->name == "size";
    bool others = false;
    for (const Edge& input : node.inputs) {
      const auto from = static_cast<std::size_t>(input.node);
      sizes = sizes || of_sizes[from];
      const bool number = function_.nodes[from].kind == Node::Kind::number;
      others = others || (!of_sizes[from] && !number);
    }
    of_sizes[n] = sizes && !others;
  }
  return of_sizes.back();
}

void Recorder::refuse(const HostReadEvent& event) const {
  static constexpr const char* what[] = {"a number is read", "a bool is read", "elements are read",
                                         "a text is made", "a file is written"};
  const bool of_sizes = is_of_sizes(event.tensor);
  std::string text = "trace: " + std::string(what[static_cast<int>(event.kind)]) + " of " +
                     (of_sizes ? "a size that is unknown" : event.tensor.type_text());
  const Node* const maker = maker_of(event.tensor);
  if (const auto made = made_at_.find(event.tensor.id()); made != made_at_.end())
    text += " (made at " + made->second + ")";
  else if (maker != nullptr && maker->kind == Node::Kind::input)
    text += " (the argument " + maker->name + ")";
  text += " while the function is recorded, and would be baked in: ";
  text += of_sizes ? "choose with where, make a loop an operator over the axis, or say in "
                     "{.inputs} what the size is"
                   : "compute with tensors (where, maximum, comparisons), or return the tensor and "
                     "read it outside";
  throw TraceError(text + event.where.suffix());
}

void Recorder::refuse_at_end(std::string text) {
  if (refusal_.empty()) refusal_ = std::move(text);
}

void Recorder::host_read(const HostReadEvent& event) {
  // What no call changes may be looked at, like the sizes that a loop counts up to. Without values
  // there is nothing to look at.
  if (maker_of(event.tensor) == nullptr || (is_fixed(event.tensor) && !event.tensor.abstract()))
    return;
  refuse(event);
}

void Recorder::print(const PrintEvent& event) {
  if (event.unknown_sizes)
    throw TraceError(
        "trace: print: a size that is unknown is printed while the function is recorded, and "
        "would be baked in: return it, or print a tensor that is made of it" +
        event.where.suffix());
  Node node;
  node.kind = Node::Kind::print;
  node.where = event.where.kept();
  for (const Tensor& tensor : event.tensors) node.inputs.push_back(edge_of(tensor));
  node.words.assign(event.words.begin(), event.words.end());
  add(std::move(node), "print");
}

void Recorder::draw(const DrawEvent& event) {
  const bool made_here = event.generator.id() > beginning_.id();
  if (made_here && event.generator.id() != rng::default_generator().id()) {
    refuse_at_end(
        "trace: a generator that is made while the function is recorded gives the same numbers in "
        "every call, and other ones in a trace: make it outside" +
        event.where.suffix());
  }
  Node node;
  node.kind = Node::Kind::draw;
  node.where = event.where.kept();
  node.generator = event.generator.shared();
  node.results = {{event.key.dtype(), event.key.shape()}};
  known_[event.key.id()] = {add(std::move(node), "draw"), 0};
}

void Recorder::seed(const SeedEvent& event) {
  refuse_at_end("trace: " + std::string(event.operation) +
                ": a generator is set while the function is recorded, and later calls would not "
                "set it: do it outside" +
                event.where.suffix());
}

void Recorder::check(const CheckEvent& event) {
  Node node;
  node.kind = Node::Kind::check;
  node.where = event.where.kept();
  node.inputs = {edge_of(event.ok)};
  node.message = event.message;
  add(std::move(node), "check");
}

void Recorder::enter(const ScopeEvent& event) {
  if (event.kind == ScopeEvent::Kind::name) scopes_.emplace_back(event.name);
}

void Recorder::leave(const ScopeEvent& event) {
  if (event.kind == ScopeEvent::Kind::name && !scopes_.empty()) scopes_.pop_back();
  if (event.kind == ScopeEvent::Kind::custom_gradient)
    custom_gradient(*static_cast<const CustomGradient*>(event.subject));
}

/// What the caller gets are the values from inside under other ids.
void Recorder::custom_gradient(const CustomGradient& call) {
  if (call.outputs.empty()) return;  // it threw
  Node node;
  node.kind = Node::Kind::custom;
  node.where = call.where;
  auto gradient = std::make_shared<RecordedGradient>();
  gradient->arguments = call.inputs.size();
  for (const Tensor& input : call.inputs) node.inputs.push_back(edge_of(input));
  for (const Tensor& result : call.results) node.inputs.push_back(edge_of(result));
  for (const Tensor& output : call.outputs)
    node.results.push_back({output.dtype(), output.shape()});
  std::vector<Edge> captured;
  gradient->rule = rule_of(call, captured, gradient->reason);
  function_.unknown_gradients = function_.unknown_gradients || gradient->rule == nullptr;
  node.inputs.insert(node.inputs.end(), captured.begin(), captured.end());
  node.gradient = std::move(gradient);
  const int at = add(std::move(node), "custom_gradient");
  for (std::size_t i = 0; i < call.outputs.size(); ++i)
    known_[call.outputs[i].id()] = {at, static_cast<int>(i)};
}

std::shared_ptr<const Function> Recorder::rule_of(const CustomGradient& call,
                                                  std::vector<Edge>& captured,
                                                  std::string& reason) {
  if (depth_ == deepest_rule) {  // a rule may use its own function
    reason = "gradients of its gradients are recorded up to the " +
             std::to_string(deepest_rule + 1) + "rd order";
    return nullptr;
  }
  try {
    std::vector<Tensor> output_gradients;
    for (const Tensor& output : call.outputs)
      output_gradients.push_back(Tensor::abstract(output.shape(), output.dtype()));
    Recorder recorder(*this, output_gradients);
    const Silence silence;
    const Rehearsal rehearsal;
    const Listening on(recorder);
    const std::vector<Tensor> results = (*call.gradient)(output_gradients);
    if (results.size() != call.inputs.size()) {
      reason = "its function returned " + std::to_string(results.size()) + " gradients for " +
               std::to_string(call.inputs.size()) + " arguments";
      return nullptr;
    }
    std::vector<Tensor> defined;
    for (const Tensor& result : results) {
      if (result.defined()) defined.push_back(result);
    }
    auto rule = std::make_shared<Function>(recorder.finish(defined));
    std::size_t output = 0;
    for (std::size_t k = 0; k < results.size(); ++k) {
      if (results[k].defined()) rule->outputs[output++].name = std::to_string(k);
    }
    captured.assign(recorder.captured_.begin(), recorder.captured_.end());
    return rule;
  } catch (const std::exception& error) {
    reason = error.what();
    return nullptr;
  }
}

Function Recorder::finish(std::span<const Tensor> results) {
  if (!refusal_.empty()) throw TraceError(refusal_);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Edge edge = edge_of(results[i]);
    function_.outputs.push_back(
        {results.size() == 1 ? "result" : "result_" + std::to_string(i), edge});
  }
  function_.equal_sizes = equal_sizes_.pairs();
  return std::move(function_);
}

}  // namespace rill
