// Rows of the table of operators, for tests that trace each of them.
// Invariant: operands, sizes and functions all come from the one table.
#pragma once

#include <rill/rill.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/ops/table.h"

namespace rill::table {

using Values = std::vector<Tensor>;
using Program = std::function<Values(const Values&)>;

/// `f` traced, for any sizes if asked for: those beyond 1 are unknown, and equal where the values
/// of `x` are.
Traced<Values(const Values&)> traced(const Program& f);
Traced<Values(const Values&)> traced_for_any_sizes(const Program& f, const Values& x);

/// What `f` gives, from the first draw of the default generator.
template <class F>
Values from_seed(const F& f, const Values& x) {
  rng::seed(7);
  return f(x);
}

/// The same dtypes, shapes and bits.
void require_same_values(const Values& got, const Values& want);

/// Holds `f` against itself: traced, once recorded and once planned, and read again from JSON; with
/// sizes as they are and, where `symbolic`, with unknown ones.
void require_same_traced(const Program& f, const Values& x, bool symbolic);

}  // namespace rill::table
