#include <rill/optim/optimizer.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <rill/autograd/tape.h>
#include <rill/autograd/variable_state.h>
#include <rill/ops/call.h>
#include <rill/ops/check.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/operators.h>
#include <rill/ops/table.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

const Op& op_named(std::string_view name) {
  const Op* const op = find_op(name);
  if (op == nullptr)
    throw InternalError("Optimizer: there is no operator '" + std::string(name) + "'");
  return *op;
}

/// The numbers as an update of variables of `dtype` takes them.
std::vector<Tensor> numbers_for(DType dtype, std::span<const Tensor> numbers) {
  std::vector<Tensor> converted;
  for (const Tensor& number : numbers)
    converted.push_back(number.body().weak ? number : number.to(dtype));
  return converted;
}

void check(std::span<const GradientAndVariable> pairs, Where where) {
  std::vector<std::uint64_t> ids;
  for (const auto& [gradient, variable] : pairs) {
    const auto& state = variable.state(where);
    if (!gradient.defined()) {
      throw ValueError("apply_gradients: the gradient of variable '" + state.name +
                       "' is undefined" + where.suffix());
    }
    const auto text = [&, &gradient = gradient] {
      return "apply_gradients: variable '" + state.name + "' is " + std::string(name(state.dtype)) +
             state.shape.text() + ", its gradient " + gradient.type_text() + where.suffix();
    };
    if (!is_float(state.dtype) || gradient.dtype() != state.dtype) throw DTypeError(text());
    if (!equal_sizes(gradient.shape(), state.shape)) throw ShapeError(text());
    ids.push_back(state.id);
  }
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
    throw ValueError("apply_gradients: a variable is listed twice" + where.suffix());
  }
}

/// One step down the gradients of a value that the tape has recorded.
void descend(Optimizer& optimizer, GradientTape& tape, const Tensor& value,
             std::span<const Variable> variables, Where where) {
  const std::vector<Tensor> gradients = tape.gradient(value, variables, {}, where);
  std::vector<GradientAndVariable> pairs;
  for (std::size_t k = 0; k < variables.size(); ++k) pairs.push_back({gradients[k], variables[k]});
  optimizer.apply_gradients(pairs, where);
}

double checked_rate(const std::string& name, double rate, Where where) {
  if (const bool proper = rate >= 0 && rate < std::numeric_limits<double>::infinity(); !proper) {
    throw ValueError(name + ": a learning rate is a finite number and not negative, but it is " +
                     Scalar(rate).text() + where.suffix());
  }
  return rate;
}

/// Several variables, nobody else reading or assigning them meanwhile.
class HeldVariables {
 public:
  explicit HeldVariables(std::vector<detail::VariableState*> states) : states_(std::move(states)) {
    // In the order of ids, so that two that hold some of the same cannot wait for each other.
    std::vector<detail::VariableState*> ordered = states_;
    std::sort(ordered.begin(), ordered.end(),
              [](const auto* a, const auto* b) { return a->id < b->id; });
    locks_.reserve(ordered.size());
    for (detail::VariableState* state : ordered) locks_.emplace_back(state->lock);
  }
  [[nodiscard]] std::size_t size() const { return states_.size(); }
  [[nodiscard]] Tensor& value(std::size_t at) { return states_[at]->value; }

 private:
  std::vector<detail::VariableState*> states_;
  std::vector<std::unique_lock<detail::VariableLock>> locks_;
};

}  // namespace

Optimizer::Optimizer(std::string name, std::string_view update, const Attributes& attributes,
                     std::vector<Slot> slots, double learning_rate, Where where)
    : name_(std::move(name)),
      update_(op_named(update)),
      attributes_(std::make_shared<const Attributes>(attributes.kept())),
      slot_kinds_(std::move(slots)),
      iterations_(std::int64_t{0}, {.name = name_ + "/iterations", .trainable = false}),
      learning_rate_(tensor_from(&learning_rate, 1, float64, {}),
                     {.name = name_ + "/learning_rate", .trainable = false}) {
  checked_rate(name_, learning_rate, where);
}

Optimizer::~Optimizer() = default;

void Optimizer::require_fraction(std::string_view option, double value, Where where) const {
  if (const bool proper = value >= 0 && value < 1; !proper) {
    throw ValueError(name_ + ": " + std::string(option) + " is in [0, 1), not " +
                     Scalar(value).text() + where.suffix());
  }
}

Tensor Optimizer::minimize(const std::function<Tensor()>& loss, Where where) {
  GradientTape tape;
  Tensor value = loss();
  const std::vector<Variable> variables = tape.watched_variables();
  if (variables.empty())
    throw GradientError("minimize: the loss reads no trainable variable" + where.suffix());
  descend(*this, tape, value, variables, where);
  return value;
}

Tensor Optimizer::minimize(const std::function<Tensor()>& loss, std::span<const Variable> variables,
                           Where where) {
  GradientTape tape({.watch_variables = false});
  for (const Variable& variable : variables) tape.watch(variable, where);
  Tensor value = loss();
  descend(*this, tape, value, variables, where);
  return value;
}

Tensor Optimizer::minimize(const std::function<Tensor()>& loss,
                           std::initializer_list<Variable> variables, Where where) {
  return minimize(loss, std::span(variables.begin(), variables.size()), where);
}

void Optimizer::apply_gradients(std::initializer_list<GradientAndVariable> pairs, Where where) {
  apply_gradients(std::span(pairs.begin(), pairs.size()), where);
}

void Optimizer::build(std::initializer_list<Variable> variables, Where where) {
  build(std::span(variables.begin(), variables.size()), where);
}

void Optimizer::apply_gradients(std::span<const GradientAndVariable> pairs, Where where) {
  check(pairs, where);
  if (pairs.empty()) return;  // no step
  const detail::UserCall scope("apply_gradients", where);
  const std::vector<std::size_t> places = places_of(pairs);
  const Tensor step = iterations_.value(where).to(float64) + 1;
  const std::vector<Tensor> numbers = this->numbers(learning_rate_.value(where), step);
  if (Listeners::none()) {
    update_in_place(pairs, places, numbers, where);
  } else {
    update_by_operators(pairs, places, numbers, where);
  }
  iterations_.assign_add(1);
}

void Optimizer::update_in_place(Pairs pairs, std::span<const std::size_t> places,
                                std::span<const Tensor> numbers, Where where) {
  const std::size_t results = 1 + slot_kinds_.size();
  const std::size_t width = results + 1;  // the variable, its slots, the gradient
  std::vector<DType> dtypes;
  for (const auto& [gradient, variable] : pairs) {
    if (std::find(dtypes.begin(), dtypes.end(), gradient.dtype()) == dtypes.end())
      dtypes.push_back(gradient.dtype());
  }
  for (DType dtype : dtypes) {
    std::vector<detail::VariableState*> states;
    std::vector<Tensor> gradients;
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      const auto& [gradient, variable] = pairs[k];
      if (gradient.dtype() != dtype) continue;
      states.push_back(&variable.state());
      for (const Variable& slot : slots_[places[k]]) states.push_back(&slot.state());
      gradients.push_back(gradient.contiguous() ? gradient : gradient.contiguous_copy(where));
    }
    const std::vector<Tensor> converted = numbers_for(dtype, numbers);
    HeldVariables held(std::move(states));
    // Values are moved into the table, not copied: what has one owner is updated where it is.
    std::vector<Tensor> table(gradients.size() * width);
    const auto exchange = [&] {
      for (std::size_t at = 0; at < held.size(); ++at)
        held.value(at).swap(table[at / results * width + at % results]);
    };
    exchange();
    for (std::size_t set = 0; set < gradients.size(); ++set)
      table[set * width + results].swap(gradients[set]);
    try {
      call_table(update_, table, width, results, converted, *attributes_, where);
    } catch (...) {
      exchange();
      throw;
    }
    exchange();
  }
}

void Optimizer::update_by_operators(Pairs pairs, std::span<const std::size_t> places,
                                    std::span<const Tensor> numbers, Where where) {
  const std::size_t results = 1 + slot_kinds_.size();
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const auto& [gradient, variable] = pairs[k];
    std::vector<Tensor> inputs{variable.value(where)};
    for (const Variable& slot : slots_[places[k]]) inputs.push_back(slot.value(where));
    inputs.push_back(gradient);
    for (Tensor& number : numbers_for(gradient.dtype(), numbers))
      inputs.push_back(std::move(number));
    std::vector<Tensor> outputs(results);
    call(update_, inputs, *attributes_, where, outputs);
    variable.assign(outputs[0]);
    for (std::size_t slot = 1; slot < results; ++slot)
      slots_[places[k]][slot - 1].assign(outputs[slot]);
  }
}

std::vector<std::size_t> Optimizer::places_of(Pairs pairs) {
  std::vector<std::size_t> places;
  for (const auto& [gradient, variable] : pairs) places.push_back(place_of(variable));
  return places;
}

std::size_t Optimizer::place_of(const Variable& variable) {
  if (const auto found = places_.find(variable.id()); found != places_.end()) return found->second;
  const Silence silence;  // made once, whatever is being captured
  std::vector<Variable> slots;
  for (const Slot& slot : slot_kinds_) {
    const std::string name = name_ + "/" + variable.name() + "/" + std::string(slot.name);
    slots.emplace_back(full(variable.shape(), slot.initial, variable.dtype()),
                       VariableOptions{.name = name, .trainable = false});
  }
  // Where memory ran out, nothing is known of the variable yet.
  slots_.push_back(std::move(slots));
  return places_[variable.id()] = slots_.size() - 1;
}

double Optimizer::learning_rate(Where where) const {
  return learning_rate_.value(where).item<double>(where);
}

void Optimizer::set_learning_rate(const Operand& rate) {
  const Where where = rate.where();
  const detail::UserCall scope("set_learning_rate", where);
  if (!rate.is_tensor()) {
    learning_rate_.assign({checked_rate(name_, rate.scalar().real(), where), where});
    return;
  }
  if (!rate.tensor().defined()) detail::fail_undefined("set_learning_rate", where);
  const Tensor value = full(Shape{}, rate, float64);
  check({(Operand(value, where) >= 0) & isfinite({value, where}), where},
        name_ + ": a learning rate is a finite number and not negative");
  learning_rate_.assign({value, where});
}

std::int64_t Optimizer::iterations(Where where) const {
  return iterations_.value(where).item<std::int64_t>(where);
}

void Optimizer::build(std::span<const Variable> variables, Where where) {
  const detail::UserCall scope("build", where);
  for (const Variable& variable : variables) place_of(variable);
}

std::vector<Variable> Optimizer::variables() const {
  std::vector<Variable> all{iterations_, learning_rate_};
  for (const std::vector<Variable>& slots : slots_)
    all.insert(all.end(), slots.begin(), slots.end());
  return all;
}

}  // namespace rill
