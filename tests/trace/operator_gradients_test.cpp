// The gradients of every row of the table of operators, in traced functions and around them.
#include "tests/trace/rows.h"

#include "tests/catch.h"
#include "tests/trace/reloaded.h"

namespace rill::table {
namespace {

/// The gradients of the sum of squares of what `f` gives with respect to all its floats.
template <class F>
Values gradients(const F& f, const Values& x) {
  GradientTape tape;
  const std::vector<Source> sources = watched_floats(tape, x);
  Values squares;
  for (const Tensor& y : f(x)) {
    if (is_float(y.dtype())) squares.push_back(y * y);
  }
  return tape.gradient(squares, sources, {.unconnected = Unconnected::zeros});
}

/// Calls `each` with every case of a row that has gradients of this order, as a program.
template <class F>
void for_each_case(int order, const std::vector<DType>& dtypes, const F& each) {
  for (const Row& row : rows()) {
    if (row.order < order) continue;
    DYNAMIC_SECTION(row.name) {
      for (const Case& c : row.cases) {
        if (!c.differentiable) continue;
        for (const DType dtype : dtypes) {
          INFO(title(row, c, dtype));
          const Program apply = [&c](const Values& x) { return Values{c.apply(x)}; };
          each(apply, operands(c.inputs, dtype), c.symbolic);
        }
      }
    }
  }
}

TEST_CASE("gradients in a traced function are the eager ones, and from JSON") {
  for_each_case(1, {float32, float64}, [](const Program& f, const Values& x, bool symbolic) {
    require_same_traced([&f](const Values& given) { return gradients(f, given); }, x, symbolic);
  });
}

TEST_CASE("gradients of gradients in a traced function are the eager ones, and from JSON") {
  for_each_case(2, {float64}, [](const Program& f, const Values& x, bool symbolic) {
    const auto first = [&f](const Values& given) { return gradients(f, given); };
    require_same_traced([&](const Values& given) { return gradients(first, given); }, x, symbolic);
  });
}

/// A tape around calls of `f`: traced, and read from JSON.
void require_same_around(const Program& f, const Values& x, bool symbolic) {
  const Values eager = from_seed([&](const Values& v) { return gradients(f, v); }, x);
  const auto hold = [&](const Traced<Values(const Values&)>& g, const char* sizes) {
    INFO(sizes << " sizes");
    for (int call = 0; call < 3; ++call) {
      INFO("call " << call);
      require_same_values(from_seed([&](const Values& v) { return gradients(g, v); }, x), eager);
    }
    (void)from_seed(g, x);
    INFO("read from JSON");
    const Graph graph = reloaded(g.graph());
    REQUIRE(graph.text("weights").find("different_sizes") == std::string::npos);
    const auto run = [&](const Values& v) { return graph.call(v); };
    require_same_values(from_seed([&](const Values& v) { return gradients(run, v); }, x), eager);
  };
  hold(traced(f), "known");
  if (symbolic) hold(traced_for_any_sizes(f, x), "unknown");
}

TEST_CASE("gradients through a traced call are the eager ones, and through one from JSON") {
  for_each_case(1, {float32, float64}, [](const Program& f, const Values& x, bool symbolic) {
    require_same_around(f, x, symbolic);
  });
}

TEST_CASE("gradients through traced gradients are the eager ones") {
  for_each_case(2, {float64}, [](const Program& f, const Values& x, bool symbolic) {
    require_same_around([&f](const Values& v) { return gradients(f, v); }, x, symbolic);
  });
}

}  // namespace
}  // namespace rill::table
