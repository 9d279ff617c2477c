// Compositions, and what is inside them.
#include <rill/trace/listing.h>
#include <rill/trace/passes/expansion.h>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

TEST_CASE("a batch norm becomes moments and what normalises by them") {
  const auto function = recorded({ones({8, 4}), ones({4})}, [](const Tensors& x) -> Tensors {
    return {batch_norm(x[0], x[1], x[1]).y};
  });
  Changes changes(true);
  CHECK(listing(expand_compositions(*function, changes)) == R"(x0: float32[8,4]
x1: float32[4]
reshape = reshape(x1, shape=[1,4]) float32[1,4]
reshape_1 = reshape(x1, shape=[1,4]) float32[1,4]
batch_norm/moments = moments(x0, axes=[0], epsilon=1e-05) float32[1,4], float32[1,4]
batch_norm/normalize = normalize(x0, reshape, reshape_1, batch_norm/moments, batch_norm/moments:1, axes=[0], epsilon=1e-05) float32[8,4]
reshape_2 = reshape(batch_norm/moments, shape=[4]) float32[4]
reshape_3 = reshape(batch_norm/moments:1, shape=[4]) float32[4]
return batch_norm/normalize
)");
  REQUIRE(changes.lines().size() == 1);
  CHECK(changes.lines()[0] == R"(batch_norm is made of 2 nodes, at expansion_test.cpp:15)");
}

TEST_CASE("a composition that writes into memory stays one") {
  const auto function =
      recorded({ones({3, 2, 4}), ones({4, 8}), ones({2, 8}), ones({8})},
               [](const Tensors& x) -> Tensors { return {lstm(x[0], x[1], x[2], x[3]).outputs}; });
  Changes changes;
  CHECK(listing(expand_compositions(*function, changes)) == listing(*function));
}

}  // namespace
}  // namespace rill
