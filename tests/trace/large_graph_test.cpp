// A graph of a hundred thousand nodes: nothing recurses over nodes, and nothing takes the square of
// their number.
#include <rill/rill.h>
#include <rill/trace/function.h>
#include <rill/trace/same_bits.h>

#include "tests/catch.h"
#include "tests/folder.h"

namespace rill {
namespace {

/// Long chains, sums that many wait for, products, and a variable updated often.
Tensor deep(const Tensor& x, const Variable& w, int rounds) {
  Tensor h = x;
  Tensor total = tensor(0.0);
  for (int i = 0; i < rounds; ++i) {
    h = tanh(h * 0.5 + x);
    if (i % 7 == 0) total = total + sum(h);
    if (i % 10 == 0) h = matmul(h, w);
    if (i % 100 == 0) w.assign_sub(tanh(w.value()) * 0.001);
  }
  return total + mean(h);
}

TEST_CASE("a graph of a hundred thousand nodes is captured, planned, saved, loaded and run") {
  const int rounds = 23'000;
  const Variable w(eye(4) * 0.5, "w");
  const Tensor start = w.value();
  const Tensor x = reshape(arange(16.0F), {4, 4}) / 16.0;
  const Tensor expected = deep(x, w, rounds);
  w.assign(start);
  const auto f = trace([&](const Tensor& t) { return deep(t, w, rounds); });
  CHECK(same_bits(f(x), expected));
  CHECK(f.graph().functions()[0]->nodes.size() > 100'000);
  w.assign(start);
  const test::Folder folder;
  f.save(folder.file("deep.json"));
  CHECK(same_bits(f(x), expected));
  const Graph loaded = Graph::load(folder.file("deep.json"));
  CHECK(same_bits(loaded(x), expected));
  loaded.save(folder.file("again.json"));
}

}  // namespace
}  // namespace rill
