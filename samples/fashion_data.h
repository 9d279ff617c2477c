// What the demo learns from: data sets in the files of MNIST, and the small one beside this file.
//
// Invariant: images are (n, h, w, 1) in [0, 1]; labels are classes from 0 to 9.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <rill/rill.h>

namespace fashion {

using namespace rill;

struct Data {
  Tensor images;  // (n, h, w, 1) float32 in [0, 1]
  Tensor labels;  // (n) int64
};
struct DataSet {
  std::string name;
  Data train, test;
};

inline Data scaled(const Tensor& images, const Tensor& labels, double largest) {
  return {expand_dims(images.to(float32) / largest, -1), labels.to(int64)};
}

/// The file of this name, compressed or not.
inline std::filesystem::path either(const std::filesystem::path& folder, const std::string& name) {
  for (const std::filesystem::path& path : {folder / (name + ".gz"), folder / name}) {
    if (std::filesystem::exists(path)) return path;
  }
  throw FileError("no data in '" + folder.string() + "': it has no " + name + ".gz, nor " + name +
                  " (--data wants a folder with the four files of MNIST, or the word digits)");
}

inline DataSet load_mnist(const std::filesystem::path& folder) {
  const auto part = [&](const std::string& prefix) {
    return scaled(load_idx(either(folder, prefix + "-images-idx3-ubyte").string()),
                  load_idx(either(folder, prefix + "-labels-idx1-ubyte").string()), 255);
  };
  return {folder.filename().string(), part("train"), part("t10k")};
}

/// The 8x8 digits: one row of 64 pixels and a label each; every fifth row is for testing.
inline DataSet load_digits(const std::filesystem::path& file) {
  const Tensor rows = load_npy(file.string());  // (n, 65) uint8
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

}  // namespace fashion
