#include <rill/cpu/code_folder.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <rill/cpu/digest.h>
#include <rill/cpu/environment.h>

namespace rill::cpu {
namespace {

/// What a file begins with; the object file follows.
struct Header {
  std::array<char, 8> magic{'r', 'i', 'l', 'l', 'c', 'o', 'd', 'e'};
  std::uint64_t format = 1;
  CodeFolder::Key key{};
  std::uint64_t fixed_scratch = 0;
  std::uint64_t row_lanes = 0;
  std::uint64_t size = 0;
  CodeFolder::Key checksum{};  ///< of all the rest
};
static_assert(sizeof(Header) == 72);

constexpr std::uint64_t largest_file = std::uint64_t{64} << 20U;
constexpr std::time_t abandoned_after = 3600;  // seconds, of a file that was never renamed

CodeFolder::Key checksum_of(Header header, std::span<const std::byte> elf) {
  header.checksum = {};
  Digest digest;
  digest.add(std::as_bytes(std::span(&header, 1)));
  digest.add(elf);
  return digest.value();
}

/// A file descriptor that closes itself.
class File {
 public:
  explicit File(int number) : number_(number) {}
  ~File() {
    if (number_ >= 0) close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

bool read_all(int file, void* to, std::size_t size) {
  auto* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = ::read(file, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(int file, const void* from, std::size_t size) {
  const auto* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t put = ::write(file, at, size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

bool private_to_user(const struct stat& about) {
  return about.st_uid == geteuid() && (about.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// What the disk loses to a file: whole blocks, where the file system tells of them.
std::uint64_t room_of(const struct stat& about) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(about.st_size, std::int64_t{about.st_blocks} * 512));
}

/// Makes the folder and those that it lies in; 0, or why the innermost is not made.
int make_folders(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    mkdir(path.substr(0, slash).c_str(), 0700);
  }
  return mkdir(path.c_str(), 0700) == 0 || errno == EEXIST ? 0 : errno;
}

}  // namespace

std::string CodeFolder::default_path() {
  if (auto chosen = environment::cache_dir()) return *chosen;
  if (const auto caches = environment::text("XDG_CACHE_HOME"); caches && caches->front() == '/')
    return *caches + "/rill";
  if (const auto home = environment::text("HOME")) return *home + "/.cache/rill";
  return {};
}

CodeFolder::CodeFolder(std::string path, std::uint64_t limit)
    : path_(std::move(path)), limit_(limit), written_(std::random_device()() % (limit / 16 + 1)) {
  if (path_.empty()) {
    trouble_ = "there is no home folder";
    return;
  }
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  const int unmade = make_folders(path_);
  directory_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory_ < 0) {
    const int why = unmade != 0 ? unmade : errno;
    trouble_ = why == ELOOP || why == ENOTDIR ? "it is no folder" : std::strerror(why);
    return;
  }
  struct stat about{};
  if (fstat(directory_, &about) != 0 || !private_to_user(about)) {
    trouble_ = "it must belong to this user and be writable by nobody else";
    close(directory_);
    directory_ = -1;
  }
}

CodeFolder::~CodeFolder() {
  if (directory_ >= 0) close(directory_);
}

std::optional<CompiledObject> CodeFolder::read(const Key& key) {
  if (!usable()) return std::nullopt;
  const std::string name = hexadecimal(key);
  const File file(openat(directory_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file) return std::nullopt;
  const auto refuse = [&]() -> std::optional<CompiledObject> {
    refused_.fetch_add(1, std::memory_order_relaxed);
    unlinkat(directory_, name.c_str(), 0);
    return std::nullopt;
  };
  struct stat about{};
  if (fstat(file.number(), &about) != 0) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(about.st_size);
  if (!S_ISREG(about.st_mode) || !private_to_user(about) || size < sizeof(Header) ||
      size > largest_file)
    return refuse();
  Header header;
  if (!read_all(file.number(), &header, sizeof header)) return refuse();
  if (header.magic != Header{}.magic || header.format != Header{}.format || header.key != key ||
      header.size != size - sizeof(Header)) {
    return refuse();
  }
  CompiledObject object;
  object.elf.resize(header.size);
  if (!read_all(file.number(), object.elf.data(), object.elf.size())) return refuse();
  if (checksum_of(header, object.elf) != header.checksum) return refuse();
  object.fixed_scratch = header.fixed_scratch;
  object.row_lanes = header.row_lanes;
  // Marked as used, whether or not the file system does so by itself.
  const std::array<timespec, 2> times{timespec{0, UTIME_NOW}, timespec{0, UTIME_OMIT}};
  futimens(file.number(), times.data());
  return object;
}

bool CodeFolder::write(const Key& key, const CompiledObject& object) {
  if (!usable()) return false;
  static std::atomic<std::uint64_t> number = 0;
  const std::string name = hexadecimal(key);
  const std::string draft =
      "." + name + "." + std::to_string(getpid()) + "." + std::to_string(number++);
  Header header;
  header.key = key;
  header.fixed_scratch = object.fixed_scratch;
  header.row_lanes = object.row_lanes;
  header.size = object.elf.size();
  header.checksum = checksum_of(header, object.elf);
  bool whole = false;
  std::uint64_t room = 0;
  {
    const File file(openat(directory_, draft.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return false;
    whole = write_all(file.number(), &header, sizeof header) &&
            write_all(file.number(), object.elf.data(), object.elf.size());
    struct stat about{};
    if (fstat(file.number(), &about) == 0) room = room_of(about);
  }
  if (!whole || renameat(directory_, draft.c_str(), directory_, name.c_str()) != 0) {
    unlinkat(directory_, draft.c_str(), 0);
    return false;
  }
  // Other processes write too, so files are counted anew from time to time.
  if (written_.fetch_add(room, std::memory_order_relaxed) + room > limit_ / 16) {
    written_ = 0;
    evict();
  }
  return true;
}

std::vector<CodeFolder::Entry> CodeFolder::entries() const {
  std::vector<Entry> found;
  if (!usable()) return found;
  const int again = openat(directory_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (again < 0) return found;
  const std::unique_ptr<DIR, int (*)(DIR*)> all(fdopendir(again), &closedir);
  if (!all) {
    close(again);
    return found;
  }
  const std::time_t now = std::time(nullptr);
  while (const dirent* each = readdir(all.get())) {
    const std::string name = each->d_name;
    struct stat about{};
    if (fstatat(directory_, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(about.st_mode))
      continue;
    if (name.front() == '.') {
      if (now - about.st_mtime > abandoned_after) unlinkat(directory_, name.c_str(), 0);
      continue;
    }
    if (name.size() != 32) continue;  // not one of ours
    found.push_back({about.st_atim, room_of(about), name});
  }
  return found;
}

void CodeFolder::evict() {
  std::vector<Entry> found = entries();
  std::uint64_t total = 0;
  for (const Entry& each : found) total += each.room;
  if (total <= limit_) return;
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  for (const Entry& each : found) {
    if (total <= limit_ / 4 * 3) break;
    if (unlinkat(directory_, each.name.c_str(), 0) == 0) total -= each.room;
  }
}

CodeFolder::Contents CodeFolder::contents() const {
  Contents all;
  for (const Entry& each : entries()) {
    ++all.files;
    all.bytes += each.room;
  }
  return all;
}

CodeFolder::Contents CodeFolder::clear() {
  Contents removed;
  for (const Entry& each : entries()) {
    if (unlinkat(directory_, each.name.c_str(), 0) != 0) continue;
    ++removed.files;
    removed.bytes += each.room;
  }
  return removed;
}

}  // namespace rill::cpu
