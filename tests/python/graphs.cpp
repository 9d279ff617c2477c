// usage: rill-graphs FOLDER COUNT -- saves random programs, traced, for tests/python.
#include <rill/rill.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/trace/random_graph.h"

int main(int argc, char** argv) {
  using Values = std::vector<rill::Tensor>;
  if (argc != 3) return 2;
  const std::string folder = argv[1];
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    const rill::RandomGraph program = rill::random_graph(seed);
    const std::vector<rill::Variable> state = rill::random_state(seed);
    const auto f =
        rill::trace<Values(const Values&)>([&](const Values& x) { return program.run(x, state); });
    (void)f(rill::random_inputs(seed));
    f.save(folder + "/" + std::to_string(seed) + ".json");
  }
  return 0;
}
