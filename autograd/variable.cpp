#include <rill/autograd/variable.h>

#include <atomic>
#include <mutex>
#include <ostream>
#include <utility>

#include <rill/autograd/variable_state.h>
#include <rill/ops/axes.h>
#include <rill/ops/creation.h>
#include <rill/tensor/capture.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/rehearsal.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

using detail::VariableState;

std::uint64_t next_variable_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

std::string name_or_next(std::string_view given) {
  if (!given.empty()) return std::string(given);
  static std::atomic<std::uint64_t> count{0};
  const std::uint64_t number = count++;
  return number == 0 ? "variable" : "variable_" + std::to_string(number);
}

/// A number as a tensor of its own: no longer weak.
Tensor strong(const Operand& number, DType dtype) {
  if (number.is_tensor()) return full(Shape{}, number, dtype);  // for listeners to hear of
  const std::uint64_t bits = number.scalar().bits(dtype);
  return tensor_from(&bits, 1, dtype, Shape{}, number.where());
}
bool is_number(const Operand& operand) {
  return !operand.is_tensor() || (operand.tensor().defined() && operand.tensor().body().weak);
}

/// The same values under an id that only the variable has, so that what reads it starts anew from
/// there: neither a gradient nor a graph leads past an assignment.
Tensor own_value(const Tensor& value) {
  const Tensor dense = value.contiguous() ? value : value.contiguous_copy();
  return dense.view(dense.shape(), dense.strides(), 0);
}

/// What the variable holds in the rehearsal that is on.
Tensor& rehearsed(const VariableState& state) {
  Tensor& value = Rehearsal::current()->value_of(state.id);
  if (!value.defined()) value = Tensor::abstract(state.shape, state.dtype);
  return value;
}

std::string described(const VariableState& state) {
  return "variable '" + state.name + "' is " + std::string(name(state.dtype)) + state.shape.text();
}

}  // namespace

Variable::Variable(const Operand& initial, const VariableOptions& options) {
  const Where where = initial.where();
  const Tensor value = is_number(initial)
                           ? strong(initial, initial.is_tensor() ? initial.tensor().dtype()
                                                                 : initial.scalar().dtype())
                           : initial.tensor();
  if (!value.defined()) detail::fail_undefined("Variable", where);
  // NOLINTNEXTLINE(modernize-make-shared): an aggregate that cannot be moved
  state_ = std::shared_ptr<VariableState>(new VariableState{.id = next_variable_id(),
                                                            .name = name_or_next(options.name),
                                                            .trainable = options.trainable,
                                                            .dtype = value.dtype(),
                                                            .shape = value.shape(),
                                                            .lock = {},
                                                            .value = own_value(value)});
  if (Listeners::none()) return;
  Listeners::tell(&Listener::variable_creation,
                  VariableEvent{*this, state_->id, state_->name, value, state_->trainable, where});
}

void Variable::fail_undefined(Where where) {
  throw ValueError("Variable: this handle has no variable: construct it with an initial value" +
                   where.suffix());
}

Tensor Variable::value(Where where) const {
  const VariableState& held = state(where);
  Tensor value = Rehearsal::current() == nullptr ? held.read() : rehearsed(held);
  if (Capture* const capture = Capture::current()) {
    const Tensor own = capture->handed_out(value);
    if (!Listeners::none()) Listeners::tell(&Listener::alias, AliasEvent{own, value});
    value = own;
  }
  if (!Listeners::none()) {
    Listeners::tell(&Listener::variable_read,
                    VariableEvent{*this, held.id, held.name, value, held.trainable, where});
  }
  return value;
}

void Variable::tell_assignment(const Tensor& value, Where where) const {
  if (Listeners::none()) return;
  Listeners::tell(&Listener::variable_assignment,
                  VariableEvent{*this, state_->id, state_->name, value, state_->trainable, where});
}

void Variable::assign(const Operand& operand) const {
  VariableState& held = state(operand.where());
  const Tensor value = is_number(operand) ? strong(operand, held.dtype) : operand.tensor();
  if (!value.defined()) detail::fail_undefined("assign", operand.where());
  if (!equal_sizes(value.shape(), held.shape)) {
    throw ShapeError("assign: a variable keeps its shape: " + described(held) + ", the value " +
                     value.type_text() + operand.where().suffix());
  }
  if (value.dtype() != held.dtype) {
    throw DTypeError("assign: a variable keeps its dtype: " + described(held) + ", the value " +
                     value.type_text() + ": convert it with .to(" +
                     std::string(rill::name(held.dtype)) + ")" + operand.where().suffix());
  }
  if (Rehearsal::current() != nullptr) {
    rehearsed(held) = Tensor::abstract(held.shape, held.dtype);
    tell_assignment(value, operand.where());
    return;
  }
  Tensor next = own_value(value);
  if (Capture* const capture = Capture::current()) capture->assigned(next);
  {
    const std::unique_lock lock(held.lock);
    held.value.swap(next);  // the old value is freed outside the lock
  }
  tell_assignment(value, operand.where());
}

void Variable::update(const char* operation, Update apply, const Operand& delta) const {
  VariableState& held = state(delta.where());
  if (delta.is_tensor()) {
    if (!delta.tensor().defined()) detail::fail_undefined(operation, delta.where());
    const Shape& shape = delta.tensor().shape();
    if (!stretches_to(shape, held.shape)) {
      throw ShapeError(std::string(operation) + ": a variable keeps its shape: " + described(held) +
                       ", what is given " + delta.tensor().type_text() + delta.where().suffix());
    }
  }
  const Scalar* number = !delta.is_tensor()           ? &delta.scalar()
                         : delta.tensor().body().weak ? &delta.tensor().body().scalar
                                                      : nullptr;
  const DType common =
      number != nullptr ? number->beside(held.dtype) : promote(held.dtype, delta.tensor().dtype());
  if (common != held.dtype) {
    throw DTypeError(std::string(operation) + ": a variable keeps its dtype: " + described(held) +
                     ", what is given " +
                     (number != nullptr ? "the number " + number->text()
                                        : delta.tensor().type_text() + ": convert it with .to(" +
                                              std::string(rill::name(held.dtype)) + ")") +
                     delta.where().suffix());
  }
  if (Rehearsal::current() != nullptr) {
    Tensor after = value(delta.where());
    (after.*apply)(delta);
    rehearsed(held) = Tensor::abstract(held.shape, held.dtype);
    tell_assignment(after, delta.where());
    return;
  }
  if (Listeners::none()) {
    const std::unique_lock lock(held.lock);
    (held.value.*apply)(delta);
    return;
  }
  // Listeners may look at the variable, so it is not held while they are told.
  for (;;) {
    const std::uint64_t held_before = held.read().id();
    Tensor after = value(delta.where());
    (after.*apply)(delta);
    Tensor next = own_value(after);
    if (Capture* const capture = Capture::current()) capture->assigned(next);
    {
      const std::unique_lock lock(held.lock);
      if (held.value.id() != held_before)
        continue;  // somebody else was faster: start from their value
      held.value.swap(next);
    }
    tell_assignment(after, delta.where());
    return;
  }
}

void Variable::assign_add(const Operand& delta) const {
  detail::in_operation("assign_add", delta.where(),
                       [&] { update("assign_add", &Tensor::operator+=, delta); });
}
void Variable::assign_sub(const Operand& delta) const {
  detail::in_operation("assign_sub", delta.where(),
                       [&] { update("assign_sub", &Tensor::operator-=, delta); });
}

const std::string& Variable::name() const { return state().name; }
bool Variable::trainable() const { return state().trainable; }
DType Variable::dtype() const { return state().dtype; }
const Shape& Variable::shape() const { return state().shape; }
Dim Variable::dim(int axis, Where where) const { return state(where).read().dim(axis, where); }
std::uint64_t Variable::id() const { return state().id; }
std::uint64_t Variable::version() const { return state().read().id(); }

Tensor Variable::operator()(const Index& i0, const Index& i1, const Index& i2, const Index& i3,
                            const Index& i4, const Index& i5, const Index& i6, const Index& i7,
                            Where where) const {
  return value(where)(i0, i1, i2, i3, i4, i5, i6, i7, where);
}

std::ostream& operator<<(std::ostream& out, const Variable& variable) {
  const VariableState& state = variable.state();
  return out << "Variable '" << state.name << "' " << rill::name(state.dtype) << state.shape.text()
             << ": " << variable.value();
}

}  // namespace rill
