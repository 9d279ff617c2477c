// A program that only loads a graph: nothing else in it names an operator, so a static library must
// not lose any.

#include <rill/rill.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  auto graph = rill::Graph::load(argv[1]);
  rill::Tensor y = graph(rill::tensor({{1.0, 0.0}, {0.0, -1.0}}));
  if (y.to_vector<float>() == std::vector<float>{1, 2, 0, 0}) return 0;
  std::puts("the loaded graph computes something else than the program that saved it");
  return 1;
}
