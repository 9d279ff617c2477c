// The life of an eager call: rule, values, listeners. The short way in front of it serves dense
// operands: one look-up, one allocation, one call through a pointer.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/composition.h>
#include <rill/ops/dense_kernel.h>
#include <rill/ops/known_call.h>
#include <rill/ops/materialize.h>
#include <rill/ops/places.h>
#include <rill/ops/plans.h>
#include <rill/ops/view.h>
#include <rill/tensor/different_sizes.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/float_environment.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/timeline.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

void tell(const Op& op, const Attributes& attributes, std::span<const Tensor> inputs,
          std::span<const Tensor> outputs, Where where) {
  if (Listeners::none()) return;
  Listeners::tell(&Listener::op, OpEvent{op, op.name, attributes, inputs, outputs, where});
}

std::string types_of(std::span<const Tensor> tensors) {
  std::string text;
  for (const Tensor& tensor : tensors) text += (text.empty() ? "" : ", ") + tensor.type_text();
  return text;
}

std::int64_t bytes_of(std::span<const Tensor> tensors) {
  std::int64_t bytes = 0;
  for (const Tensor& tensor : tensors) {
    if (!tensor.body().weak) bytes += tensor.size() * std::int64_t(size_of(tensor.dtype()));
  }
  return bytes;
}

/// An operator that has run, for whoever profiles.
void note(const detail::Stopwatch& watch, const Op& op, std::span<const Tensor> inputs,
          std::span<const Tensor> outputs, Where where) {
  if (!watch.runs()) return;
  if (std::any_of(outputs.begin(), outputs.end(), [](const Tensor& x) { return x.abstract(); }))
    return;  // nothing has been computed
  watch.end("op", op.name,
            {{"inputs", types_of(inputs)},
             {"outputs", types_of(outputs)},
             {"bytes", bytes_of(inputs) + bytes_of(outputs)},
             {"line", detail::UserCall::place(where).text()}});
}

void require_defined(const Op& op, std::span<const Tensor> inputs, Where where) {
  Device device;
  bool placed = false;
  for (const Tensor& input : inputs) {
    if (!input.defined()) detail::fail_undefined(op.name.data(), where);
    if (input.body().weak) continue;
    if (placed && !(input.device() == device)) {
      throw DeviceError(std::string(op.name) + ": tensors are on different devices (" +
                        device.text() + ", " + input.device().text() +
                        "): move one with .to(device)" + where.suffix());
    }
    device = input.device();
    placed = true;
  }
}

Device device_of(std::span<const Tensor> inputs) {
  for (const Tensor& input : inputs) {
    if (!input.body().weak) return input.device();
  }
  return Device::cpu();
}

/// Sizes among the attributes that are not known yet: of an operator without operands they are all
/// it has.
bool unknown_sizes(const Attributes& attributes) {
  if (attributes.type() == nullptr) return false;
  return std::any_of(attributes.type()->fields.begin(), attributes.type()->fields.end(),
                     [&](const auto& field) {
                       const AttributeValue value = field.get(attributes.value());
                       const auto* shape = std::get_if<Shape>(&value);
                       return shape != nullptr && !shape->known();
                     });
}

bool stays_abstract(const Infer& infer, std::span<const Tensor> inputs) {
  if (inputs.empty() && unknown_sizes(infer.attributes())) return true;
  return std::any_of(inputs.begin(), inputs.end(), [](const Tensor& x) { return x.abstract(); }) ||
         std::any_of(infer.results().begin(), infer.results().end(),
                     [](const Spec& s) { return !s.shape.known(); });
}

/// Memory for a result, holding what the rule says it starts from.
Tensor started(const Spec& spec, std::span<const Tensor> inputs, Device device) {
  Tensor out = Tensor::empty(spec.shape, spec.dtype, device);
  if (spec.start == Spec::zeros) {
    std::memset(out.body().data, 0, static_cast<std::size_t>(out.size()) * size_of(spec.dtype));
  } else if (spec.start >= 0) {
    copy_into(out, inputs[static_cast<std::size_t>(spec.start)]);
  }
  return out;
}

/// A number has no memory: where an operator needs one, it gets a tensor of its own.
void give_memory_to_numbers(const Infer& infer, std::span<Tensor> inputs, Device device) {
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (!inputs[k].body().weak) continue;
    Tensor made = Tensor::empty({}, infer.operand_dtype(static_cast<int>(k)), device);
    const std::uint64_t bits = inputs[k].body().scalar.bits(made.dtype());
    std::memcpy(made.body().data, &bits, size_of(made.dtype()));
    inputs[k] = made;
  }
}

/// Takes contiguous inputs of the plan's shapes.
void execute(const kernel::Plan& plan, std::span<const Tensor> inputs,
             std::span<const Tensor> outputs, Device device) {
  constexpr std::size_t most_inputs = 16;
  std::array<const std::byte*, most_inputs> from;  // NOLINT: set as far as it is read
  std::array<std::byte*, max_results> to;          // NOLINT: likewise
  if (inputs.size() > from.size() || outputs.size() > to.size())
    throw InternalError("a library's operator has too many operands");
  for (std::size_t k = 0; k < inputs.size(); ++k) from[k] = inputs[k].body().data;
  for (std::size_t k = 0; k < outputs.size(); ++k) to[k] = outputs[k].body().data;
  const std::size_t bytes = plan.workspace();
  const Storage workspace = bytes > 0 ? Storage::allocate(bytes, device) : Storage();
  plan.execute(std::span(from).first(inputs.size()), std::span(to).first(outputs.size()),
               workspace ? workspace.data() : nullptr);
}

/// The plan of a library's operator, once it has run. `as_they_are`: the inputs needed no copies.
std::shared_ptr<const kernel::Plan> run_library(const Infer& infer, std::span<const Tensor> given,
                                                std::span<const Tensor> outputs, Device device,
                                                bool& as_they_are) {
  std::vector<Tensor> inputs(given.begin(), given.end());
  give_memory_to_numbers(infer, inputs, device);
  std::vector<Spec> specs;
  as_they_are = true;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    inputs[k] = materialized(inputs[k], infer.operand_dtype(static_cast<int>(k)));
    as_they_are = as_they_are && inputs[k].body_or_null() == given[k].body_or_null();
    specs.push_back({inputs[k].dtype(), inputs[k].shape()});
  }
  auto plan = plan_for(infer.op(), infer.attributes(), specs, infer.results(), device);
  execute(*plan, inputs, outputs, device);
  return plan;
}

bool writes_in_place(std::span<const Spec> results, std::span<const Tensor> inputs,
                     const Tensor* reuse) {
  if (reuse == nullptr || results.size() != 1 || results[0].dtype != reuse->dtype() ||
      !(results[0].shape == reuse->shape()))
    return false;
  const int start = results[0].start;
  return start == Spec::nothing ||
         (start >= 0 &&
          inputs[static_cast<std::size_t>(start)].body_or_null() == reuse->body_or_null());
}

void start(std::span<const Spec> results, std::span<const Tensor> inputs, Device device,
           std::span<Tensor> outputs, Tensor* reuse) {
  const bool in_place = writes_in_place(results, inputs, reuse);
  for (std::size_t k = 0; k < results.size(); ++k)
    outputs[k] = in_place ? *reuse : started(results[k], inputs, device);
}

void require_count(const Op& op, std::size_t results, std::size_t outputs) {
  if (results == outputs) return;
  throw InternalError(std::string(op.name) +
                      ": is called for another number of results than its rule gives");
}

/// The way of a call like this one, gone again.
void repeat(const KnownCall& known, const Op& op, std::span<const Tensor> inputs, Where where,
            std::span<Tensor> outputs, Tensor* reuse) {
  const Device device = Device::cpu();
  if (const auto* by_view = std::get_if<KnownCall::ByView>(&known.way())) {
    require_count(op, 1, outputs.size());
    const auto rank = static_cast<std::size_t>(by_view->shape.rank());
    outputs[0] =
        inputs[0].view(by_view->shape, std::span(by_view->strides).first(rank), by_view->offset);
  } else if (const auto* by_library = std::get_if<KnownCall::ByLibrary>(&known.way())) {
    require_count(op, by_library->results.size(), outputs.size());
    start(by_library->results, inputs, device, outputs, nullptr);
    execute(*by_library->plan, inputs, outputs, device);
  } else if (const auto* by_kernel = std::get_if<KnownCall::ByKernel>(&known.way())) {
    require_count(op, by_kernel->results.size(), outputs.size());
    start(by_kernel->results, inputs, device, outputs, reuse);
    by_kernel->launch.run(op, inputs, outputs, where);
  }
}

/// A rule is run again for the sizes of a call: what it compares is not the user's comparison.
void run_rule(const Op& op, Infer& infer) {
  const DifferentSizes::Pause pause;
  op.rule(infer);
}

/// Everything but listening. `reuse`, when given, is an output to write into.
void evaluate(const Op& op, std::span<const Tensor> inputs, const Attributes& attributes,
              Where where, std::span<Tensor> outputs, Tensor* reuse) try {
  require_defined(op, inputs, where);
  const CallForm form(op, attributes, inputs);
  if (const KnownCall* known = KnownCall::find(form)) {
    const KnownCall::Running running(*known);
    repeat(*known, op, inputs, where, outputs, reuse);
    return;
  }
  Infer infer(op, attributes, inputs, where);
  run_rule(op, infer);
  const auto results = infer.results();
  require_count(op, results.size(), outputs.size());
  const Device device = device_of(inputs);
  if (stays_abstract(infer, inputs)) {
    for (std::size_t k = 0; k < results.size(); ++k) outputs[k] = results[k].abstract(device);
    return;
  }
  if (op.view && !inputs[0].body().weak && infer.operand_dtype(0) == inputs[0].dtype()) {
    View view(attributes, inputs[0], results[0].shape);
    op.view(view);
    if (view.possible()) {
      outputs[0] = view.result();
      KnownCall::keep(
          form, KnownCall::ByView{results[0].shape, view.result_strides(), view.result_offset()});
      return;
    }
  }
  if (op.composition) {
    const Silence silence;
    const detail::UserCall scope(op.name, where);
    Composition composition(infer, inputs, outputs);
    op.composition(composition);
    return;
  }
  if (op.places) {
    outputs[0] = started(results[0], inputs, device);
    std::vector<Tensor> filled(inputs.begin(), inputs.end());
    give_memory_to_numbers(infer, filled, device);
    Places places(attributes, filled, outputs[0], &copy_into);
    op.places(places);
    return;
  }
  const auto kept_results = [&] { return std::vector<Spec>(results.begin(), results.end()); };
  if (op.library) {
    start(results, inputs, device, outputs, nullptr);
    bool as_they_are = false;
    auto plan = run_library(infer, inputs, outputs, device, as_they_are);
    if (as_they_are) KnownCall::keep(form, KnownCall::ByLibrary{std::move(plan), kept_results()});
    return;
  }
  if (!op.body) throw InternalError(std::string(op.name) + ": has no meaning");
  start(results, inputs, device, outputs, reuse);
  if (std::all_of(outputs.begin(), outputs.end(), [](const Tensor& x) { return x.size() == 0; }))
    return;
  BodyLaunch launch(infer, inputs, outputs);
  launch.run(op, inputs, outputs, where);
  KnownCall::keep(form, KnownCall::ByKernel{std::move(launch), kept_results()});
} catch (const detail::Unnamed& error) {
  error.rethrow(op.name, where);
}

bool dense(const detail::TensorBody* body) {
  return body != nullptr && body->contiguous && !body->weak && body->data != nullptr &&
         body->device.is_cpu();
}

/// `operands` are the inputs that are tensors, and the result.
void run_dense(const DenseKernel& dense, const std::array<std::byte*, 3>& operands,
               std::int64_t count, std::uint64_t parameter) {
  const std::array<std::byte*, 3> buffers = {
      operands[dense.operands[0]], operands[dense.operands[1]], operands[dense.operands[2]]};
  if (count == 0) return;
  if (dense.direct != nullptr && count <= direct_limit)
    kernel::run_direct(dense.direct, {buffers.data(), &count, &parameter}, 0, count);
  else
    kernel::require_inside(dense.executable->execute(buffers.data(), &count, &parameter));
}

std::int64_t count_of(const Shape& shape) {
  std::int64_t count = 1;
  for (Dim size : shape)
    count *= size.bits();  // of a tensor with memory: known, and checked for overflow
  return count;
}

/// The short way: true when it has made `out`.
bool call_dense(const Op& op, const Operand& a, Tensor& out) try {
  if (!a.is_tensor()) return false;
  const detail::TensorBody* x = a.tensor().body_or_null();
  if (!dense(x)) return false;
  const DenseKernel* kernel = find_dense(op, DenseForm::tensors, x->dtype);
  if (kernel == nullptr) return false;
  out = Tensor::empty(x->shape, kernel->out);
  run_dense(*kernel, {x->data, nullptr, out.body().data}, count_of(x->shape), 0);
  return true;
} catch (const detail::Unnamed& error) {
  error.rethrow(op.name, a.where());
}

bool call_dense(const Op& op, const Operand& a, const Operand& b, Tensor& out) try {
  const detail::TensorBody* x = a.is_tensor() ? a.tensor().body_or_null() : nullptr;
  const detail::TensorBody* y = b.is_tensor() ? b.tensor().body_or_null() : nullptr;
  if (a.is_tensor() && b.is_tensor()) {
    if (!dense(x) || !dense(y) || x->dtype != y->dtype || !(x->shape == y->shape)) return false;
    const DenseKernel* kernel = find_dense(op, DenseForm::tensors, x->dtype);
    if (kernel == nullptr) return false;
    out = Tensor::empty(x->shape, kernel->out);
    run_dense(*kernel, {x->data, y->data, out.body().data}, count_of(x->shape), 0);
    return true;
  }
  const detail::TensorBody* tensor = a.is_tensor() ? x : y;
  const Scalar& number = a.is_tensor() ? b.scalar() : a.scalar();
  if (!dense(tensor) || number.beside(tensor->dtype) != tensor->dtype) return false;
  const auto form = a.is_tensor() ? DenseForm::tensor_number : DenseForm::number_tensor;
  const DenseKernel* kernel = find_dense(op, form, tensor->dtype);
  if (kernel == nullptr) return false;
  const std::uint64_t parameter = number.bits(tensor->dtype);
  out = Tensor::empty(tensor->shape, kernel->out);
  run_dense(*kernel, {tensor->data, nullptr, out.body().data}, count_of(tensor->shape), parameter);
  return true;
} catch (const detail::Unnamed& error) {
  error.rethrow(op.name, a.where());
}

/// `a = op(a, b)` where it is: true when it has been done.
bool call_dense_in_place(const Op& op, const Tensor& a, const Operand& b) try {
  detail::TensorBody& x = a.body();
  if (!dense(&x)) return false;
  if (!b.is_tensor()) {
    if (b.scalar().beside(x.dtype) != x.dtype) return false;
    const DenseKernel* kernel = find_dense(op, DenseForm::tensor_number, x.dtype);
    if (kernel == nullptr || kernel->out != x.dtype) return false;
    run_dense(*kernel, {x.data, nullptr, x.data}, count_of(x.shape), b.scalar().bits(x.dtype));
  } else {
    const detail::TensorBody* y = b.tensor().body_or_null();
    if (!dense(y) || x.dtype != y->dtype || !(x.shape == y->shape)) return false;
    const DenseKernel* kernel = find_dense(op, DenseForm::tensors, x.dtype);
    if (kernel == nullptr || kernel->out != x.dtype) return false;
    run_dense(*kernel, {x.data, y->data, x.data}, count_of(x.shape), 0);
  }
  x.id = detail::next_value_id();
  return true;
} catch (const detail::Unnamed& error) {
  error.rethrow(op.name, b.where());
}

/// Handles that are not counted, of tensors that the operands hold for longer.
template <std::size_t N>
class Borrowed {
 public:
  explicit Borrowed(const std::array<const Operand*, N>& operands) {
    for (std::size_t k = 0; k < N; ++k) {
      std::construct_at(&tensors_[k], Tensor::adopt(operands[k]->tensor().body_or_null()));
    }
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() {}  // NOLINT(modernize-use-equals-default): gives nothing back
  [[nodiscard]] std::span<const Tensor> tensors() const { return tensors_; }

 private:
  union {
    std::array<Tensor, N> tensors_;
  };
};

template <std::size_t N>
Tensor call_one(const Op& op, const std::array<const Operand*, N>& operands,
                const Attributes& attributes) {
  const detail::Stopwatch watch;
  const Borrowed<N> inputs(operands);
  Tensor out;
  const Where where = operands[0]->where();
  evaluate(op, inputs.tensors(), attributes, where, {&out, 1}, nullptr);
  note(watch, op, inputs.tensors(), {&out, 1}, where);
  tell(op, attributes, inputs.tensors(), {&out, 1}, where);
  return out;
}

template <std::size_t N>
void tell_dense(const detail::Stopwatch& watch, const Op& op,
                const std::array<const Operand*, N>& operands, const Tensor& out) {
  if (Listeners::none() && !watch.runs()) return;
  const Borrowed<N> inputs(operands);
  note(watch, op, inputs.tensors(), {&out, 1}, operands[0]->where());
  tell(op, {}, inputs.tensors(), {&out, 1}, operands[0]->where());
}

}  // namespace

Tensor call(const Op& op, const Operand& a) {
  const detail::FloatingPointGuard guard;
  const detail::Stopwatch watch;
  Tensor out;
  if (!call_dense(op, a, out)) return call_one<1>(op, {&a}, {});
  tell_dense<1>(watch, op, {&a}, out);
  return out;
}

Tensor call(const Op& op, const Operand& a, const Operand& b) {
  const detail::FloatingPointGuard guard;
  const detail::Stopwatch watch;
  Tensor out;
  if (!call_dense(op, a, b, out)) return call_one<2>(op, {&a, &b}, {});
  tell_dense<2>(watch, op, {&a, &b}, out);
  return out;
}

Tensor call(const Op& op, const Operand& a, const Operand& b, const Operand& c) {
  const detail::FloatingPointGuard guard;
  return call_one<3>(op, {&a, &b, &c}, {});
}

Tensor call(const Op& op, const Operand& a, const Attributes& attributes) {
  const detail::FloatingPointGuard guard;
  return call_one<1>(op, {&a}, attributes);
}

Tensor call(const Op& op, const Operand& a, const Operand& b, const Attributes& attributes) {
  const detail::FloatingPointGuard guard;
  return call_one<2>(op, {&a, &b}, attributes);
}

Tensor call(const Op& op, const Operand& a, const Operand& b, const Operand& c,
            const Attributes& attributes) {
  const detail::FloatingPointGuard guard;
  return call_one<3>(op, {&a, &b, &c}, attributes);
}

void call(const Op& op, std::span<const Tensor> inputs, const Attributes& attributes, Where where,
          std::span<Tensor> outputs) {
  const detail::FloatingPointGuard guard;
  const detail::Stopwatch watch;
  evaluate(op, inputs, attributes, where, outputs, nullptr);
  note(watch, op, inputs, outputs, where);
  tell(op, attributes, inputs, outputs, where);
}

void infer_abstract(const Op& op, std::span<const Tensor> inputs, const Attributes& attributes,
                    std::span<Tensor> outputs, Where where) try {
  require_defined(op, inputs, where);
  Infer infer(op, attributes, inputs, where);
  run_rule(op, infer);
  const auto results = infer.results();
  if (results.size() != outputs.size()) {
    throw ValueError(std::string(op.name) + ": has " + std::to_string(results.size()) + " results");
  }
  for (std::size_t k = 0; k < results.size(); ++k)
    outputs[k] = results[k].abstract(device_of(inputs));
} catch (const detail::Unnamed& error) {
  error.rethrow(op.name, where);
}

Tensor call_onto(const Op& op, Tensor onto, const Tensor& b, const Tensor& c,
                 const Attributes& attributes, Where where) {
  const detail::FloatingPointGuard guard;
  const std::array<Tensor, 3> inputs = {std::move(onto), b, c};
  const Tensor& first = inputs[0];
  Tensor out;
  if (!Listeners::none() || !first.defined() || !first.sole_owner() || !first.contiguous()) {
    call(op, inputs, attributes, where, {&out, 1});
    return out;
  }
  const detail::Stopwatch watch;
  Tensor target = first;
  evaluate(op, inputs, attributes, where, {&out, 1}, &target);
  note(watch, op, inputs, {&out, 1}, where);
  if (out.body_or_null() == first.body_or_null()) out.body().id = detail::next_value_id();
  return out;
}

namespace {

/// What `a += b` makes of `a` must be like it.
void require_like(const Op& op, const Tensor& a, const Tensor& result, Where where) {
  const bool same_shape = equal_sizes(result.shape(), a.shape());
  if (result.dtype() == a.dtype() && same_shape) return;
  const std::string text = std::string(op.name) + ": assigning in place would make " +
                           result.type_text() + " of " + a.type_text() + ": ";
  if (!same_shape) {
    throw ShapeError(text + "the operand must broadcast to " + a.shape().text() +
                     "; write x = x ... y for a new shape" + where.suffix());
  }
  throw DTypeError(text + "write x = x ... y for that" + where.suffix());
}

}  // namespace

void call_in_place(const Op& op, Tensor& a, const Operand& b) {
  const detail::FloatingPointGuard guard;
  const detail::Stopwatch watch;
  const bool unseen =
      Listeners::none() && a.defined() && a.sole_owner() && (!b.is_tensor() || &b.tensor() != &a);
  if (unseen && call_dense_in_place(op, a, b)) {
    if (watch.runs()) note(watch, op, std::array{a, b.tensor()}, {&a, 1}, b.where());
    return;
  }
  std::array<Tensor, 2> inputs = {Tensor(), b.tensor()};
  if (!unseen || !a.contiguous()) {
    Tensor result = call(op, Operand(a, b.where()), b);
    require_like(op, a, result, b.where());
    a = std::move(result);
    return;
  }
  // Moved, not copied, so that the operator still meets the sole owner.
  inputs[0] = std::move(a);
  Tensor out;
  try {
    Tensor target = inputs[0];
    evaluate(op, inputs, {}, b.where(), {&out, 1}, &target);
    note(watch, op, inputs, {&out, 1}, b.where());
    require_like(op, inputs[0], out, b.where());
  } catch (...) {
    a = std::move(inputs[0]);
    throw;
  }
  const bool same = out.body_or_null() == inputs[0].body_or_null();
  a = std::move(out);
  if (same) a.body().id = detail::next_value_id();
}

}  // namespace rill
