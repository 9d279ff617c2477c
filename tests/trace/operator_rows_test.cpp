// Every row of the table of operators, traced.
#include "tests/trace/rows.h"

#include "tests/catch.h"

namespace rill::table {
namespace {

TEST_CASE("an operator gives its eager bits traced, with known and unknown sizes, and from JSON") {
  for (const Row& row : rows()) {
    DYNAMIC_SECTION(row.name) {
      for (const Case& c : row.cases) {
        const Program apply = [&c](const Values& x) { return Values{c.apply(x)}; };
        for (const DType dtype : row.dtypes) {
          if (c.floats_only && !is_float(dtype)) continue;
          INFO(title(row, c, dtype));
          require_same_traced(apply, operands(c.inputs, dtype), c.symbolic);
        }
      }
    }
  }
}

TEST_CASE("an operator on many elements gives its eager bits traced, with any number of threads") {
  for (const Row& row : rows()) {
    if (row.large.empty()) continue;
    DYNAMIC_SECTION(row.name) {
      const Case& c = row.cases[0];
      const Program apply = [&c](const Values& x) { return Values{c.apply(x)}; };
      const Values x = operands(row.large, row.dtypes[0]);
      const auto f = traced(apply);
      const Values eager = from_seed(f, x);
      const int before = threads();
      for (const int count : {1, 2, 7}) {
        set_threads(count);
        INFO(count << " threads");
        require_same_values(from_seed(f, x), eager);
      }
      set_threads(before);
    }
  }
}

}  // namespace
}  // namespace rill::table
