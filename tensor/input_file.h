// A file that is read, and not trusted. Invariant: nothing is read beyond the size that the file
// had when it was opened, and every error names the operation and the file. Not mapped: a file that
// shrinks must not kill the process.
#pragma once

#include <rill/tensor/export.h>
#include <rill/tensor/where.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rill {

class InputFile {
 public:
  /// Throws `FileError` where the file is missing, cannot be read or is no regular file.
  InputFile(std::string path, std::string_view operation, Where where);
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Throws `FormatError` where the file ends before.
  void read(std::uint64_t offset, void* to, std::size_t bytes) const;

  /// Throws a `FormatError`: `load_npy: 'x.npy': what, at main.cpp:3`.
  [[noreturn]] void fail_format(const std::string& what) const;
  /// Throws a `FileError` for the system's error number.
  [[noreturn]] void fail_file(const char* action, int error) const;

 private:
  std::string path_;
  std::string operation_;
  Where where_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace rill
