// The bytes of an `.npy` file, wherever they come from: a file of its own or a member of an `.npz`.
// Invariant: nothing is allocated for elements before the source is known to hold them.
#pragma once

#include <rill/tensor/input_file.h>
#include <rill/tensor/tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace rill::detail {

/// Bytes that come one after the other, from a source that is not trusted.
class ByteReader {
 public:
  /// Errors name `file` and, where the bytes are only a part of it, `place`, such as `member
  /// 'x.npy': `.
  explicit ByteReader(const InputFile& file, std::string place = {})
      : file_(file), place_(std::move(place)) {}
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;
  virtual ~ByteReader() = default;

  /// How many bytes are still to come.
  [[nodiscard]] virtual std::uint64_t remaining() const = 0;
  /// Throws `FormatError` where there are fewer.
  virtual void read(void* to, std::size_t bytes) = 0;
  /// Makes sure that `bytes` more can be read, so that memory may be allocated for them.
  virtual void require(std::uint64_t bytes) = 0;

  /// Throws a `FormatError`.
  [[noreturn]] void fail(const std::string& what) const { file_.fail_format(place_ + what); }

 protected:
  const InputFile& file_;  // NOLINT(cppcoreguidelines-non-private-member-variables-in-classes)

 private:
  std::string place_;
};

/// Reads to the end of the source, which must be the end of the elements.
Tensor read_npy(ByteReader& source);

/// What stands before the elements of `tensor`, which follow in row-major order: as NumPy writes
/// it, byte by byte.
std::string npy_header(const Tensor& tensor);

}  // namespace rill::detail
