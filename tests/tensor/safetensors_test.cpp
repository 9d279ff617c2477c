#include <rill/tensor/error.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/safetensors.h>

#include <map>
#include <string>
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
using rill::test::replaced;
using rill::test::TemporaryFolder;
using rill::test::thrown;
using rill::test::write_file;

namespace {

std::string file_of(const std::string& header, std::size_t elements) {
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) text += static_cast<char>(header.size() >> (8 * i) & 0xffU);
  return text + header + std::string(elements, '\x01');
}

}  // namespace

TEST_CASE("a file of the reference implementation is read") {
  const std::map<std::string, Tensor> tensors = load_safetensors(data_file("golden.safetensors"));
  CHECK(tensors.size() == 16);
  for (int i = 0; i < dtype_count; ++i) {
    const auto dtype = static_cast<DType>(i);
    INFO(name(dtype));
    const Tensor& x = tensors.at(std::string(name(dtype)));
    CHECK(x.dtype() == dtype);
    CHECK(x.shape() == Shape{2, 3});
    CHECK(x.to_vector<double>() == (dtype == bool_ ? std::vector<double>{1, 0, 0, 1, 0, 0}
                                                   : std::vector<double>{0, 1, 2, 3, 4, 5}));
  }
  CHECK(tensors.at("rank 0").shape() == Shape{});
  CHECK(tensors.at("rank 0").item<float>() == 2.5F);
  CHECK(tensors.at("empty").shape() == Shape{0, 3});
  CHECK(tensors
            .at("Gr\xc3\xb6\xc3\x9f"
                "e \"x\"")
            .to_vector<int>() == std::vector<int>{0, 1, 2});
  CHECK(load_safetensors_metadata(data_file("golden.safetensors")) ==
        std::map<std::string, std::string>{{"format", "np"}});
}

TEST_CASE("what is saved has the bytes of the reference implementation") {
  const TemporaryFolder folder;
  save_safetensors(folder / "x", load_safetensors(data_file("golden.safetensors")),
                   {{"format", "np"}});
  CHECK(content_of(folder / "x") == content_of(data_file("golden.safetensors")));
  save_safetensors(folder / "none", {});
  CHECK(content_of(folder / "none") == file_of("{}      ", 0));
  CHECK(load_safetensors(folder / "none").empty());
}

TEST_CASE("a view among named tensors is saved as its own elements") {
  const TemporaryFolder folder;
  const std::int64_t backwards[] = {-1};
  save_safetensors(folder / "x", {{"x", tensor({1, 2, 3}).view({3}, backwards, 2)}});
  CHECK(load_safetensors(folder / "x").at("x").to_vector<int>() == std::vector<int>{3, 2, 1});
}

TEST_CASE("a file of tensors cut off anywhere is refused, and one that goes on") {
  const std::string whole = content_of(data_file("golden.safetensors"));
  check_refused(cut_off(whole, 5), [](auto& path) { load_safetensors(path); });
  check_refused({whole + "x"}, [](auto& path) { load_safetensors(path); });
}

TEST_CASE("a file with any byte changed is read or refused, and nothing else") {
  const std::string whole = content_of(data_file("golden.safetensors"));
  check_read_or_refused(replaced(whole, {"\0009{\"\xff", 5}, whole.size(), 3),
                        [](auto& path) { load_safetensors(path); });
}

TEST_CASE("headers that break a rule of the format are refused") {
  struct Case {
    const char* why;
    std::string header;
    std::size_t elements;
  };
  const std::string x = R"("x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const std::string nested = std::string(100000, '[');
  const auto after_x = [&](const char* rest) { return std::string("{").append(x).append(rest); };
  for (
      const Case& one : std::vector<Case>{
          {"a hole before", R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12},
          {"a hole between", after_x(R"(,"y":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})"),
           16},
          {"an overlap", after_x(R"(,"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})"), 12},
          {"backwards", R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8},
          {"too few bytes for the shape",
           R"({"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8},
          {"a size that overflows",
           R"({"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})", 8},
          {"a product that overflows",
           R"({"x":{"dtype":"F32","shape":[1152921504606846976,1152921504606846976,16],"data_offsets":[0,0]}})",
           0},
          {"too many axes",
           R"({"x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}})", 8},
          {"offsets beyond the file",
           R"({"x":{"dtype":"U8","shape":[99999999],"data_offsets":[0,99999999]}})", 8},
          {"more elements than tensors", after_x("}"), 9},
          {"a name twice", after_x(("," + x + "}").c_str()), 8},
          {"a key twice", R"({"x":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
           8},
          {"an unknown key", R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1}})",
           8},
          {"no dtype", R"({"x":{"shape":[2],"data_offsets":[0,8]}})", 8},
          {"no shape", R"({"x":{"dtype":"F32","data_offsets":[0,8]}})", 8},
          {"no offsets", R"({"x":{"dtype":"F32","shape":[2]}})", 8},
          {"a dtype that rill has not",
           R"({"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})", 8},
          {"one offset", R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8]}})", 8},
          {"three offsets", R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}})", 8},
          {"a negative size", R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8},
          {"a fraction", R"({"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8},
          {"a tensor that is a number", R"({"x":1})", 0},
          {"metadata that is no text", R"({"__metadata__":{"a":1}})", 0},
          {"nested metadata", R"({"__metadata__":{"a":{"b":"c"}}})", 0},
          {"a list", "[]", 0},
          {"blanks before", " {}", 0},
          {"no JSON", after_x(""), 8},
          {"more after it", after_x("} {}"), 8},
          {"depth without end", R"({"x":)" + nested, 0},
          {"no UTF-8", "{\"\xff\":1}", 0},
          {"something behind a NUL", "{" + x + std::string("}\0garbage{{{", 12), 8},
          {"a NUL at the end", std::string("{}\0", 3), 0},
          {"nothing", "", 0}}) {
    const TemporaryFolder folder;
    INFO(one.why);
    write_file(folder / "x", file_of(one.header, one.elements));
    CHECK_THROWS_AS(load_safetensors(folder / "x"), FormatError);
  }
}

TEST_CASE("a header's length is checked before anything is allocated") {
  const TemporaryFolder folder;
  for (const char* length : {"\xff\xff\xff\xff\xff\xff\xff\xff", "\x00\x00\x00\x00\x01\x00\x00\x00",
                             "\x03\x00\x00\x00\x00\x00\x00\x00"}) {
    write_file(folder / "x", std::string(length, 8) + "{}");
    CHECK_THROWS_AS(load_safetensors(folder / "x"), FormatError);
  }
}

TEST_CASE("an error names the operation, the file, the tensor and the user's line") {
  const TemporaryFolder folder;
  const std::string path = folder / "x";
  write_file(path, file_of(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8));
  CHECK(thrown<FormatError>([&] { load_safetensors(path, {"main.cpp", 5}); }) ==
        "load_safetensors: '" + path +
            "': in its header, for 'w': float32[3] does not take the 8 bytes of its data_offsets, "
            "at main.cpp:5");
  CHECK_THROWS_AS(load_safetensors("/no/such"), FileError);
  CHECK_THROWS_AS(save_safetensors("/no/such/x", {}), FileError);
}

TEST_CASE("what the format cannot hold is refused, and no file is left") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(save_safetensors(folder / "x", {{"__metadata__", tensor({1})}}), ValueError);
  CHECK_THROWS_AS(save_safetensors(folder / "x", {{"\xff", tensor({1})}}), ValueError);
  CHECK_THROWS_AS(save_safetensors(folder / "x", {}, {{"a", "\xff"}}), ValueError);
  CHECK_THROWS_AS(save_safetensors(folder / "x", {{"x", Tensor()}}), ValueError);
  CHECK(folder.files() == 0);
}
