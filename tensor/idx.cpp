#include <rill/tensor/idx.h>

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <rill/tensor/error.h>
#include <rill/tensor/input_file.h>
#include <rill/tensor/literal.h>

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

  /// As many bytes as there are, up to `bytes`.
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
void to_native(std::vector<std::byte>& bytes, std::size_t width) {
  if constexpr (std::endian::native == std::endian::big) return;
  for (std::size_t i = 0; i < bytes.size(); i += width) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + width));
  }
}

}  // namespace

Tensor load_idx(const std::string& path, Where where) {
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
  std::size_t expected = 0;
  try {
    expected = static_cast<std::size_t>(
        (shape.size() * static_cast<std::int64_t>(size_of(dtype))).value());
  } catch (const ShapeError&) {
    source.fail("claims more elements than there can be: " + header);
  }
  // Grows with what is really there: a header may claim anything.
  std::vector<std::byte> bytes;
  constexpr std::size_t step = std::size_t{1} << 20U;
  while (bytes.size() < expected) {
    const std::size_t before = bytes.size();
    bytes.resize(std::min(expected, before + std::max(step, before)));
    const std::size_t count =
        source.read(bytes.data() + before, std::min(bytes.size() - before, std::size_t{1} << 30U));
    bytes.resize(before + count);
    if (count == 0) {
      source.fail("holds " + std::to_string(before) + " of the " + std::to_string(expected) +
                  " bytes that its header " + header + " asks for");
    }
  }
  char more = 0;
  if (source.read(&more, 1) != 0)
    source.fail("goes on after the elements that its header " + header + " asks for");
  if (size_of(dtype) > 1) to_native(bytes, size_of(dtype));
  return tensor_from(bytes.data(), shape.size().value(), dtype, shape, where);
}

}  // namespace rill
