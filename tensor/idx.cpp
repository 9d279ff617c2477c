#include <rill/tensor/idx.h>

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <rill/tensor/elements.h>
#include <rill/tensor/error.h>
#include <rill/tensor/input_file.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

/// A file that reads the same whether it is compressed or not.
class Source {
 public:
  Source(const std::string& path, Where where) : input_(path, "load_idx", where) {
    // zlib closes the descriptor that it is given.
    const int own = ::fcntl(input_.descriptor(), F_DUPFD_CLOEXEC, 0);
    if (own < 0) input_.fail_file("read", errno);
    file_.reset(gzdopen(own, "rb"));
    if (!file_) {
      ::close(own);
      fail_memory();
    }
  }

  [[noreturn]] void fail(const std::string& what) const { input_.fail_format("it " + what); }

  /// More than this cannot come: deflate makes at most 258 bytes of two bits.
  [[nodiscard]] std::uint64_t most() const { return input_.size() * 1032; }

  /// As many bytes as there are, up to `bytes`, which are at most 2^30.
  std::size_t read(void* to, std::size_t bytes) {
    const int count = gzread(file_.get(), to, static_cast<unsigned>(bytes));
    int status = Z_OK;
    gzerror(file_.get(), &status);
    if (status == Z_ERRNO) input_.fail_file("read", errno);
    if (status == Z_MEM_ERROR) fail_memory();
    // Where compressed data stops early, what was unpacked comes first, and then this.
    if (status == Z_BUF_ERROR) fail("ends within its compressed data");
    if (count < 0 || status != Z_OK) fail("is damaged");
    return static_cast<std::size_t>(count);
  }

  void read_all(void* to, std::size_t bytes) {
    if (read(to, bytes) != bytes) fail("ends within its header");
  }

  /// How many bytes are still to come; they are gone then.
  std::uint64_t count_rest() {
    std::array<std::byte, std::size_t{1} << 14U> part{};
    std::uint64_t total = 0;
    while (const std::size_t count = read(part.data(), part.size())) total += count;
    return total;
  }

 private:
  [[noreturn]] static void fail_memory() {
    throw OutOfMemoryError("load_idx: there is no memory left to unpack into");
  }

  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };
  InputFile input_;
  std::unique_ptr<gzFile_s, Close> file_;
};

DType element_type(const Source& source, unsigned code) {
  switch (code) {
    case 0x08:
      return uint8;
    case 0x09:
      return int8;
    case 0x0b:
      return int16;
    case 0x0c:
      return int32;
    case 0x0d:
      return float32;
    case 0x0e:
      return float64;
    default:
      source.fail("is no IDX file: there is no element type " + std::to_string(code));
  }
}

/// The file's numbers have their most significant byte first.
void to_native(std::span<std::byte> bytes, std::size_t width) {
  if constexpr (std::endian::native == std::endian::big) return;
  for (std::size_t i = 0; i < bytes.size(); i += width)
    std::ranges::reverse(bytes.subspan(i, width));
}

}  // namespace

Tensor load_idx(const std::string& path, Where where) try {
  Source source(path, where);
  std::array<unsigned char, 4> magic{};
  source.read_all(magic.data(), magic.size());
  if (magic[0] != 0 || magic[1] != 0)
    source.fail("is no IDX file: it does not begin with two zeros");
  const DType dtype = element_type(source, magic[2]);
  if (magic[3] > max_rank) {
    source.fail("has " + std::to_string(magic[3]) + " axes, and a tensor has at most " +
                std::to_string(max_rank));
  }
  Shape shape;
  for (int axis = 0; axis < magic[3]; ++axis) {
    std::array<unsigned char, 4> size{};
    source.read_all(size.data(), size.size());
    shape.push_back(std::int64_t{size[0]} << 24 | std::int64_t{size[1]} << 16 |
                    std::int64_t{size[2]} << 8 | size[3]);
  }
  const std::string header = std::string(name(dtype)) + shape.text();
  const std::optional<std::uint64_t> expected = detail::bytes_of(shape, dtype);
  if (!expected) source.fail("claims more elements than there can be: " + header);
  const auto fail_short = [&](std::uint64_t there) {
    source.fail("holds " + std::to_string(there) + " of the " + std::to_string(*expected) +
                " bytes that its header " + header + " asks for");
  };
  // A header may claim anything: nothing is allocated for what the file cannot hold.
  if (*expected > source.most()) fail_short(source.count_rest());
  Tensor made = Tensor::empty(shape, dtype);
  const std::span<std::byte> bytes(made.body().data, *expected);
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t count =
        source.read(bytes.data() + at, std::min(bytes.size() - at, std::size_t{1} << 30U));
    if (count == 0) fail_short(at);
    at += count;
  }
  char more = 0;
  if (source.read(&more, 1) != 0)
    source.fail("goes on after the elements that its header " + header + " asks for");
  if (size_of(dtype) > 1) to_native(bytes, size_of(dtype));
  detail::tell_creation(made, where);
  return made;
} catch (const detail::Unnamed& error) {
  error.rethrow("load_idx", where);
}

}  // namespace rill
