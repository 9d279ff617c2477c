// Other programs, run from exec to exit, and folders that they may fill.
//
// Invariant: nothing is left behind, neither a process nor a file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace rill::bench {

/// Runs `command`, waits for its end, and returns what it printed; what it says on its error stream
/// is dropped. Its environment is this process's, with `variables` ("NAME=value") added or
/// replaced. Throws `Error` when it cannot be run, or fails.
std::string run_program(const std::vector<std::string>& command,
                        const std::vector<std::string>& variables = {});

/// A new folder that ends with the object, with all that is in it.
class TemporaryFolder {
 public:
  /// Throws `FileError` where none can be made.
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace rill::bench
