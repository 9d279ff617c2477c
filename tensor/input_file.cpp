#include <rill/tensor/error.h>
#include <rill/tensor/input_file.h>
#include <rill/tensor/unnamed.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace rill {

InputFile::InputFile(std::string path, std::string_view operation, Where where)
    : path_(std::move(path)), operation_(operation), where_(where) {
  if (path_.find('\0') != std::string::npos) fail_file("open", ENOENT);
  // Without O_NONBLOCK a pipe would wait for its writer.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail_file("open", errno);
  struct stat status{};
  const bool known = ::fstat(descriptor_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    const int error = !known ? errno : S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    ::close(descriptor_);
    fail_file("read", error);
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(std::uint64_t offset, void* to, std::size_t bytes) const {
  if (offset > size_ || bytes > size_ - offset) {
    fail_format("it ends at byte " + std::to_string(size_) + ", where " + std::to_string(bytes) +
                " bytes should follow byte " + std::to_string(offset));
  }
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_, at, std::min<std::size_t>(bytes, 1U << 30U),
                                static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_file("read", errno);
    if (got == 0) fail_format("it became shorter while it was read");
    at += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

void InputFile::fail_format(const std::string& what) const {
  throw detail::UnnamedError<FormatError>(operation_, "'" + path_ + "': " + what, where_);
}

void InputFile::fail_file(const char* action, int error) const {
  throw detail::UnnamedError<FileError>(operation_,
                                        std::string("cannot ") + action + " '" + path_ +
                                            "': " + std::generic_category().message(error),
                                        where_);
}

}  // namespace rill
