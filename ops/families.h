/// The families of operators: the one list that names them all.
/// Invariant: a family is a constexpr table in the file of its name; adding an operator to a family edits nothing here.
#pragma once

#include <array>
#include <span>

#include <rill/ops/op.h>

namespace rill::families {

std::span<const Op> elementwise();
std::span<const Op> reduce();
std::span<const Op> shape();
std::span<const Op> index();
std::span<const Op> creation();
std::span<const Op> linalg();
std::span<const Op> nn();
std::span<const Op> convolution();
std::span<const Op> recurrent();
std::span<const Op> random();
std::span<const Op> sort();
/// The update formulas of the optimizers; defined beside them.
std::span<const Op> optim();

inline constexpr std::array all = {&elementwise, &reduce, &shape, &index, &creation,
                                   &linalg,      &nn,     &convolution, &recurrent, &random, &sort, &optim};

}  // namespace rill::families
