#include <rill/optim/updates.h>

#include <span>

#include <rill/ops/families.h>
#include <rill/tensor/equal_sizes.h>

namespace rill {

void optim::like_variable(Infer& infer, int slots) {
  infer.require_dtype(is_float(infer.dtype(0)), "variables must hold floats");
  infer.convert(infer.dtype(0));
  for (int k = 1; k < slots + 2; ++k) {
    if (!equal_sizes(infer.shape(k), infer.shape(0)))
      infer.fail<ShapeError>("slots and gradient must have the variable's shape");
    infer.require_dtype(infer.dtype(k) == infer.dtype(0),
                        "slots and gradient must have the variable's dtype");
  }
  for (int k = 0; k < slots + 1; ++k) infer.out(infer.dtype(0), infer.shape(0));
}

std::span<const Op> families::optim() {
  static const Op table[] = {optim::sgd_update(),     optim::momentum_update(),
                             optim::adagrad_update(), optim::adam_update(),
                             optim::rmsprop_update(), optim::ftrl_update()};
  return table;
}

}  // namespace rill
