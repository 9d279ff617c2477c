// A place for a test's files.
#pragma once

#include <filesystem>
#include <string>

#include <rill/tensor/tensor.h>

namespace rill::test {

/// A folder that goes away with the test.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("rill-test-" + std::to_string(detail::next_value_id()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace rill::test
