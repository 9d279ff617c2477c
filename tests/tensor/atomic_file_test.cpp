#include <rill/tensor/atomic_file.h>
#include <rill/tensor/error.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/npy.h>
#include <rill/tensor/npz.h>
#include <rill/tensor/safetensors.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <string>

#include "tests/catch.h"
#include "tests/tensor/temporary_folder.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::content_of;
using rill::test::TemporaryFolder;
using rill::test::thrown;
using rill::test::write_file;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

/// Runs `f` in a process whose files may have at most `bytes` bytes, as on a disk that is almost
/// full. True when it throws a `FileError`.
bool fails_on_a_full_disk(rlim_t bytes, const std::function<void()>& f) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int code = 1;
    try {
      f();
    } catch (const FileError&) {
      code = 0;
    } catch (...) {
      code = 2;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("a committed file holds what was written") {
  const TemporaryFolder folder;
  AtomicFile file(folder / "x", "save");
  file.write("one ");
  file.write("two");
  CHECK(content_of(folder / "x").empty());
  file.commit();
  CHECK(content_of(folder / "x") == "one two");
  CHECK(folder.files() == 1);
}

TEST_CASE("without a commit the old file stays and nothing else is left") {
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  {
    AtomicFile file(folder / "x", "save");
    file.write("new");
  }
  CHECK(content_of(folder / "x") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("a replaced file keeps its permissions, a new one gets the usual") {
  const TemporaryFolder folder;
  write_file(folder / "old", "old");
  ::chmod((folder / "old").c_str(), 0640);
  AtomicFile old(folder / "old", "save");
  old.commit();
  CHECK(mode_of(folder / "old") == 0640);

  write_file(folder / "usual", "");
  AtomicFile fresh(folder / "new", "save");
  fresh.commit();
  CHECK(mode_of(folder / "new") == mode_of(folder / "usual"));
}

TEST_CASE("a link is followed, not replaced") {
  const TemporaryFolder folder;
  write_file(folder / "target", "old");
  REQUIRE(::symlink("target", (folder / "link").c_str()) == 0);
  AtomicFile file(folder / "link", "save");
  file.write("new");
  file.commit();
  CHECK(content_of(folder / "target") == "new");
  CHECK(std::filesystem::is_symlink(folder / "link"));
}

TEST_CASE("a link to what is not there yet makes it, and stays a link") {
  const TemporaryFolder folder;
  REQUIRE(::symlink("second", (folder / "first").c_str()) == 0);
  REQUIRE(::symlink((folder / "target").c_str(), (folder / "second").c_str()) == 0);
  save_npy(folder / "first", tensor({1, 2}));
  CHECK(std::filesystem::is_symlink(folder / "first"));
  CHECK(std::filesystem::is_symlink(folder / "second"));
  CHECK(std::filesystem::is_regular_file(folder / "target"));
  CHECK(folder.files() == 3);
}

TEST_CASE("links that lead in a circle are a file error, and stay") {
  const TemporaryFolder folder;
  REQUIRE(::symlink("b", (folder / "a").c_str()) == 0);
  REQUIRE(::symlink("a", (folder / "b").c_str()) == 0);
  CHECK(thrown<FileError>([&] { save_npy(folder / "a", tensor({1}), {"main.cpp", 5}); }) ==
        "save_npy: cannot open '" + folder / "a" +
            "': Too many levels of symbolic links, at main.cpp:5");
  CHECK(std::filesystem::is_symlink(folder / "a"));
}

TEST_CASE("a name may be as long as the file system allows") {
  const TemporaryFolder folder;
  const std::string name(255, 'x');
  save_npy(folder / name, tensor({1, 2}));
  CHECK(std::filesystem::is_regular_file(folder / name));
  CHECK_THROWS_AS(save_npy(folder / (name + "x"), tensor({1})), FileError);
  CHECK(folder.files() == 1);
}

TEST_CASE("a path that cannot be written is a file error that names it") {
  CHECK(thrown<FileError>([] { AtomicFile("/no/such/folder/x", "save_npy", {"main.cpp", 3}); }) ==
        "save_npy: cannot write '/no/such/folder/x': No such file or directory, at main.cpp:3");
  CHECK_THROWS_AS(AtomicFile("/", "save"), FileError);
  CHECK_THROWS_AS(AtomicFile("", "save"), FileError);
  const TemporaryFolder folder;
  write_file(folder / "x", "old");
  ::chmod((folder / "x").c_str(), 0444);
  if (::access((folder / "x").c_str(), W_OK) != 0) {  // root may write everything
    CHECK_THROWS_AS(AtomicFile(folder / "x", "save"), FileError);
  }
}

TEST_CASE("a device is written, and stays a device") {
  AtomicFile null("/dev/null", "save");
  null.write("gone");
  null.commit();
  CHECK(std::filesystem::is_character_file("/dev/null"));
  CHECK(thrown<FileError>([] { save_npy("/dev/full", tensor({1, 2}), {"main.cpp", 4}); }) ==
        "save_npy: cannot write '/dev/full': No space left on device, at main.cpp:4");
  CHECK_THROWS_AS(save_safetensors("/dev/full", {{"x", tensor({1})}}), FileError);
  CHECK_THROWS_AS(save_npz("/dev/full", {{"x", tensor({1})}}), FileError);
}

TEST_CASE("a disk that fills up while saving leaves the old file whole") {
  const TemporaryFolder folder;
  const Tensor large = Tensor::empty({100000}, float32);
  std::fill_n(large.body().data, 400000, std::byte{1});
  for (const char* name : {"x.npy", "x.npz", "x.safetensors"}) write_file(folder / name, "old");

  CHECK(fails_on_a_full_disk(100000, [&] { save_npy(folder / "x.npy", large); }));
  CHECK(fails_on_a_full_disk(100000, [&] { save_npz(folder / "x.npz", {{"x", large}}); }));
  CHECK(fails_on_a_full_disk(100000,
                             [&] { save_safetensors(folder / "x.safetensors", {{"x", large}}); }));
  for (const char* name : {"x.npy", "x.npz", "x.safetensors"}) {
    INFO(name);
    CHECK(content_of(folder / name) == "old");
  }
  CHECK(folder.files() == 3);
}
