#include "table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// Characters, of UTF-8.
std::size_t width_of(const std::string& text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

std::string shortened(const std::string& text, std::size_t most) {
  if (width_of(text) <= most) return text;
  std::size_t end = 0;
  for (std::size_t width = 0; end < text.size(); ++end) {
    if (!continues(text[end]) && ++width > most - 3) break;
  }
  return text.substr(0, end) + "...";
}

/// Three digits and a unit, of units that are a thousand times each other.
std::string in_short(double value, std::initializer_list<const char*> units) {
  auto unit = units.begin();
  while (value >= 999.5 && unit + 1 != units.end()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, *unit);
  return text.data();
}

}  // namespace

std::string shown(std::string text) {
  for (char& each : text) {
    if (static_cast<unsigned char>(each) < 0x20 || each == 0x7F) each = '?';
  }
  return text;
}

void Table::add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = shown(std::move(cell));
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = 0;
    for (const auto& row : rows_)
      width = std::max(width, std::min(width_of(row[c]), columns_[c].most));
    widths.push_back(width == 0 ? 0 : std::max(width, columns_[c].title.size()));
  }
  std::string text;
  const auto line = [&](const auto& cell) {
    std::string made = " ";
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (widths[c] == 0) continue;
      const std::string each = shortened(cell(c), widths[c]);
      const std::string blanks(widths[c] - width_of(each), ' ');
      made += " " + (columns_[c].right ? blanks + each : each + blanks) + " ";
    }
    made.erase(made.find_last_not_of(' ') + 1);
    text += made + "\n";
  };
  line([&](std::size_t c) { return columns_[c].title; });
  for (const auto& row : rows_) line([&](std::size_t c) { return row[c]; });
  return text;
}

std::string bytes_in_short(double bytes) {
  if (bytes < 1000) return std::to_string(static_cast<long>(bytes)) + " B";
  return in_short(bytes, {"B", "KB", "MB", "GB", "TB"});
}

std::string time_in_short(double nanoseconds) {
  return in_short(nanoseconds, {"ns", "us", "ms", "s"});
}
