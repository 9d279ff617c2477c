#include <rill/trace/onnx/export.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>

#include <rill/ops/call.h>
#include <rill/ops/composition.h>
#include <rill/ops/conversion.h>
#include <rill/ops/onnx_form.h>
#include <rill/tensor/elements.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/unnamed.h>
#include <rill/trace/onnx/draft.h>
#include <rill/trace/onnx/dtypes.h>
#include <rill/trace/onnx/number.h>
#include <rill/version.h>

namespace rill::onnx {
namespace {

/// What is computed when the file is made, and not in it: results of constants up to this size, or
/// no larger than what they are made of.
constexpr std::int64_t small_constant = std::int64_t{1} << 20;

std::int64_t bytes_of(const Tensor& tensor) {
  return tensor.size() * static_cast<std::int64_t>(size_of(tensor.dtype()));
}

/// Writes operators into a draft, as it hears of them: those of the function, and those that forms
/// are written with. Tensors stand for values, by their ids; none has elements, and those whose
/// elements are known have them here.
class Exporter final : public Listener {
 public:
  explicit Exporter(const Function& function) : function_(function) {}

  Model run();

  void op(const OpEvent& event) override {
    write({event.op, event.attributes, event.inputs, event.outputs, event.where});
  }

 private:
  class Form;

  struct Call {
    const Op& op;
    const Attributes& attributes;
    std::span<const Tensor> inputs;
    std::span<const Tensor> outputs;
    Where where;
    std::uint32_t used = ~0U;  // bit k: somebody reads result k
  };

  void write(const Call& call);
  bool fold(const Call& call);
  void write_by_name(const Call& call, Form& form);

  /// The value in the draft, in this dtype.
  Draft::Id value(const Tensor& tensor, DType dtype);
  /// The elements, where they are known; else undefined.
  Tensor known(const Tensor& tensor) const;
  /// A tensor without elements that stands for these.
  Tensor stand_in(const Tensor& elements, std::string_view name);
  void note_uniform(const Tensor& tensor, const Tensor& elements);
  void name_again(const Tensor& result, const Tensor& value);
  void node(const Node& node, std::size_t index);
  void refuse_comparisons() const;
  void refuse_effects() const;
  [[nodiscard]] std::vector<std::uint32_t> uses() const;

  /// `place`: the user's line of what is refused.
  [[noreturn]] static void refuse(const std::string& text, Where place) {
    throw detail::UnnamedError<TraceError>(
        text + (place.known() ? " (it stands at " + place.text() + ")" : ""));
  }

  const Function& function_;
  Draft draft_;
  std::unordered_map<std::uint64_t, Draft::Id> values_;
  std::unordered_map<std::uint64_t, Tensor> known_;
  std::unordered_map<std::uint64_t, Scalar> uniform_;     // what every element is
  std::unordered_map<std::uint64_t, std::string> names_;  // of known values
  std::unordered_map<std::uint64_t, Tensor> variables_;   // by their ids
  std::vector<std::vector<Tensor>> results_;              // by node of the function
  std::vector<std::uint32_t> uses_;
};

/// One operator that is being written.
class Exporter::Form final : public OnnxForm {
 public:
  Form(Exporter& exporter, const Call& call)
      : exporter_(exporter),
        call_(call),
        infer_(call.op, call.attributes, call.inputs, call.where),
        inputs_(call.inputs.size()) {
    call.op.rule(infer_);
  }

  [[nodiscard]] const rill::Attributes& attributes() const override { return call_.attributes; }
  [[nodiscard]] int inputs() const override { return static_cast<int>(inputs_.size()); }
  [[nodiscard]] const Spec& result(int k) const override {
    return infer_.results()[static_cast<std::size_t>(k)];
  }
  [[nodiscard]] bool used(int k) const override { return (call_.used >> unsigned(k) & 1U) != 0; }
  [[nodiscard]] const Infer& infer() const { return infer_; }
  [[nodiscard]] DType dtype(int k) const { return infer_.operand_dtype(k); }

  Tensor in(int k) override {
    Tensor& made = inputs_[static_cast<std::size_t>(k)];
    if (made.defined()) return made;
    const Tensor& given = call_.inputs[static_cast<std::size_t>(k)];
    if (is_number(given)) {
      const Silence silence;
      made = exporter_.stand_in(rill::cast(given, dtype(k)).reshape({}), "number");
    } else {
      made = given;
      if (given.body().weak) {  // an unknown size, a Scalar: as a tensor of its own dtype
        made = Tensor::abstract(given.shape(), given.dtype());
        exporter_.values_[made.id()] = exporter_.value(given, given.dtype());
      }
      if (made.dtype() != dtype(k)) made = rill::cast(made, dtype(k));
    }
    return made;
  }

  [[nodiscard]] std::optional<Scalar> uniform(int k) const override {
    const Tensor& given = call_.inputs[static_cast<std::size_t>(k)];
    if (is_number(given)) return given.body().scalar;
    const auto found = exporter_.uniform_.find(given.id());
    if (found == exporter_.uniform_.end()) return std::nullopt;
    return found->second;
  }

  std::vector<Tensor> nodes(std::string_view type, std::span<const Tensor> inputs,
                            std::span<const Attribute> attributes,
                            std::span<const Spec> results) override {
    std::vector<Draft::Id> ids;
    for (const Tensor& input : inputs)
      ids.push_back(input.defined() ? exporter_.value(input, input.dtype()) : Draft::none);
    const auto outputs = exporter_.draft_.node(type, ids, attributes, results.size());
    std::vector<Tensor> tensors;
    for (std::size_t k = 0; k < results.size(); ++k) {
      tensors.push_back(Tensor::abstract(results[k].shape, results[k].dtype));
      exporter_.values_[tensors.back().id()] = outputs[k];
    }
    if (type == "Expand") {
      if (const auto found = exporter_.uniform_.find(inputs[0].id());
          found != exporter_.uniform_.end())
        exporter_.uniform_[tensors[0].id()] = Scalar(found->second);
    }
    return tensors;
  }

  Tensor integers(const Shape& numbers) override {
    Tensor tensor = Tensor::abstract({numbers.rank()}, int64);
    if (numbers.known()) {
      std::vector<std::int64_t> values;
      for (const Dim number : numbers) values.push_back(number.value());
      const Silence silence;
      exporter_.known_[tensor.id()] = rill::tensor(values);
    }
    exporter_.values_[tensor.id()] = exporter_.draft_.sizes(numbers);
    return tensor;
  }

  void out(int k, const Tensor& value) override {
    exporter_.name_again(call_.outputs[static_cast<std::size_t>(k)], value);
  }

  [[noreturn]] void refuse(std::string_view reason) const override {
    exporter_.refuse("the operator '" + std::string(call_.op.name) +
                         "' has no form in ONNX here: " + std::string(reason),
                     call_.where);
  }

 private:
  Exporter& exporter_;
  const Call& call_;
  Infer infer_;
  std::vector<Tensor> inputs_;
};

Tensor Exporter::stand_in(const Tensor& elements, std::string_view name) {
  auto tensor = Tensor::abstract(elements.shape(), elements.dtype());
  known_[tensor.id()] = elements;
  names_[tensor.id()] = name;
  note_uniform(tensor, elements);
  return tensor;
}

/// Tensors of equal elements are what is padded with, and divided by.
void Exporter::note_uniform(const Tensor& tensor, const Tensor& elements) {
  std::optional<std::uint64_t> bits;
  bool all = true;
  detail::for_each_element(elements.body(), [&](const std::byte* element) {
    std::uint64_t own = 0;
    std::memcpy(&own, element, size_of(elements.dtype()));
    all = all && (!bits || *bits == own);
    bits = own;
  });
  if (bits && all) uniform_[tensor.id()] = Scalar::from_bits(elements.dtype(), *bits);
}

Tensor Exporter::known(const Tensor& tensor) const {
  const auto found = known_.find(tensor.id());
  if (found != known_.end()) return found->second;
  return tensor.abstract() ? Tensor() : tensor;
}

Draft::Id Exporter::value(const Tensor& tensor, DType dtype) {
  auto found = values_.find(tensor.id());
  if (found == values_.end()) {
    if (is_number(tensor)) return draft_.number(tensor.body().scalar, dtype);
    const Tensor elements = known(tensor);
    if (!elements.defined())
      throw InternalError("a value of a graph has not been written: " + tensor.type_text());
    const auto name = names_.find(tensor.id());
    found =
        values_
            .emplace(tensor.id(),
                     draft_.constant(elements, name == names_.end() ? "constant" : name->second))
            .first;
  }
  return tensor.dtype() == dtype ? found->second : draft_.cast(found->second, dtype);
}

void Exporter::name_again(const Tensor& result, const Tensor& value) {
  if (const auto elements = known(value); elements.defined() && value.dtype() == result.dtype())
    known_[result.id()] = elements;
  if (const auto uniform = uniform_.find(value.id());
      uniform != uniform_.end() && value.dtype() == result.dtype())
    uniform_[result.id()] = uniform->second;
  values_[result.id()] = this->value(value, result.dtype());
}

/// Computes what depends on constants only, unless that would make the file much larger.
bool Exporter::fold(const Call& call) {
  if (call.op.stateful) return false;
  std::vector<Tensor> inputs;
  std::int64_t budget = small_constant;
  for (const Tensor& input : call.inputs) {
    inputs.push_back(is_number(input) ? input : known(input));
    if (!inputs.back().defined()) return false;
    if (!is_number(input)) budget = std::max(budget, bytes_of(inputs.back()));
  }
  std::int64_t bytes = 0;
  for (const Tensor& output : call.outputs) {
    if (!output.shape().known() || output.body().weak) return false;
    bytes += bytes_of(output);
  }
  if (bytes > budget) return false;
  const Silence silence;
  std::vector<Tensor> outputs(call.outputs.size());
  rill::call(call.op, inputs, call.attributes, call.where, outputs);
  // An attribute may be a size that is not known.
  if (std::any_of(outputs.begin(), outputs.end(), [](const Tensor& x) { return x.abstract(); }))
    return false;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    known_[call.outputs[k].id()] = outputs[k];
    note_uniform(call.outputs[k], outputs[k]);
  }
  return true;
}

void Exporter::write_by_name(const Call& call, Form& form) {
  std::vector<OnnxForm::Attribute> attributes;
  if (call.attributes.type() != nullptr) {
    for (const auto& field : call.attributes.type()->fields) {
      const AttributeValue value = field.get(call.attributes.value());
      OnnxForm::Attribute& own = attributes.emplace_back();
      own.name = field.name;
      if (const auto* flag = std::get_if<bool>(&value)) {
        own.value = std::int64_t{*flag};
      } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        own.value = *integer;
      } else if (const auto* real = std::get_if<double>(&value)) {
        own.value = *real;
      } else if (const auto* dtype = std::get_if<DType>(&value)) {
        own.value = *dtype;
      } else if (const auto* axes = std::get_if<Axes>(&value)) {
        own.value = std::vector<std::int64_t>(axes->begin(), axes->end());
      } else {
        std::vector<std::int64_t> sizes;
        for (const Dim size : std::get<Shape>(value)) {
          if (!size.known()) form.refuse("the size '" + size.text() + "' is not known");
          sizes.push_back(size.value());
        }
        own.value = sizes;
      }
    }
  }
  std::vector<Draft::Id> inputs;
  for (int k = 0; k < form.inputs(); ++k)
    inputs.push_back(value(call.inputs[static_cast<std::size_t>(k)], form.dtype(k)));
  const auto ids = draft_.node(call.op.peers.onnx, inputs, attributes, call.outputs.size());
  for (std::size_t k = 0; k < ids.size(); ++k) values_[call.outputs[k].id()] = ids[k];
}

void Exporter::write(const Call& call) {
  if (call.outputs.size() == 1 && is_number(call.outputs[0])) return;  // a number is its own value
  if (fold(call)) return;
  Form form(*this, call);
  if (call.op.onnx) {
    call.op.onnx(form);
  } else if (!call.op.peers.onnx.empty()) {
    write_by_name(call, form);
  } else if (call.op.composition) {
    std::vector<Tensor> inputs;
    for (int k = 0; k < form.inputs(); ++k) inputs.push_back(form.in(k));
    std::vector<Tensor> outputs(call.outputs.size());
    Composition composition(form.infer(), inputs, outputs);
    call.op.composition(composition);
    for (std::size_t k = 0; k < outputs.size(); ++k) name_again(call.outputs[k], outputs[k]);
  } else {
    refuse("the operator '" + std::string(call.op.name) + "' has no form in ONNX", call.where);
  }
}

/// What a node's results are made of. Those of a custom gradient are among its inputs.
std::span<const Edge> read_by(const Node& node) {
  const std::span<const Edge> inputs(node.inputs);
  return node.kind == Node::Kind::custom
             ? inputs.subspan(node.gradient->arguments, node.results.size())
             : inputs;
}

/// For each node, which of its results somebody reads.
std::vector<std::uint32_t> Exporter::uses() const {
  std::vector<std::uint32_t> uses(function_.nodes.size());
  const auto use = [&](const Edge& edge) {
    uses[static_cast<std::size_t>(edge.node)] |= 1U << static_cast<unsigned>(edge.result);
  };
  for (const Function::Output& output : function_.outputs) use(output.edge);
  for (std::size_t n = function_.nodes.size(); n-- > 0;) {
    if (uses[n] == 0) continue;
    for (const Edge& edge : read_by(function_.nodes[n])) use(edge);
  }
  return uses;
}

/// Whether sizes are 0 is left to whoever runs the file: without steps, an LSTM is another graph.
void Exporter::refuse_comparisons() const {
  for (const auto& [a, b] : function_.different_sizes) {
    if (identical(a, 0) || identical(b, 0)) continue;
    refuse("the function compares sizes, and is another one where " + a.text() + " == " + b.text() +
               ": a graph of ONNX is for all sizes alike; save it as JSON, or with known sizes",
           {});
  }
}

void Exporter::refuse_effects() const {
  for (std::size_t n = 0; n < function_.nodes.size(); ++n) {
    const Node& node = function_.nodes[n];
    if (node.kind == Node::Kind::assign) {
      refuse("the variable '" + node.variable.name() +
                 "' is assigned, and a graph of ONNX changes nothing: save a function that only "
                 "computes, or save this one as JSON",
             node.where);
    }
    if (node.kind == Node::Kind::print) {
      refuse(
          "something is printed, which ONNX has no equal for: print outside the function, or save "
          "it as JSON",
          node.where);
    }
    if (node.kind == Node::Kind::draw && uses_[n] != 0) {
      refuse(
          "random numbers are drawn, which ONNX has no equal for: pass them as an argument, or "
          "save the function as JSON",
          node.where);
    }
  }
}

void Exporter::node(const Node& node, std::size_t index) {
  std::vector<Tensor>& results = results_[index];
  switch (node.kind) {
    case Node::Kind::input:
      results = {node.results[0].abstract()};
      values_[results[0].id()] = draft_.input(node.name, node.results[0]);
      break;
    case Node::Kind::constant:
      results = {stand_in(node.value, node.name)};
      break;
    case Node::Kind::number:
      results = {node.value};
      break;
    case Node::Kind::variable: {
      auto [at, added] = variables_.try_emplace(node.variable.id());
      if (added) at->second = stand_in(node.variable.value({}), node.variable.name());
      results = {at->second};
      break;
    }
    case Node::Kind::op: {
      std::vector<Tensor> inputs;
      for (const Edge& edge : node.inputs) {
        inputs.push_back(
            results_[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)]);
      }
      results.resize(node.results.size());
      {
        const Silence silence;  // a record does not say which results are weak
        infer_abstract(*node.op, inputs, node.attributes, results);
      }
      draft_.about(node.name);
      write({*node.op, node.attributes, inputs, results, node.where, uses_[index]});
      for (std::size_t k = 0; k < results.size(); ++k) {
        const std::string name = k == 0 ? node.name : node.name + "_" + std::to_string(k);
        names_.try_emplace(results[k].id(), name);
        if (const auto found = values_.find(results[k].id()); found != values_.end())
          draft_.suggest(found->second, name);
      }
      break;
    }
    case Node::Kind::custom:
      for (const Edge& edge : read_by(node)) {
        results.push_back(
            results_[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)]);
      }
      break;
    case Node::Kind::assign:
    case Node::Kind::check:
    case Node::Kind::print:
    case Node::Kind::draw:
      break;
  }
}

Model Exporter::run() {
  uses_ = uses();
  refuse_effects();
  refuse_comparisons();
  if (function_.outputs.empty()) refuse("the function has no results", {});
  results_.resize(function_.nodes.size());
  const Listening on(*this);
  const EqualSizes equal;
  for (const int input : function_.inputs)
    node(function_.nodes[static_cast<std::size_t>(input)], static_cast<std::size_t>(input));
  for (std::size_t n = 0; n < function_.nodes.size(); ++n) {
    if (uses_[n] == 0 || !results_[n].empty()) continue;
    node(function_.nodes[n], n);
  }
  for (const Function::Output& output : function_.outputs) {
    const Node& node = function_.nodes[static_cast<std::size_t>(output.edge.node)];
    const auto k = static_cast<std::size_t>(output.edge.result);
    const Spec& spec = node.results[k];
    const Tensor& result = results_[static_cast<std::size_t>(output.edge.node)][k];
    draft_.output(output.name, value(result, spec.dtype), spec);
  }
  Model model = draft_.finish();
  model.format_version = 8;  // the one that came with operator set 17
  model.producer = "rill";
  model.producer_version = library_version();
  model.operator_sets = {{"", operator_set}};
  model.graph_name = "rill";
  return model;
}

}  // namespace

Model exported(const Function& function) { return Exporter(function).run(); }

}  // namespace rill::onnx
