// Trains a small convolutional network on Fashion-MNIST (or any data set in MNIST's files, or the
// small set of handwritten digits beside this file): first eagerly, then by a traced step that does
// the same in less time. Saves the traced classifier, reads it again, and draws what it says of
// test images.
//
//     fashion [--data DIR] [--out DIR] [--epochs N] [--target ACCURACY]
//
// Without `--data`, it is Fashion-MNIST where that is installed, and the small set elsewhere;
// `--data digits` asks for the small set.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <rill/rill.h>

#include "fashion_data.h"
#include "fashion_network.h"
#include "fashion_pictures.h"
#include "options.h"
#include "progress.h"

using namespace rill;
using namespace fashion;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t batch = 64;

/// The classes that `classify`, a traced function or a graph, gives images, some at a time.
template <class Classifier>
Tensor classes_of(const Classifier& classify, const Tensor& images) {
  std::vector<Tensor> classes;
  const std::int64_t count = images.dim(0).value();
  for (std::int64_t first = 0; first < count; first += 500)
    classes.push_back(classify(images(slice(first, std::min(first + 500, count)))));
  return concat(classes, 0);
}

/// How long steps take: the median, which the first steps' compiling does not move.
class StepTimes {
 public:
  void add(double seconds) { seconds_.push_back(seconds); }
  [[nodiscard]] double milliseconds() const {
    std::vector<double> sorted = seconds_;
    std::sort(sorted.begin(), sorted.end());
    return 1e3 * sorted.at(sorted.size() / 2);
  }

 private:
  std::vector<double> seconds_;
};

}  // namespace

int main(int argc, char** argv) try {
  const Options options("fashion [--data DIR] [--out DIR] [--epochs N] [--target ACCURACY]",
                        {"--data", "--out", "--epochs", "--target"}, argc, argv);
  const fs::path installed = "/usr/share/datasets/fashion-mnist";
  const fs::path chosen =
      options.text("--data").value_or(fs::exists(installed) ? installed.string() : "digits");
  const fs::path out = options.text("--out").value_or(".");
  const int epochs = options.positive("--epochs", 5);
  const double target = options.positive("--target", 0.90);
  const DataSet data = chosen == "digits" ? load_digits(fs::path(RILL_SAMPLE_DATA) / "digits.npy")
                                          : load_mnist(chosen);
  const std::int64_t count = data.train.images.dim(0).value();
  const std::int64_t size = data.train.images.dim(1).value();
  std::printf("%s: %lld training and %lld test images\n", data.name.c_str(),
              static_cast<long long>(count),
              static_cast<long long>(data.test.images.dim(0).value()));

  rng::seed(1);
  const Network network(size);
  Adam optimizer(1e-3);

  // Forward, loss, gradients and update: as it stands here, and recorded once to run as a plan.
  const auto step = [&](const Tensor& images, const Tensor& labels) {
    return optimizer.minimize([&] { return mean(cross_entropy(network(images), labels)); });
  };
  const auto traced_step = trace(step);
  const auto classify =  // any number of images
      trace([&](const Tensor& images) { return argmax(network(images), -1); },
            {.inputs = {spec({unknown, size, size, 1}, float32, "images")}});

  const std::int64_t steps = count / batch;
  const std::int64_t eager_steps = std::min<std::int64_t>(steps / 2, 200);
  StepTimes eager_times;
  StepTimes traced_times;
  std::vector<double> losses;
  double running = 0;  // the loss, smoothed
  double reached = 0;
  for (int epoch = 1; epoch <= epochs && reached < target; ++epoch) {
    const Tensor order = rng::permutation(count);
    Progress progress(epoch, epochs, steps, batch);
    for (std::int64_t number = 0; number < steps; ++number) {
      const Tensor picked = order(slice(number * batch, (number + 1) * batch));
      const Tensor images = take(data.train.images, picked, 0);  // (batch, h, w, 1)
      const Tensor labels = take(data.train.labels, picked, 0);  // (batch)
      const bool eager = std::ssize(losses) < eager_steps;
      const auto start = std::chrono::steady_clock::now();
      const Tensor loss = eager ? step(images, labels) : traced_step(images, labels);
      const auto value = loss.item<double>();
      (eager ? eager_times : traced_times)
          .add(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      running = losses.empty() ? value : 0.95 * running + 0.05 * value;
      losses.push_back(running);
      progress.show(number + 1, running);
    }
    const Tensor right = classes_of(classify, data.test.images) == data.test.labels;
    reached = mean(right.to(float64)).item<double>();
    std::printf("epoch %d  test accuracy so far %.4f\n", epoch, reached);
  }
  std::printf("test accuracy %.4f\n", reached);
  const double eager = eager_times.milliseconds();
  const double traced = traced_times.milliseconds();
  std::printf("a step of %lld images: eager %.2f ms, traced %.2f ms: %.1f times as fast\n",
              static_cast<long long>(batch), eager, traced, eager / traced);

  // The classifier as data: the graph in the one file, its weights in another beside it.
  fs::create_directories(out);
  const std::string file = (out / "fashion.json").string();
  classify.save(file);
  const Graph reloaded = Graph::load(file);
  const Tensor classes = classes_of(classify, data.test.images);
  const bool same = equal(classes, classes_of(reloaded, data.test.images));
  std::printf("%s written and read again: %s answers\n", file.c_str(), same ? "the same" : "OTHER");

  const std::string page = (out / "graph.html").string();
  classify.graph().draw(page);
  std::printf("the graph, for a browser: %s\n", page.c_str());

  const std::string predictions = (out / "fashion_predictions.png").string();
  const std::string loss = (out / "fashion_loss.png").string();
  draw_predictions(data.test, classes, predictions);
  draw_losses(losses, loss);
  std::printf("pictures: %s, %s\n", predictions.c_str(), loss.c_str());
  return same ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
