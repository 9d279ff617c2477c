/// A picture for the samples: pixels, lines and numbers, written as PNG.
/// Invariant: drawing outside the picture draws nothing.
#pragma once

#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct Color {
  std::uint8_t red = 0, green = 0, blue = 0;
};
inline constexpr Color black{20, 20, 24}, white{255, 255, 255}, grey{200, 203, 210},
    green{20, 140, 70}, crimson{200, 40, 50}, blue{40, 90, 200};

class Picture {
 public:
  Picture(int width, int height, Color background = white)
      : width_(width),
        height_(height),
        pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), background) {}

  void pixel(int x, int y, Color color) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    pixels_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
            static_cast<std::size_t>(x)] = color;
  }

  void rectangle(int left, int top, int width, int height, Color color) {
    for (int y = top; y < top + height; ++y) {
      for (int x = left; x < left + width; ++x) pixel(x, y, color);
    }
  }

  void line(double x0, double y0, double x1, double y1, Color color) {
    const int steps = 1 + static_cast<int>(std::max(std::abs(x1 - x0), std::abs(y1 - y0)));
    for (int i = 0; i <= steps; ++i) {
      const double t = static_cast<double>(i) / steps;
      rectangle(static_cast<int>(std::lround(x0 + t * (x1 - x0))),
                static_cast<int>(std::lround(y0 + t * (y1 - y0))), 2, 2, color);
    }
  }

  /// Digits, the point and the minus, 6 pixels wide and 10 high each at `scale` 2.
  void number(int x, int y, std::string_view text, Color color, int scale = 2) {
    for (const char character : text) {
      const std::uint16_t glyph = glyph_of(character);
      for (int row = 0; row < 5; ++row) {
        for (int column = 0; column < 3; ++column) {
          const int bit = 14 - row * 3 - column;
          if ((glyph >> bit & 1) != 0)
            rectangle(x + column * scale, y + row * scale, scale, scale, color);
        }
      }
      x += 4 * scale;
    }
  }

  void save(const std::string& path) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width_);
    image.height = static_cast<png_uint_32>(height_);
    image.format = PNG_FORMAT_RGB;
    if (png_image_write_to_file(&image, path.c_str(), 0, pixels_.data(), 0, nullptr) == 0) {
      throw std::runtime_error("cannot write " + path + ": " + image.message);
    }
  }

 private:
  static std::uint16_t glyph_of(char character) {
    static constexpr std::array<std::uint16_t, 10> digits = {
        0x7b6f, 0x2c97, 0x73e7, 0x73cf, 0x5bc9, 0x79cf, 0x79ef, 0x7249, 0x7bef, 0x7bcf};
    if (character >= '0' && character <= '9')
      return digits[static_cast<std::size_t>(character - '0')];
    if (character == '.') return 0x0002;
    if (character == '-') return 0x01c0;
    return 0;
  }

  int width_, height_;
  std::vector<Color> pixels_;
};
