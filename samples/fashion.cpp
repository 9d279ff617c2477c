// Trains a small convolutional network on Fashion-MNIST (or any data set in MNIST's files, or the
// small set of handwritten digits beside this file), saves and reloads it, and draws what it says
// of test images.
//
//     fashion [--data DIR] [--out DIR] [--epochs N] [--target ACCURACY]
//
// Without `--data`, it is Fashion-MNIST where that is installed, and the small set elsewhere;
// `--data digits` asks for the small set.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <rill/rill.h>

#include "fashion_network.h"
#include "options.h"
#include "picture.h"

using namespace rill;
using fashion::Network;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// ---- Data -------------------------------------------------------------------------------------

struct Data {
  Tensor images;  // (n, h, w, 1) float32 in [0, 1]
  Tensor labels;  // (n) int64
};
struct DataSet {
  std::string name;
  Data train, test;
};

Data scaled(const Tensor& images, const Tensor& labels, double largest) {
  return {expand_dims(images.to(float32) / largest, -1), labels.to(int64)};
}

/// The file of this name, compressed or not.
fs::path either(const fs::path& folder, const std::string& name) {
  for (const fs::path& path : {folder / (name + ".gz"), folder / name}) {
    if (fs::exists(path)) return path;
  }
  throw FileError("no data in '" + folder.string() + "': it has no " + name + ".gz, nor " + name +
                  " (--data wants a folder with the four files of MNIST, or the word digits)");
}

DataSet load_mnist(const fs::path& folder) {
  const auto part = [&](const std::string& prefix) {
    return scaled(load_idx(either(folder, prefix + "-images-idx3-ubyte").string()),
                  load_idx(either(folder, prefix + "-labels-idx1-ubyte").string()), 255);
  };
  return {folder.filename().string(), part("train"), part("t10k")};
}

/// The 8x8 digits: one row of 64 pixels and a label each; every fifth row is for testing.
DataSet load_digits(const fs::path& file) {
  const Tensor rows = load_npy(file.string());  // (n, 65) uint8
  const Tensor at = arange(rows.dim(0));
  const auto part = [&](bool test) {
    std::vector<std::int64_t> chosen;
    for (std::int64_t i = 0; i < rows.dim(0).value(); ++i) {
      if ((i % 5 == 0) == test) chosen.push_back(i);
    }
    const Tensor picked = take(rows, tensor(chosen), 0);
    return scaled(picked(slice(), slice(0, 64)).reshape({-1, 8, 8}), picked(slice(), 64), 16);
  };
  return {"handwritten digits", part(false), part(true)};
}

// ---- Answers ---------------------------------------------------------------------------------

/// The class of each image.
Tensor classify(const Network& network, const Tensor& images) {
  std::vector<Tensor> classes;
  const std::int64_t count = images.dim(0).value();
  for (std::int64_t first = 0; first < count; first += 500) {
    classes.push_back(argmax(network(images(slice(first, std::min(first + 500, count)))), -1));
  }
  return concat(classes, 0);
}

double accuracy(const Network& network, const Data& data) {
  return mean((classify(network, data.images) == data.labels).to(float64)).item<double>();
}

// ---- Progress ---------------------------------------------------------------------------------

/// A bar that redraws itself on a terminal; elsewhere a plain line per tenth of an epoch.
class Progress {
 public:
  Progress(int epoch, int epochs, std::int64_t steps, std::int64_t batch)
      : epoch_(epoch),
        epochs_(epochs),
        steps_(steps),
        batch_(batch),
        terminal_(isatty(STDOUT_FILENO) == 1) {}

  void show(std::int64_t done, double loss) {
    const bool last = done == steps_;
    const double now = seconds_since(start_);
    if (terminal_ ? !last && now - shown_ < 0.1 : !last && done * 5 / steps_ == tenth_) return;
    shown_ = now;
    tenth_ = done * 5 / steps_;
    const double rate = static_cast<double>(done * batch_) / now;
    const double left = now / static_cast<double>(done) * static_cast<double>(steps_ - done);
    if (terminal_) {
      constexpr int width = 30;
      const int filled = static_cast<int>(done * width / steps_);
      std::printf("\repoch %d/%d [%s%s] loss %.4f  %.0f examples/s  %.0f s left \033[K", epoch_,
                  epochs_, std::string(static_cast<std::size_t>(filled), '#').c_str(),
                  std::string(static_cast<std::size_t>(width - filled), '.').c_str(), loss, rate,
                  left);
      if (last) std::printf("\n");
    } else {
      std::printf("epoch %d/%d  step %lld/%lld  loss %.4f  %.0f examples/s  %.0f s left\n", epoch_,
                  epochs_, static_cast<long long>(done), static_cast<long long>(steps_), loss, rate,
                  left);
    }
    std::fflush(stdout);
  }

 private:
  int epoch_, epochs_;
  std::int64_t steps_, batch_, tenth_ = 0;
  bool terminal_;
  double shown_ = -1;
  Clock::time_point start_ = Clock::now();
};

// ---- Pictures ---------------------------------------------------------------------------------

/// A grid of test images, each with the class that the network gives it: green where it is right.
void draw_predictions(const Data& test, const Tensor& classes, const fs::path& path) {
  const std::int64_t size = test.images.dim(1).value();
  const int scale = static_cast<int>(std::max<std::int64_t>(1, 56 / size));
  const int cell = static_cast<int>(size) * scale;
  const int columns = 10;
  const int rows = 5;
  Picture picture(columns * (cell + 8) + 8, rows * (cell + 26) + 8);
  for (int i = 0; i < rows * columns; ++i) {
    const int left = 8 + i % columns * (cell + 8);
    const int top = 8 + i / columns * (cell + 26);
    const std::vector<float> pixels = test.images(i).to_vector<float>();
    for (int y = 0; y < cell; ++y) {
      for (int x = 0; x < cell; ++x) {
        const auto at = static_cast<std::size_t>(y / scale * size + x / scale);
        const auto shade = static_cast<std::uint8_t>(255 - 255 * pixels[at]);
        picture.pixel(left + x, top + y, {shade, shade, shade});
      }
    }
    const auto given = classes(i).item<int>();
    const auto truth = test.labels(i).item<int>();
    picture.number(left, top + cell + 5, std::to_string(given), given == truth ? green : crimson);
    if (given != truth)
      picture.number(left + cell - 6, top + cell + 5, std::to_string(truth), grey);
  }
  picture.save(path.string());
}

void draw_losses(const std::vector<double>& losses, const fs::path& path) {
  constexpr int width = 800;
  constexpr int height = 400;
  constexpr int left = 60;
  constexpr int bottom = height - 40;
  double top_loss = 0.1;
  for (const double loss : losses) top_loss = std::max(top_loss, loss);
  Picture picture(width, height);
  const auto x_of = [&](double step) {
    return left + step * (width - left - 20) / static_cast<double>(losses.size());
  };
  const auto y_of = [&](double loss) { return bottom - loss / top_loss * (bottom - 20); };
  for (int i = 0; i <= 4; ++i) {
    const double loss = top_loss * i / 4;
    picture.rectangle(left, static_cast<int>(y_of(loss)), width - left - 20, 1, grey);
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%.2f", loss);
    picture.number(12, static_cast<int>(y_of(loss)) - 5, text.data(), black);
    const auto step = static_cast<double>(losses.size()) * i / 4;
    picture.number(static_cast<int>(x_of(step)) - 16, bottom + 12,
                   std::to_string(static_cast<int>(step)), black);
  }
  for (std::size_t i = 1; i < losses.size(); ++i) {
    picture.line(x_of(static_cast<double>(i - 1)), y_of(losses[i - 1]),
                 x_of(static_cast<double>(i)), y_of(losses[i]), blue);
  }
  picture.save(path.string());
}

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
  std::printf("%s: %lld training and %lld test images\n", data.name.c_str(),
              static_cast<long long>(count),
              static_cast<long long>(data.test.images.dim(0).value()));

  rng::seed(1);
  const Network network(data.train.images.dim(1).value());
  Adam optimizer(1e-3);
  constexpr std::int64_t batch = 64;
  const std::int64_t steps = count / batch;
  std::vector<double> losses;
  double running = 0;  // the loss, smoothed
  double train_seconds = 0;
  double reached = 0;
  for (int epoch = 1; epoch <= epochs && reached < target; ++epoch) {
    const Tensor order = rng::permutation(count);
    Progress progress(epoch, epochs, steps, batch);
    const auto start = Clock::now();
    for (std::int64_t step = 0; step < steps; ++step) {
      const Tensor chosen = order(slice(step * batch, (step + 1) * batch));
      const Tensor images = take(data.train.images, chosen, 0);  // (batch, h, w, 1)
      const Tensor labels = take(data.train.labels, chosen, 0);  // (batch)
      const Tensor loss =
          optimizer.minimize([&] { return mean(cross_entropy(network(images), labels)); });
      const auto value = loss.item<double>();
      running = losses.empty() ? value : 0.95 * running + 0.05 * value;
      losses.push_back(running);
      progress.show(step + 1, running);
    }
    train_seconds += seconds_since(start);
    reached = accuracy(network, data.test);
    std::printf("epoch %d  test accuracy so far %.4f\n", epoch, reached);
  }
  std::printf("test accuracy %.4f\n", reached);
  std::printf("%.2f ms per step of %lld images\n",
              1e3 * train_seconds / static_cast<double>(losses.size()),
              static_cast<long long>(batch));

  // The weights come back from their file as they were.
  fs::create_directories(out);
  const fs::path weights = out / "fashion.safetensors";
  std::map<std::string, Tensor> saved;
  for (const Variable& variable : network.variables()) saved.emplace(variable.name(), variable);
  save_safetensors(weights.string(), saved);
  const Network reloaded(data.train.images.dim(1).value());
  const auto loaded = load_safetensors(weights.string());
  for (const Variable& variable : reloaded.variables()) {
    // Names are unique in a program, so the second network's end in `_1`; the order is the same.
    const std::string name = variable.name().substr(0, variable.name().size() - 2);
    variable.assign(loaded.at(loaded.contains(name) ? name : variable.name()));
  }
  const Tensor classes = classify(network, data.test.images);
  const bool same = equal(classes, classify(reloaded, data.test.images));
  std::printf("%s written and read again: %s answers\n", weights.string().c_str(),
              same ? "the same" : "OTHER");

  draw_predictions(data.test, classes, out / "fashion_predictions.png");
  draw_losses(losses, out / "fashion_loss.png");
  std::printf("pictures: %s, %s\n", (out / "fashion_predictions.png").string().c_str(),
              (out / "fashion_loss.png").string().c_str());
  return same ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
