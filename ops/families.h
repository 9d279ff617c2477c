/// The families of operators: the one list that names them all.
/// Invariant: a family is a constexpr table in the file of its name; adding an operator to a family
/// edits nothing here.
#pragma once

#include <array>
#include <span>
#include <string_view>

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

/// A family's name, which is its file's, and its table.
struct Family {
  std::string_view name;
  std::span<const Op> (*ops)();
};

inline constexpr std::array all = {
    Family{"elementwise", &elementwise},
    Family{"reduce", &reduce},
    Family{"shape", &shape},
    Family{"index", &index},
    Family{"creation", &creation},
    Family{"linalg", &linalg},
    Family{"nn", &nn},
    Family{"convolution", &convolution},
    Family{"recurrent", &recurrent},
    Family{"random", &random},
    Family{"sort", &sort},
    Family{"optim", &optim},
};

}  // namespace rill::families
