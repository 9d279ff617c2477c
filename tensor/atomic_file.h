/// Writing a file as a whole or not at all.
/// Invariant: the file of that name holds either what it held before or all of the new content; a
/// full disk, an error or a crash in between leaves it as it was.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <rill/tensor/export.h>
#include <rill/tensor/where.h>

namespace rill {

/// A file in the making, under another name in the same folder until `commit`. It gets the
/// permissions of the file that it replaces, or those of any new file. Links are followed. What is
/// no regular file, such as `/dev/stdout`, is written to directly.
///
///     AtomicFile file("weights.bin", "save_weights");
///     file.write(data, bytes);
///     file.commit();      // without it the new content is dropped
class RILL_API AtomicFile {
 public:
  /// `operation` begins the texts of errors. Throws `FileError` where the path cannot be written.
  AtomicFile(std::string path, std::string_view operation, Where where = {});
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Appends. Throws `FileError`, for a full disk too.
  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Puts the content on the disk and then under the file's name. Throws `FileError`.
  void commit();

  /// Where the new content is until `commit`, for libraries that write by name.
  [[nodiscard]] const std::string& temporary_path() const { return temporary_; }

 private:
  [[noreturn]] void fail(const char* action) const;

  std::string path_;       // as the user gave it
  std::string target_;     // without links
  std::string temporary_;  // empty where the target is written directly
  std::string operation_;
  Where where_;
  int descriptor_ = -1;
};

}  // namespace rill
