// Text in columns. Invariant: no column is wider than what is in it, or than what it is allowed.
#pragma once

#include <string>
#include <vector>

class Table {
 public:
  struct Column {
    std::string title;
    std::size_t most = 40;  ///< characters; longer texts end in `...`
    bool right = false;     ///< numbers
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<std::string> row);
  /// Each line begins with two blanks; a column that is empty in all rows is left out.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// With `?` for control characters: names come from files, and a terminal obeys those.
std::string shown(std::string text);
/// `12 B`, `1.23 KB`, `45.6 MB`.
std::string bytes_in_short(double bytes);
/// `1.23 us`, `45.6 ms`.
std::string time_in_short(double nanoseconds);
