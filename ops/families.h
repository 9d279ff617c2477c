/// The families of operators: the one list that names them all.
/// Invariant: a family is one table, in the file of its name, or for `optim` in the folder of its
/// name: adding an operator to a family edits nothing here.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include <rill/ops/op.h>

namespace rill::families {

std::span<const Op> arithmetic();
std::span<const Op> mathematics();
std::span<const Op> activation();
std::span<const Op> comparison();
std::span<const Op> conversion();
std::span<const Op> reduce();
std::span<const Op> shape();
std::span<const Op> join();
std::span<const Op> index();
std::span<const Op> creation();
std::span<const Op> linalg();
std::span<const Op> softmax();
std::span<const Op> normalization();
std::span<const Op> convolution();
std::span<const Op> pooling();
std::span<const Op> recurrent();
std::span<const Op> random();
std::span<const Op> sort();
/// The optimizers' update formulas: the one family whose table is made on a floor above, beside the
/// optimizers, so that graphs and documentation find it like any other.
std::span<const Op> optim();

/// A family's name, which is its file's, and its table.
struct Family {
  std::string_view name;
  std::span<const Op> (*ops)();
};

inline constexpr std::array all = {
    Family{"arithmetic", &arithmetic},
    Family{"mathematics", &mathematics},
    Family{"activation", &activation},
    Family{"comparison", &comparison},
    Family{"conversion", &conversion},
    Family{"reduce", &reduce},
    Family{"shape", &shape},
    Family{"join", &join},
    Family{"index", &index},
    Family{"creation", &creation},
    Family{"linalg", &linalg},
    Family{"softmax", &softmax},
    Family{"normalization", &normalization},
    Family{"convolution", &convolution},
    Family{"pooling", &pooling},
    Family{"recurrent", &recurrent},
    Family{"random", &random},
    Family{"sort", &sort},
    Family{"optim", &optim},
};

}  // namespace rill::families
