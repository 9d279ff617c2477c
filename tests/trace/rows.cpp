#include "tests/trace/rows.h"

#include <rill/trace/same_bits.h>

#include "tests/catch.h"
#include "tests/trace/reloaded.h"

namespace rill::table {

Traced<Values(const Values&)> traced(const Program& f) { return trace<Values(const Values&)>(f); }

Traced<Values(const Values&)> traced_for_any_sizes(const Program& f, const Values& x) {
  std::vector<TensorSpec> inputs;
  for (const Tensor& value : x) {
    Shape shape;
    for (const Dim size : value.shape())
      shape.push_back(size.value() > 1 ? Dim("s" + size.text()) : size);
    inputs.push_back(spec(shape, value.dtype()));
  }
  return trace<Values(const Values&)>(f, {.inputs = inputs});
}

void require_same_values(const Values& got, const Values& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    INFO("result " << i << ": " << got[i] << " instead of " << want[i]);
    REQUIRE(got[i].type_text() == want[i].type_text());
    REQUIRE(same_bits(got[i], want[i]));
  }
}

void require_same_traced(const Program& f, const Values& x, bool symbolic) {
  const Values eager = from_seed(f, x);
  const auto hold = [&](const Traced<Values(const Values&)>& g, const char* sizes) {
    INFO(sizes << " sizes");
    {
      INFO("the first call");
      require_same_values(from_seed(g, x), eager);
    }
    {
      INFO("a later call");
      require_same_values(from_seed(g, x), eager);
    }
    INFO("read from JSON");
    const Graph graph = reloaded(g.graph());
    // No row compares sizes; its operators may, and are no reason to capture it again.
    REQUIRE(graph.text("weights").find("different_sizes") == std::string::npos);
    require_same_values(from_seed([&](const Values& given) { return graph.call(given); }, x),
                        eager);
  };
  hold(traced(f), "known");
  if (symbolic) hold(traced_for_any_sizes(f, x), "unknown");
}

}  // namespace rill::table
