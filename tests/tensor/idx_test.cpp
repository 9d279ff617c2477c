#include <rill/tensor/error.h>
#include <rill/tensor/idx.h>
#include <rill/tensor/listener.h>

#include <sys/stat.h>
#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/tensor/temporary_folder.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::content_of;
using rill::test::TemporaryFolder;
using rill::test::thrown;
using rill::test::write_file;

namespace {

/// A number of `width` bytes, the most significant first.
std::string big_endian(std::uint64_t value, int width = 4) {
  std::string bytes;
  for (int i = width; i-- > 0;) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string header(char element_type, const std::vector<std::uint32_t>& sizes) {
  std::string bytes("\0\0", 2);
  bytes += element_type;
  bytes += static_cast<char>(sizes.size());
  for (const std::uint32_t size : sizes) bytes += big_endian(size);
  return bytes;
}

/// uint8[2,3], holding 0 to 5.
std::string small() { return header('\x08', {2, 3}) + std::string("\0\1\2\3\4\5", 6); }

/// The content as gzip writes it.
std::string compressed(const std::string& content) {
  const TemporaryFolder folder;
  gzFile file = gzopen((folder / "x.gz").c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return content_of(folder / "x.gz");
}

/// What `load_idx` says of a file with this content, after the file's name.
std::string complaint(const std::string& content) {
  const TemporaryFolder folder;
  write_file(folder / "x.idx", content);
  const std::string text =
      thrown<FormatError>([&] { load_idx(folder / "x.idx", {"main.cpp", 7}); });
  const std::string start = "load_idx: '" + folder / "x.idx" + "': ";
  const std::string end = ", at main.cpp:7";
  if (!text.starts_with(start) || !text.ends_with(end)) return "oddly said: " + text;
  return text.substr(start.size(), text.size() - start.size() - end.size());
}

}  // namespace

TEST_CASE("an IDX file's elements are read, of every type that it has") {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& content) {
    write_file(folder / "x.idx", content);
    return load_idx(folder / "x.idx");
  };
  const Tensor bytes = load(small());
  CHECK(bytes.dtype() == uint8);
  CHECK(bytes.shape() == Shape{2, 3});
  CHECK(bytes.to_vector<int>() == std::vector<int>{0, 1, 2, 3, 4, 5});
  const std::string minus_two = big_endian(static_cast<std::uint64_t>(-2), 8);
  const Tensor a = load(header('\x09', {1}) + minus_two.substr(7));
  CHECK(a.dtype() == int8);
  CHECK(a.to_vector<int>() == std::vector<int>{-2});
  const Tensor b = load(header('\x0b', {2}) + minus_two.substr(6) + big_endian(300, 2));
  CHECK(b.dtype() == int16);
  CHECK(b.to_vector<int>() == std::vector<int>{-2, 300});
  const Tensor c = load(header('\x0c', {1}) + minus_two.substr(4));
  CHECK(c.dtype() == int32);
  CHECK(c.to_vector<int>() == std::vector<int>{-2});
  const Tensor d = load(header('\x0d', {1}) + big_endian(0x3fc00000));
  CHECK(d.dtype() == float32);
  CHECK(d.to_vector<float>() == std::vector<float>{1.5F});
  const Tensor e = load(header('\x0e', {1}) + big_endian(0x3ff8000000000000, 8));
  CHECK(e.dtype() == float64);
  CHECK(e.to_vector<double>() == std::vector<double>{1.5});
}

TEST_CASE("an IDX file may hold one number, none, and eight axes") {
  const TemporaryFolder folder;
  write_file(folder / "x.idx", header('\x08', {}) + "\x07");
  CHECK(load_idx(folder / "x.idx").shape() == Shape{});
  CHECK(load_idx(folder / "x.idx").item<int>() == 7);
  write_file(folder / "x.idx", header('\x08', {0, 28, 28}));
  CHECK(load_idx(folder / "x.idx").shape() == Shape{0, 28, 28});
  write_file(folder / "x.idx", header('\x08', {1, 1, 1, 1, 1, 1, 1, 1}) + "\x07");
  CHECK(load_idx(folder / "x.idx").rank() == 8);
}

TEST_CASE("a compressed IDX file reads like a plain one") {
  const TemporaryFolder folder;
  write_file(folder / "x.gz", compressed(small()));
  CHECK(load_idx(folder / "x.gz").to_vector<int>() == std::vector<int>{0, 1, 2, 3, 4, 5});
  // Compressed in two parts, as `cat a.gz b.gz` gives.
  write_file(folder / "x.gz", compressed(small().substr(0, 14)) + compressed(small().substr(14)));
  CHECK(load_idx(folder / "x.gz").to_vector<int>() == std::vector<int>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("what is no IDX file is refused by the rule that it breaks") {
  CHECK(complaint("") == "it ends within its header");
  CHECK(complaint("<html>") == "it is no IDX file: it does not begin with two zeros");
  CHECK(complaint(std::string("\0\1\x08\1", 4)) ==
        "it is no IDX file: it does not begin with two zeros");
  CHECK(complaint(header('\x0a', {1}) + "\x07") ==
        "it is no IDX file: there is no element type 10");
  CHECK(complaint(header('\x08', {1, 1, 1, 1, 1, 1, 1, 1, 1}) + "\x07") ==
        "it has 9 axes, and a tensor has at most 8");
  CHECK(complaint(std::string("\0\0\x08\xff", 4)) == "it has 255 axes, and a tensor has at most 8");
}

TEST_CASE("an IDX header that lies is refused before anything is allocated") {
  CHECK(complaint(header('\x08', {2, 4}) + "123456") ==
        "it holds 6 of the 8 bytes that its header uint8[2,4] asks for");
  CHECK(complaint(header('\x0e', {2}) + "12345678") ==
        "it holds 8 of the 16 bytes that its header float64[2] asks for");
  CHECK(complaint(header('\x08', {2, 2}) + "12345") ==
        "it goes on after the elements that its header uint8[2,2] asks for");
  CHECK(complaint(header('\x08', {0}) + "1") ==
        "it goes on after the elements that its header uint8[0] asks for");
  CHECK(complaint(header('\x0e', {0xffffffff, 4096}) + "12345678") ==
        "it holds 8 of the 140737488322560 bytes that its header float64[4294967295,4096] asks "
        "for");
  CHECK(complaint(header('\x08', {0xffffffff, 0xffffffff, 9, 9, 9, 9, 9, 9})) ==
        "it claims more elements than there can be: uint8[4294967295,4294967295,9,9,9,9,9,9]");
}

TEST_CASE("an IDX file cut off anywhere is refused, plain and compressed") {
  for (const std::string& whole : {small(), compressed(small())}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      INFO(length << " of " << whole.size());
      CHECK(complaint(whole.substr(0, length)).starts_with("it "));
    }
  }
}

TEST_CASE("a compressed IDX file with any damaged byte of data or checksum is refused") {
  const std::string whole = compressed(small());
  for (std::size_t at = 10; at < whole.size(); ++at) {  // after gzip's own header
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    INFO(at);
    CHECK(complaint(changed).starts_with("it "));
  }
}

TEST_CASE("compressed data is unpacked no further than its header asks for") {
  // 256 MiB of zeros in 255 KiB, behind a header of six bytes.
  const TemporaryFolder folder;
  gzFile file = gzopen((folder / "x.gz").c_str(), "wb1");
  const std::string start = header('\x08', {2, 3});
  gzwrite(file, start.data(), static_cast<unsigned>(start.size()));
  const std::string zeros(std::size_t{1} << 20U, '\0');
  for (int i = 0; i < 256; ++i) gzwrite(file, zeros.data(), static_cast<unsigned>(zeros.size()));
  gzclose(file);
  CHECK(thrown<FormatError>([&] { load_idx(folder / "x.gz", {"main.cpp", 7}); }) ==
        "load_idx: '" + folder / "x.gz" +
            "': it goes on after the elements that its header uint8[2,3] asks for, at main.cpp:7");
}

TEST_CASE("what is no regular file is not read as IDX") {
  const TemporaryFolder folder;
  CHECK(thrown<FileError>([] { load_idx("/no/such/file", {"main.cpp", 8}); }) ==
        "load_idx: cannot open '/no/such/file': No such file or directory, at main.cpp:8");
  CHECK(thrown<FileError>([] { load_idx("/", {"main.cpp", 8}); }) ==
        "load_idx: cannot read '/': Is a directory, at main.cpp:8");
  CHECK_THROWS_AS(load_idx("/dev/zero"), FileError);
  CHECK_THROWS_AS(load_idx(""), FileError);
  CHECK_THROWS_AS(load_idx(std::string("a\0b", 3)), FileError);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_AS(load_idx(folder / "pipe"), FileError);  // and does not wait for its writer
}

TEST_CASE("listeners hear of a tensor that an IDX file gives") {
  struct Ears : Listener {
    int created = 0;
    void creation(const CreationEvent&) override { ++created; }
  } ears;
  const TemporaryFolder folder;
  write_file(folder / "x.idx", small());
  const Listening listening(ears);
  (void)load_idx(folder / "x.idx");
  CHECK(ears.created == 1);
}
