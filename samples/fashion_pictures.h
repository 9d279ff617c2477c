// What the demo draws: test images with the classes that they are given, and the loss over time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <rill/rill.h>

#include "fashion_data.h"
#include "picture.h"

namespace fashion {

/// A grid of test images, each with the class that the network gives it: green where it is right.
inline void draw_predictions(const Data& test, const Tensor& classes, const std::string& path) {
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
  picture.save(path);
}

inline void draw_losses(const std::vector<double>& losses, const std::string& path) {
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
  picture.save(path);
}

}  // namespace fashion
