#include <rill/tensor/allocator.h>
#include <rill/tensor/error.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/npz.h>

#include <zip.h>

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/catch.h"
#include "tests/tensor/damaged_files.h"
#include "tests/tensor/temporary_folder.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::check_read_or_refused;
using rill::test::check_refused;
using rill::test::content_of;
using rill::test::cut_off;
using rill::test::data_file;
using rill::test::flipped;
using rill::test::TemporaryFolder;
using rill::test::thrown;
using rill::test::write_file;

namespace {

/// An archive with these members, made by libzip alone.
void write_archive(const std::string& path,
                   const std::vector<std::pair<std::string, std::string>>& members,
                   bool compressed = false) {
  zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  REQUIRE(archive != nullptr);
  for (const auto& [name, content] : members) {
    zip_source_t* const source = zip_source_buffer(archive, content.data(), content.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    REQUIRE(index >= 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index),
                             compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  REQUIRE(zip_close(archive) == 0);
}

}  // namespace

TEST_CASE("archives that NumPy wrote are read, stored and compressed") {
  for (const char* file : {"stored.npz", "compressed.npz"}) {
    INFO(file);
    const std::map<std::string, Tensor> arrays = load_npz(data_file(file));
    CHECK(arrays.at("x").shape() == Shape{2, 3});
    CHECK(arrays.at("x").to_vector<float>() == std::vector<float>{0, 1, 2, 3, 4, 5});
    CHECK(arrays.at("labels").to_vector<int>() == std::vector<int>{0, 1, 2, 3});
    CHECK(arrays.at("labels").dtype() == int64);
  }
  const Tensor zeros = load_npz(data_file("compressed.npz")).at("zeros");
  CHECK(zeros.to_vector<double>() == std::vector<double>(100000, 0.0));
}

TEST_CASE("what is saved is read back") {
  const TemporaryFolder folder;
  for (const bool compressed : {false, true}) {
    save_npz(folder / "x.npz",
             {{"x", tensor({{1.5, 2}, {3, 4}})},
              {"gr\xc3\xb6\xc3\x9f"
               "e",
               tensor(7)},
              {"none", Tensor::empty({0, 3}, bool_)}},
             {.compressed = compressed});
    const std::map<std::string, Tensor> arrays = load_npz(folder / "x.npz");
    CHECK(arrays.size() == 3);
    CHECK(arrays.at("x").to_vector<double>() == std::vector<double>{1.5, 2, 3, 4});
    CHECK(arrays
              .at("gr\xc3\xb6\xc3\x9f"
                  "e")
              .item<int>() == 7);
    CHECK(arrays.at("none").shape() == Shape{0, 3});
  }
  save_npz(folder / "empty.npz", {});
  CHECK(load_npz(folder / "empty.npz").empty());
  CHECK(folder.files() == 2);
}

TEST_CASE("equal tensors give equal bytes") {
  const TemporaryFolder folder;
  save_npz(folder / "a.npz", {{"x", tensor({1, 2})}});
  save_npz(folder / "b.npz", {{"x", tensor({1, 2})}});
  CHECK(content_of(folder / "a.npz") == content_of(folder / "b.npz"));
}

TEST_CASE("members that are no arrays are refused by name") {
  const TemporaryFolder folder;
  write_archive(folder / "x.npz", {{"notes.txt", "words"}});
  CHECK(thrown<FormatError>([&] { load_npz(folder / "x.npz", {"main.cpp", 2}); }) ==
        "load_npz: '" + (folder / "x.npz") +
            "': its member 'notes.txt' is no .npy file, at main.cpp:2");
  write_archive(folder / "x.npz", {{"x.npy", "words"}});
  CHECK(thrown<FormatError>([&] { load_npz(folder / "x.npz"); }).find("member 'x.npy': ") !=
        std::string::npos);
}

TEST_CASE("an archive cut off anywhere is refused, one changed anywhere is read or refused") {
  for (const char* file : {"stored.npz", "compressed.npz"}) {
    const std::string whole = content_of(data_file(file));
    check_refused(cut_off(whole, 7), [](auto& path) { load_npz(path); });
    check_read_or_refused(flipped(whole, 0x41, 0, 3), [](auto& path) { load_npz(path); });
  }
}

TEST_CASE("a wrong checksum is refused") {
  const TemporaryFolder folder;
  std::string changed = content_of(data_file("stored.npz"));
  const std::size_t elements = changed.find("\x93NUMPY") + 128;
  changed[elements + 3] = static_cast<char>(changed[elements + 3] ^ 1);
  write_file(folder / "x.npz", changed);
  CHECK(thrown<FormatError>([&] { load_npz(folder / "x.npz"); }).find("CRC") != std::string::npos);
}

TEST_CASE("a member whose header asks for more than it holds is refused") {
  const TemporaryFolder folder;
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}";
  const std::string member = std::string("\x93NUMPY\x01\x00", 8) +
                             static_cast<char>(header.size()) + std::string(1, '\0') + header;
  for (const bool compressed : {false, true}) {
    write_archive(folder / "x.npz", {{"x.npy", member}}, compressed);
    CHECK_THROWS_AS(load_npz(folder / "x.npz"), FormatError);
  }
}

TEST_CASE("a large member takes no more memory than its tensor") {
  const TemporaryFolder folder;
  const Tensor zeros = Tensor::empty({std::int64_t{1} << 26}, uint8);
  std::memset(zeros.body().data, 0, std::size_t{1} << 26U);
  save_npz(folder / "x.npz", {{"x", zeros}}, {.compressed = true});
  set_memory_limit(1U << 20U);
  const std::string text = thrown<OutOfMemoryError>([&] { load_npz(folder / "x.npz"); });
  set_memory_limit(0);
  CHECK_FALSE(text.empty());
  CHECK(load_npz(folder / "x.npz").at("x").shape() == Shape{67108864});
}

TEST_CASE("a path that cannot be read or written is a file error") {
  CHECK_THROWS_AS(load_npz("/no/such.npz"), FileError);
  CHECK_THROWS_AS(load_npz("/"), FileError);
  CHECK_THROWS_AS(save_npz("/no/such/x.npz", {{"x", tensor({1})}}), FileError);
}

TEST_CASE("tensors without values and names without letters are refused, and no file is left") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(save_npz(folder / "x.npz", {{"x", Tensor()}}), ValueError);
  CHECK_THROWS_AS(save_npz(folder / "x.npz", {{"", tensor({1})}}), ValueError);
  CHECK_THROWS_AS(save_npz(folder / "x.npz", {{"\xff\xfe", tensor({1})}}), ValueError);
  CHECK(folder.files() == 0);
}
