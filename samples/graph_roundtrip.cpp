// A graph saved by one program and run by another, which has none of this source: this one trains a
// classifier, saves it, and starts graph_reader.cpp, which reads the file and gives the same
// answers.

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <rill/rill.h>

using namespace rill;
namespace fs = std::filesystem;

int main(int, char** argv) {
  // Points of the plane: is one inside the unit circle?
  rng::seed(1);
  const Variable w(rng::normal({4, 2}), "w");
  const Variable b(zeros({2}), "b");
  const auto logits = [&](const Tensor& points) {  // (n, 2) -> (n, 2)
    return matmul(concat({points, square(points)}, -1), w) + b;
  };
  const Tensor points = rng::normal({500, 2});
  const Tensor inside = (sum(square(points), -1) < 1).to(int64);
  Adam optimizer(0.1);
  for (int step = 0; step < 200; ++step)
    optimizer.minimize([&] { return mean(cross_entropy(logits(points), inside)); });

  // For any number of points.
  const auto classify = trace([&](const Tensor& x) { return softmax(logits(x))(slice(), 1); },
                              {.inputs = {spec({unknown, 2}, float32, "points")}});
  const Tensor asked = tensor({{0.0, 0.0}, {0.9, 0.0}, {0.9, 0.9}, {2.0, -1.0}});
  print("here ", round(1000 * classify(asked)) / 1000);

  const fs::path folder = fs::temp_directory_path() / "rill_graph_roundtrip";
  fs::create_directories(folder);
  const fs::path file = folder / "circle.json";  // the weights go beside it
  classify.save(file.string());
  save_npy((folder / "points.npy").string(), asked);

  const fs::path reader = fs::path(argv[0]).parent_path() / "graph_reader";
  std::fflush(stdout);
  const int status = std::system(("'" + reader.string() + "' '" + folder.string() + "'").c_str());
  fs::remove_all(folder);
  return status == 0 ? 0 : 1;
}
