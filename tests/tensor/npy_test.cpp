#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/npy.h>

#include <cstring>
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

/// 0, 1, 2, ... in row-major order; of bool, every third is true: what make_golden.py writes.
std::vector<double> counting(DType dtype, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(dtype == bool_ ? (i % 3 == 0 ? 1 : 0) : i);
  return values;
}

/// A file of version 1 with this header and so many bytes of elements.
std::string npy(const std::string& header, std::size_t elements) {
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(header.size() & 0xffU);
  text += static_cast<char>(header.size() >> 8U);
  return text + header + std::string(elements, '\x01');
}

}  // namespace

TEST_CASE("arrays that NumPy wrote are read, of every dtype") {
  for (int i = 0; i < dtype_count; ++i) {
    const auto dtype = static_cast<DType>(i);
    INFO(name(dtype));
    const Tensor x = load_npy(data_file("npy/" + std::string(name(dtype)) + ".npy"));
    CHECK(x.dtype() == dtype);
    CHECK(x.shape() == Shape{2, 3});
    CHECK(x.to_vector<double>() == counting(dtype, 6));
  }
}

TEST_CASE("what is saved has the bytes that NumPy writes") {
  const TemporaryFolder folder;
  for (int i = 0; i < dtype_count; ++i) {
    const std::string file = data_file("npy/" + std::string(name(static_cast<DType>(i))) + ".npy");
    save_npy(folder / "x.npy", load_npy(file));
    CHECK(content_of(folder / "x.npy") == content_of(file));
  }
  for (const char* name : {"rank_0", "rank_1", "empty"}) {
    const std::string file = data_file("npy/" + std::string(name) + ".npy");
    save_npy(folder / "x.npy", load_npy(file));
    CHECK(content_of(folder / "x.npy") == content_of(file));
  }
  CHECK(folder.files() == 1);
}

TEST_CASE("the other order of elements, byte orders and versions are read") {
  const Tensor fortran = load_npy(data_file("npy/fortran.npy"));
  CHECK(fortran.shape() == Shape{2, 3, 4});
  CHECK(fortran.contiguous());
  CHECK(fortran.to_vector<double>() == counting(float32, 24));
  for (const char* name : {"big_endian", "big_endian_int64", "version_2", "version_3"}) {
    CHECK(load_npy(data_file("npy/" + std::string(name) + ".npy")).to_vector<double>() ==
          counting(float32, 6));
  }
  CHECK(load_npy(data_file("npy/rank_0.npy")).shape() == Shape{});
  CHECK(load_npy(data_file("npy/rank_0.npy")).item<double>() == 2.5);
  CHECK(load_npy(data_file("npy/empty.npy")).shape() == Shape{0, 3});
}

TEST_CASE("a view is saved as its own elements") {
  const TemporaryFolder folder;
  const std::int64_t transposed[] = {1, 3};
  save_npy(folder / "x.npy", tensor({{1, 2, 3}, {4, 5, 6}}).view({3, 2}, transposed, 0));
  CHECK(load_npy(folder / "x.npy").to_vector<int>() == std::vector<int>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("bytes of a bool that are neither 0 nor 1 read as true") {
  const TemporaryFolder folder;
  std::string file = npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", 2);
  file.back() = '\x7f';
  write_file(folder / "x.npy", file);
  const Tensor x = load_npy(folder / "x.npy");
  CHECK(*reinterpret_cast<const unsigned char*>(x.data<bool>().data() + 1) == 1);
}

TEST_CASE("headers may be spelled in other ways") {
  const TemporaryFolder folder;
  for (const char* header :
       {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{'shape':(2,3),'descr':\"<f4\",'fortran_order':False}\n",
        "{ 'fortran_order' : False , 'shape' : (2L, 3L) , 'descr' : '=f4' }   \n"}) {
    INFO(header);
    write_file(folder / "x.npy", npy(header, 24));
    CHECK(load_npy(folder / "x.npy").shape() == Shape{2, 3});
  }
}

TEST_CASE("elements that rill has not are refused by name") {
  CHECK(thrown<FormatError>([] { load_npy(data_file("npy/complex.npy")); }).find("'<c16'") !=
        std::string::npos);
  CHECK(thrown<FormatError>([] { load_npy(data_file("npy/text.npy")); }).find("'<U5'") !=
        std::string::npos);
  CHECK(thrown<FormatError>([] { load_npy(data_file("npy/object.npy")); }).find("'|O'") !=
        std::string::npos);
  CHECK(thrown<FormatError>([] { load_npy(data_file("npy/structured.npy")); }).find("structured") !=
        std::string::npos);
}

TEST_CASE("an array's file cut off anywhere is refused, and one that goes on") {
  const std::string whole = content_of(data_file("npy/float32.npy"));
  check_refused(cut_off(whole), [](auto& path) { load_npy(path); });
  check_refused({whole + "x"}, [](auto& path) { load_npy(path); });
}

TEST_CASE("a file with any byte of its header changed is read or refused, and nothing else") {
  const std::string whole = content_of(data_file("npy/float32.npy"));
  check_read_or_refused(replaced(whole, {"\0009-('\xff", 6}, 80),
                        [](auto& path) { load_npy(path); });
}

TEST_CASE("headers that lie are refused before anything is allocated") {
  const TemporaryFolder folder;
  for (const char* header :
       {"{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,2,3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 6}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6)}",
        "{'descr': '<f3', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '|f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} more",
        "",
        "{",
        "}",
        "[]"}) {
    INFO(header);
    write_file(folder / "x.npy", npy(header, 24));
    CHECK_THROWS_AS(load_npy(folder / "x.npy"), FormatError);
  }
  write_file(folder / "x.npy", std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12));
  CHECK_THROWS_AS(load_npy(folder / "x.npy"), FormatError);
  write_file(folder / "x.npy", std::string("\x93NUMPY\x04\x00\x10\x00\x00\x00", 12));
  CHECK(thrown<FormatError>([&] { load_npy(folder / "x.npy"); }).find("version 4.0") !=
        std::string::npos);
}

TEST_CASE("an error names the operation, the file, the place and the user's line") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  write_file(path, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 20));
  CHECK(thrown<FormatError>([&] { load_npy(path, {"main.cpp", 7}); }) ==
        "load_npy: '" + path +
            "': float32[2,3] takes 24 bytes, but 20 follow the header, at main.cpp:7");
  CHECK(thrown<FileError>([] { load_npy("/no/such/file.npy", {"main.cpp", 8}); }) ==
        "load_npy: cannot open '/no/such/file.npy': No such file or directory, at main.cpp:8");
}

TEST_CASE("what is no regular file is not read") {
  CHECK_THROWS_AS(load_npy("/"), FileError);
  CHECK_THROWS_AS(load_npy("/dev/zero"), FileError);
  CHECK_THROWS_AS(load_npy(""), FileError);
  CHECK_THROWS_AS(load_npy(std::string("a\0b", 3)), FileError);
}

TEST_CASE("only a tensor with values can be saved") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(save_npy(folder / "x.npy", Tensor()), ValueError);
  CHECK_THROWS_AS(save_npy(folder / "x.npy", Tensor::abstract({Dim("batch")}, float32)),
                  ValueError);
  CHECK(folder.files() == 0);
}

TEST_CASE("listeners hear of saving and of loading") {
  struct Ears : Listener {
    int created = 0;
    int saved = 0;
    void creation(const CreationEvent&) override { ++created; }
    void host_read(const HostReadEvent& event) override {
      if (event.kind == HostReadEvent::Kind::save) ++saved;
    }
  } ears;
  const TemporaryFolder folder;
  const Tensor x = tensor({1, 2});
  const Listening listening(ears);
  save_npy(folder / "x.npy", x);
  (void)load_npy(folder / "x.npy");
  CHECK(ears.saved == 1);
  CHECK(ears.created == 1);
}
