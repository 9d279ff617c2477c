#include <rill/tensor/atomic_file.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace rill {

namespace {

/// Where links lead, the last of which may lead to nothing yet. There is no circle.
std::string followed(std::string path) {
  std::error_code no_link;
  for (;;) {
    const std::filesystem::path next = std::filesystem::read_symlink(path, no_link);
    if (no_link) return path;
    path = (std::filesystem::path(path).parent_path() / next).string();
  }
}

}  // namespace

AtomicFile::AtomicFile(std::string path, std::string_view operation, Where where)
    : path_(std::move(path)), operation_(operation), where_(where) {
  if (path_.empty() || path_.find('\0') != std::string::npos) {
    errno = ENOENT;
    fail("open");
  }
  struct stat there{};
  const bool replaces = ::stat(path_.c_str(), &there) == 0;
  if (replaces) {
    if (S_ISDIR(there.st_mode)) {
      errno = EISDIR;
      fail("write");
    }
    // A rename needs no right to write the file itself: whoever protected it means it.
    if (::access(path_.c_str(), W_OK) != 0) fail("write");
    if (!S_ISREG(there.st_mode)) {
      descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
      if (descriptor_ < 0) fail("open");
      return;
    }
  } else if (errno == ELOOP) {
    fail("open");
  }
  target_ = followed(path_);
  // A number of its own per process and call; `O_EXCL` refuses whatever is there already. Short,
  // as the target's name may be the longest that there can be.
  const std::string folder = target_.substr(0, target_.find_last_of('/') + 1);
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    temporary_ =
        folder + ".rill-" + std::to_string(::getpid()) + "-" + std::to_string(++counter) + ".tmp";
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && (errno != EEXIST || attempt == 100)) {
      temporary_.clear();
      fail("write");
    }
  }
  if (replaces) (void)::fchmod(descriptor_, there.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* action) const {
  const int error = errno;
  throw detail::UnnamedError<FileError>(operation_,
                                        std::string("cannot ") + action + " '" + path_ +
                                            "': " + std::generic_category().message(error),
                                        where_);
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, at, std::min<std::size_t>(bytes, 1U << 30U));
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("write");
    }
    at += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (temporary_.empty()) {
    if (::close(descriptor) != 0) fail("write");
    return;
  }
  ::close(descriptor);
  // Opened anew: a library may have put another file under the temporary name.
  const int file = ::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail("write");
  const bool on_disk = ::fsync(file) == 0 || errno == EINVAL || errno == ENOSYS;
  const int error = errno;
  ::close(file);
  errno = error;
  if (!on_disk || ::rename(temporary_.c_str(), target_.c_str()) != 0) fail("write");
  temporary_.clear();
  // The new name is on the disk once the folder is; the content is whole in any case.
  const std::size_t slash = target_.find_last_of('/');
  const std::string folder = slash == std::string::npos ? "." : target_.substr(0, slash + 1);
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened >= 0) {
    (void)::fsync(opened);
    ::close(opened);
  }
}

}  // namespace rill
