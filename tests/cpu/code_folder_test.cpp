#include "tests/catch.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include <rill/cpu/code_folder.h>
#include <rill/cpu/digest.h>

namespace rill::cpu {
namespace {

namespace fs = std::filesystem;

/// A folder that goes with the test.
struct Temporary {
  fs::path path;
  Temporary() {
    std::string pattern = (fs::temp_directory_path() / "rill-code-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Temporary() { fs::remove_all(path); }
};

constexpr CodeFolder::Key key{1, 2};

CompiledObject object(std::size_t size, std::byte fill) {
  CompiledObject made;
  made.elf.assign(size, fill);
  made.fixed_scratch = 640;
  made.row_lanes = 16;
  return made;
}

fs::path file_of(const Temporary& place) { return place.path / "cache" / hexadecimal(key); }

/// What the disk loses to a file.
std::uint64_t room_of(const fs::path& file) {
  struct stat about{};
  REQUIRE(stat(file.c_str(), &about) == 0);
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(about.st_size, std::int64_t{about.st_blocks} * 512));
}

TEST_CASE("What was written is read by another process's folder") {
  const Temporary place;
  REQUIRE(CodeFolder((place.path / "a" / "cache").string()).write(key, object(1000, std::byte{7})));
  CodeFolder other((place.path / "a" / "cache").string());
  const auto found = other.read(key);
  REQUIRE(found);
  REQUIRE(found->elf == std::vector<std::byte>(1000, std::byte{7}));
  REQUIRE(found->fixed_scratch == 640);
  REQUIRE(found->row_lanes == 16);
  REQUIRE_FALSE(other.read({1, 3}));
  REQUIRE(fs::status(place.path / "a" / "cache").permissions() == fs::perms::owner_all);
}

TEST_CASE("A file with any changed byte, or cut anywhere, is refused and removed") {
  const Temporary place;
  CodeFolder folder((place.path / "cache").string());
  folder.write(key, object(100, std::byte{7}));
  std::ifstream in(file_of(place), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  REQUIRE(whole.size() == 172);
  const auto put = [&](const std::string& bytes) {
    std::ofstream(file_of(place), std::ios::binary) << bytes;
  };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    put(changed);
    REQUIRE_FALSE(folder.read(key));
    REQUIRE_FALSE(fs::exists(file_of(place)));
    put(whole.substr(0, i));
    REQUIRE_FALSE(folder.read(key));
  }
  put(whole + "x");
  REQUIRE_FALSE(folder.read(key));
  REQUIRE(folder.refused() == 345);
  put(whole);
  fs::permissions(file_of(place), fs::perms::owner_all);
  REQUIRE(folder.read(key));
}

TEST_CASE("A file that stands under another's name is refused") {
  const Temporary place;
  CodeFolder folder((place.path / "cache").string());
  folder.write({5, 6}, object(100, std::byte{7}));
  fs::rename(place.path / "cache" / hexadecimal({5, 6}), file_of(place));
  REQUIRE_FALSE(folder.read(key));
}

TEST_CASE("A folder that others may write is not used, nor a link, nor a file") {
  const Temporary place;
  fs::create_directory(place.path / "open");
  chmod((place.path / "open").c_str(), 0777);
  CodeFolder open((place.path / "open").string());
  REQUIRE_FALSE(open.usable());
  REQUIRE(open.trouble() == "it must belong to this user and be writable by nobody else");
  REQUIRE_FALSE(open.write(key, object(10, std::byte{0})));
  REQUIRE_FALSE(open.read(key));

  fs::create_directory(place.path / "real");
  fs::create_directory_symlink(place.path / "real", place.path / "link");
  REQUIRE_FALSE(CodeFolder((place.path / "link").string()).usable());

  std::ofstream(place.path / "file") << "x";
  REQUIRE_FALSE(CodeFolder((place.path / "file").string()).usable());
  REQUIRE_FALSE(CodeFolder("").usable());
}

TEST_CASE("A link or a file that others may write, in place of an entry, is refused") {
  const Temporary place;
  CodeFolder folder((place.path / "cache").string());
  folder.write(key, object(100, std::byte{7}));
  fs::rename(file_of(place), place.path / "elsewhere");
  fs::create_symlink(place.path / "elsewhere", file_of(place));
  REQUIRE_FALSE(folder.read(key));
  fs::remove(file_of(place));
  fs::rename(place.path / "elsewhere", file_of(place));
  chmod(file_of(place).c_str(), 0666);
  REQUIRE_FALSE(folder.read(key));
}

TEST_CASE("A folder tells what it holds, and loses that, and nothing else, when it is cleared") {
  const Temporary place;
  CodeFolder folder((place.path / "cache").string());
  CHECK(folder.contents().files == 0);
  folder.write({1, 2}, object(1000, std::byte{7}));
  folder.write({3, 4}, object(28, std::byte{7}));
  std::ofstream(place.path / "cache" / "notes") << "mine";
  CHECK(folder.contents().files == 2);
  CHECK(fs::file_size(place.path / "cache" / hexadecimal({1, 2})) == 1072);
  CHECK(fs::file_size(place.path / "cache" / hexadecimal({3, 4})) == 100);
  CHECK(folder.contents().bytes == room_of(place.path / "cache" / hexadecimal({1, 2})) +
                                       room_of(place.path / "cache" / hexadecimal({3, 4})));
  CHECK(folder.clear().files == 2);
  CHECK(folder.contents().files == 0);
  CHECK_FALSE(folder.read({1, 2}));
  CHECK(fs::exists(place.path / "cache" / "notes"));
  CHECK(CodeFolder("").contents().files == 0);
}

TEST_CASE("A folder that cannot be made says why, not that it is missing") {
  struct statfs about{};
  if (statfs("/sys", &about) != 0 || about.f_type != SYSFS_MAGIC) {
    WARN("skipped: without a /sys there is no place where root may not make folders");
    return;
  }
  const CodeFolder folder("/sys/rill");
  CHECK_FALSE(folder.usable());
  CHECK_FALSE(folder.trouble().empty());
  CHECK(folder.trouble() != "No such file or directory");
}

TEST_CASE("A folder that vanishes, or takes nothing, is no trouble") {
  const Temporary place;
  CodeFolder folder((place.path / "cache").string());
  fs::remove_all(place.path / "cache");
  REQUIRE_FALSE(folder.write(key, object(100, std::byte{7})));
  REQUIRE_FALSE(folder.read(key));
}

TEST_CASE("Files that nobody asked for the longest go when the folder is full") {
  const Temporary place;
  const std::string path = (place.path / "cache").string();
  for (std::uint64_t i = 0; i < 8; ++i) {
    CodeFolder(path).write({i, 0}, object(10'000, std::byte{1}));
    const auto file = place.path / "cache" / hexadecimal({i, 0});
    const std::array<timespec, 2> times{timespec{1000 + static_cast<std::time_t>(i), 0},
                                        timespec{1000, 0}};
    utimensat(AT_FDCWD, file.c_str(), times.data(), 0);
  }
  REQUIRE(CodeFolder(path).read({0, 0}));  // the oldest, but just used
  CodeFolder small(path, 60'000);
  REQUIRE(small.write(key, object(10'000, std::byte{1})));
  REQUIRE(small.read({0, 0}));
  REQUIRE(small.read(key));
  REQUIRE_FALSE(small.read({1, 0}));
  REQUIRE_FALSE(small.read({5, 0}));
  REQUIRE(small.read({7, 0}));
}

TEST_CASE("Small files count with the blocks that they take") {
  const Temporary place;
  const std::string path = (place.path / "cache").string();
  CodeFolder(path).write({0, 0}, object(28, std::byte{1}));
  const std::uint64_t room = room_of(place.path / "cache" / hexadecimal({0, 0}));
  CodeFolder small(path, 8 * room);
  for (std::uint64_t i = 1; i < 40; ++i) {
    REQUIRE(small.write({i, 0}, object(28, std::byte{1})));
    REQUIRE(small.contents().files <= 8);
  }
  REQUIRE(small.contents().files >= 6);
}

TEST_CASE("Several writers of one key leave one whole file") {
  const Temporary place;
  const std::string path = (place.path / "cache").string();
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t) {
    all.emplace_back([&] {
      CodeFolder folder(path);
      for (int i = 0; i < 50; ++i) {
        folder.write(key, object(5000, std::byte{3}));
        const auto found = folder.read(key);
        if (found && found->elf != std::vector<std::byte>(5000, std::byte{3})) std::abort();
      }
    });
  }
  for (std::thread& each : all) each.join();
  REQUIRE(CodeFolder(path).read(key));
  REQUIRE(std::distance(fs::directory_iterator(path), fs::directory_iterator()) == 1);
}

}  // namespace
}  // namespace rill::cpu
