/// `Optimizer`: updates variables by their gradients.
/// Invariant: all that changes from step to step is held in variables (learning rate, number of
/// steps, moments), so it can be saved, restored and captured; a step is one piece of work over all
/// variables.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rill/autograd/variable.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

class Attributes;
struct Op;

/// What `Optimizer::apply_gradients` takes: `{{dw, w}, {db, b}}`.
struct GradientAndVariable {
  Tensor gradient;
  Variable variable;
};

/// Base of the optimizers. Formulas and defaults are those of Keras, so that settings carry over.
/// One thread at a time uses an optimizer.
///
///     Adam optimizer(1e-3);
///     for (int step = 0; step < 3; ++step) {
///       Tensor loss = optimizer.minimize([&] { return mean(square(model(x) - y)); });
///     }
class RILL_API Optimizer {
 public:
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer();

  /// Calls `loss` under a tape, takes its gradients with respect to every trainable variable that
  /// it reads, and applies them. Returns the loss. Throws `GradientError` when the loss does not
  /// depend on one of them.
  Tensor minimize(const std::function<Tensor()>& loss, Where where = Where::here());
  /// The same for `variables` only.
  Tensor minimize(const std::function<Tensor()>& loss, std::span<const Variable> variables,
                  Where where = Where::here());
  Tensor minimize(const std::function<Tensor()>& loss, std::initializer_list<Variable> variables,
                  Where where = Where::here());

  /// One step. Throws `ShapeError` or `DTypeError` for a gradient that is not like its variable,
  /// `ValueError` for an undefined gradient or a variable that is listed twice; nothing has changed
  /// then. Without any gradients it is no step.
  void apply_gradients(std::span<const GradientAndVariable> pairs, Where where = Where::here());
  void apply_gradients(std::initializer_list<GradientAndVariable> pairs,
                       Where where = Where::here());

  [[nodiscard]] double learning_rate(Where where = Where::here()) const;
  /// Throws `ValueError` for what is negative, infinite or NaN; so does every optimizer that is
  /// made. In a traced function a `Scalar` argument, or a tensor, sets it anew in each call.
  void set_learning_rate(const Operand& rate);
  /// Steps taken so far.
  [[nodiscard]] std::int64_t iterations(Where where = Where::here()) const;
  /// Makes the state of `variables` now instead of at their first step, so that it can be restored.
  void build(std::span<const Variable> variables, Where where = Where::here());
  void build(std::initializer_list<Variable> variables, Where where = Where::here());
  /// All state: the number of steps, the learning rate, then what is kept per variable, named
  /// `adam/w/momentum`.
  [[nodiscard]] std::vector<Variable> variables() const;

 protected:
  /// Something kept per variable, of its shape and dtype.
  struct Slot {
    std::string_view name;
    double initial = 0;
  };
  /// `update` is the name of the formula's operator: from the variable, its slots, the gradient and
  /// `numbers` it makes the new variable and slots.
  Optimizer(std::string name, std::string_view update, const Attributes& attributes,
            std::vector<Slot> slots, double learning_rate, Where where = {});

  /// The numbers of this step that the formula takes after the gradient: of shape []; computed from
  /// tensors where they change from step to step, so that a captured step computes them anew.
  /// `rate`: the learning rate. `step`: 1 at the first. Both float64.
  [[nodiscard]] virtual std::vector<Tensor> numbers(const Tensor& rate,
                                                    const Tensor& step) const = 0;
  /// Throws `ValueError` unless the option's value lies in [0, 1).
  void require_fraction(std::string_view option, double value, Where where = {}) const;
  /// A constant of the formula.
  static Tensor number(double value) { return Tensor::weak(value); }

 private:
  using Pairs = std::span<const GradientAndVariable>;
  /// The indices in `slots_` of the pairs' variables, made where they are new.
  std::vector<std::size_t> places_of(Pairs pairs);
  std::size_t place_of(const Variable& variable);
  /// Nobody listens: in place, all variables at once.
  void update_in_place(Pairs pairs, std::span<const std::size_t> places,
                       std::span<const Tensor> numbers, Where where);
  /// One by one, as reads, operations and assignments that listeners understand.
  void update_by_operators(Pairs pairs, std::span<const std::size_t> places,
                           std::span<const Tensor> numbers, Where where);

  const std::string name_;
  const Op& update_;
  const std::shared_ptr<const Attributes> attributes_;
  const std::vector<Slot> slot_kinds_;
  Variable iterations_;
  Variable learning_rate_;
  std::map<std::uint64_t, std::size_t> places_;  // of a variable's id in `slots_`
  std::vector<std::vector<Variable>> slots_;
};

}  // namespace rill
