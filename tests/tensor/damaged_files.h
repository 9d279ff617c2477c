// Files that storage or somebody has damaged, made from a good one: a reader refuses them or reads
// them, and does nothing else.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <rill/tensor/error.h>

#include "tests/catch.h"
#include "tests/tensor/temporary_folder.h"

namespace rill::test {

/// `whole` cut off after every multiple of `step` bytes.
inline std::vector<std::string> cut_off(const std::string& whole, std::size_t step = 1) {
  std::vector<std::string> files;
  for (std::size_t length = 0; length < whole.size(); length += step)
    files.push_back(whole.substr(0, length));
  return files;
}

/// `whole` with one byte replaced by each of `bytes`, at every `step`-th place below `end`.
inline std::vector<std::string> replaced(const std::string& whole, std::string_view bytes,
                                         std::size_t end, std::size_t step = 1) {
  std::vector<std::string> files;
  for (std::size_t at = 0; at < end; at += step) {
    for (const char byte : bytes) {
      files.push_back(whole);
      files.back()[at] = byte;
    }
  }
  return files;
}

/// `whole` with bits of one byte flipped, at every `step`-th place from `first` on.
inline std::vector<std::string> flipped(const std::string& whole, int bits, std::size_t first = 0,
                                        std::size_t step = 1) {
  std::vector<std::string> files;
  for (std::size_t at = first; at < whole.size(); at += step) {
    files.push_back(whole);
    files.back()[at] = static_cast<char>(files.back()[at] ^ bits);
  }
  return files;
}

/// A reader of the file at a path.
using Load = std::function<void(const std::string& path)>;

/// Checks that `load` refuses each file with a `FormatError`.
inline void check_refused(const std::vector<std::string>& files, const Load& load) {
  const TemporaryFolder folder;
  for (std::size_t number = 0; number < files.size(); ++number) {
    write_file(folder / "x", files[number]);
    INFO("damaged file " << number);
    CHECK_THROWS_AS(load(folder / "x"), FormatError);
  }
}

/// Checks that `load` reads each file or refuses it with a `FormatError`, and refuses some.
inline void check_read_or_refused(const std::vector<std::string>& files, const Load& load) {
  const TemporaryFolder folder;
  std::size_t refused = 0;
  for (const std::string& file : files) {
    write_file(folder / "x", file);
    try {
      load(folder / "x");
    } catch (const FormatError&) {
      ++refused;
    }
  }
  CHECK(refused > 0);
}

}  // namespace rill::test
