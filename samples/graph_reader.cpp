// Runs a graph that another program has saved, of which it knows nothing but the file: see
// graph_roundtrip.cpp, which starts it.
//
//     graph_reader FOLDER

#include <rill/rill.h>

using namespace rill;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  const Graph graph = Graph::load(folder + "/circle.json");
  for (const std::string& signature : graph.signatures()) print("loaded", signature);
  const Tensor points = load_npy(folder + "/points.npy");
  print("there", round(1000 * graph(points)) / 1000);
}
