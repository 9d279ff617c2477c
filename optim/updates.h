/// The update formulas as operators: what each optimizer's file adds to the family `optim`.
/// Invariant: a formula is one pointwise operator over (variable, slots, gradient, numbers) that
/// gives the new variable and slots, so a step can run it in place over all variables at once.
#pragma once

#include <rill/ops/body.h>
#include <rill/ops/infer.h>
#include <rill/ops/op.h>

namespace rill::optim {

Op sgd_update();
Op momentum_update();
Op adagrad_update();
Op adam_update();
Op rmsprop_update();
Op ftrl_update();

/// The rule of a formula with so many slots: everything is like the variable; `numbers` take its
/// dtype.
void like_variable(Infer& infer, int slots);

}  // namespace rill::optim
