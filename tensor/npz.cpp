#include <rill/tensor/atomic_file.h>
#include <rill/tensor/elements.h>
#include <rill/tensor/input_file.h>
#include <rill/tensor/npy_format.h>
#include <rill/tensor/npz.h>
#include <rill/tensor/unnamed.h>

#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>

namespace rill {
namespace {

constexpr std::string_view suffix = ".npy";

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;

// ---- Reading ----------------------------------------------------------------------------------

/// Deflate makes at most 258 bytes of two bits: what unpacks to more than this many times its own
/// size does not exist, so a declared size is checked without unpacking anything.
constexpr std::uint64_t most_deflated = 1032;

/// One member of an archive, unpacked straight to where its bytes belong.
class MemberReader : public detail::ByteReader {
 public:
  MemberReader(const InputFile& file, zip_t* archive, zip_uint64_t index, const zip_stat_t& status)
      : ByteReader(file, "member '" + std::string(status.name) + "': "), remaining_(status.size) {
    member_.reset(zip_fopen_index(archive, index, 0));
    if (!member_) fail(zip_strerror(archive));
    const bool stored = status.comp_method == ZIP_CM_STORE;
    if (!stored && status.comp_method != ZIP_CM_DEFLATE) {
      fail("is compressed by method " + std::to_string(status.comp_method) +
           ", and only stored and deflated members are read");
    }
    if (status.size / (stored ? 1 : most_deflated) > file.size()) {
      fail("is said to have " + std::to_string(status.size) + " bytes, more than a file of " +
           std::to_string(file.size()) + " can hold");
    }
  }

  [[nodiscard]] std::uint64_t remaining() const override { return remaining_; }

  void read(void* to, std::size_t bytes) override {
    if (bytes > remaining_)
      fail("it ends " + std::to_string(bytes - remaining_) + " bytes too early");
    remaining_ -= bytes;
    unpack(static_cast<std::byte*>(to), bytes);
    if (remaining_ == 0) check_end();
  }

  void require(std::uint64_t bytes) override {
    if (bytes > remaining_)
      fail("it ends " + std::to_string(bytes - remaining_) + " bytes too early");
  }

 private:
  void unpack(std::byte* to, std::size_t bytes) {
    while (bytes > 0) {
      const zip_int64_t got = zip_fread(member_.get(), to, std::min<std::size_t>(bytes, 1U << 30U));
      if (got < 0) fail(zip_file_strerror(member_.get()));
      if (got == 0) fail("it ends before its declared size");
      to += got;
      bytes -= static_cast<std::size_t>(got);
    }
  }

  /// Only at its end does a member tell that its checksum is wrong.
  void check_end() {
    std::byte more{};
    const zip_int64_t got = zip_fread(member_.get(), &more, 1);
    if (got < 0) fail(zip_file_strerror(member_.get()));
    if (got > 0) fail("it goes on after its declared size");
  }

  std::unique_ptr<zip_file_t, CloseMember> member_;
  std::uint64_t remaining_;
};

Archive open_archive(const InputFile& file) {
  int error = 0;
  const int descriptor = ::dup(file.descriptor());  // libzip closes its own
  if (descriptor < 0) file.fail_file("read", errno);
  Archive archive(zip_fdopen(descriptor, ZIP_CHECKCONS, &error));
  if (!archive) {
    ::close(descriptor);
    zip_error_t text;
    zip_error_init_with_code(&text, error);
    const std::string reason = zip_error_strerror(&text);
    zip_error_fini(&text);
    file.fail_format("it is no archive that can be read: " + reason);
  }
  return archive;
}

// ---- Writing ----------------------------------------------------------------------------------

/// The bytes of one member, as libzip asks for them.
struct Member {
  std::string header;
  Tensor elements;
  std::uint64_t at = 0;

  [[nodiscard]] std::uint64_t size() const {
    return header.size() + static_cast<std::uint64_t>(elements.size()) * size_of(elements.dtype());
  }
  std::uint64_t read(void* to, std::uint64_t bytes) {
    const bool in_header = at < header.size();
    const std::uint64_t end = in_header ? header.size() : size();
    const std::uint64_t part = std::min(bytes, end - at);
    if (part > 0) {
      std::memcpy(to,
                  in_header
                      ? header.data() + at
                      : reinterpret_cast<const char*>(elements.body().data) + (at - header.size()),
                  part);
    }
    at += part;
    return part;
  }

  static zip_int64_t callback(void* self, void* data, zip_uint64_t length,
                              zip_source_cmd_t command) {
    auto& member = *static_cast<Member*>(self);
    switch (command) {
      case ZIP_SOURCE_OPEN:
        member.at = 0;
        return 0;
      case ZIP_SOURCE_READ:
        return static_cast<zip_int64_t>(member.read(data, length));
      case ZIP_SOURCE_STAT: {
        auto& status = *static_cast<zip_stat_t*>(data);
        zip_stat_init(&status);
        status.valid = ZIP_STAT_SIZE;
        status.size = member.size();
        return sizeof status;
      }
      case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                              ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                              -1);
      default:
        return 0;
    }
  }
};

}  // namespace

std::map<std::string, Tensor> load_npz(const std::string& path, Where where) try {
  const InputFile file(path, "load_npz", where);
  const Archive archive = open_archive(file);
  std::map<std::string, Tensor> tensors;
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive.get(), 0));
  for (zip_uint64_t index = 0; index < count; ++index) {
    zip_stat_t status;
    constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive.get(), index, 0, &status) != 0 ||
        (status.valid & needed) != needed) {
      file.fail_format("its member " + std::to_string(index) + " cannot be read");
    }
    const std::string_view member = status.name;
    if (member.size() <= suffix.size() || member.substr(member.size() - suffix.size()) != suffix) {
      file.fail_format("its member '" + std::string(member) + "' is no .npy file");
    }
    std::string name(member.substr(0, member.size() - suffix.size()));
    MemberReader reader(file, archive.get(), index, status);
    Tensor tensor = detail::read_npy(reader);
    if (!tensors.emplace(std::move(name), tensor).second) {
      file.fail_format("its member '" + std::string(member) + "' stands twice");
    }
    detail::tell_creation(tensor, where);
  }
  return tensors;
} catch (const detail::Unnamed& error) {
  error.rethrow("load_npz", where);
}

void save_npz(const std::string& path, const std::map<std::string, Tensor>& tensors,
              const NpzOptions& options, Where where) {
  std::deque<Member> members;  // libzip reads them when the archive is closed
  for (const auto& [name, tensor] : tensors) {
    detail::require_values(tensor, "save_npz", where);
    detail::tell_host_read(tensor, HostReadEvent::Kind::save, where);
    const Tensor elements = detail::in_order(tensor);
    members.push_back({detail::npy_header(elements), elements});
  }
  AtomicFile file(path, "save_npz", where);
  if (file.temporary_path().empty()) {
    throw FileError("save_npz: cannot write '" + path + "': an archive needs a regular file" +
                    where.suffix());
  }
  if (tensors.empty()) {  // libzip would write no file at all for an empty archive
    file.write(std::string_view("PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22));
    file.commit();
    return;
  }
  const auto fail = [&](const std::string& reason) {
    throw FileError("save_npz: cannot write '" + path + "': " + reason + where.suffix());
  };
  int error = 0;
  Archive archive(zip_open(file.temporary_path().c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error));
  if (!archive) fail("error " + std::to_string(error) + " of libzip");
  auto member = members.begin();
  for (const auto& [name, tensor] : tensors) {
    zip_source_t* const source = zip_source_function(archive.get(), &Member::callback, &*member++);
    if (source == nullptr) fail(zip_strerror(archive.get()));
    const zip_int64_t index = name.empty() ? -1
                                           : zip_file_add(archive.get(), (name + ".npy").c_str(),
                                                          source, ZIP_FL_ENC_UTF_8);
    if (index < 0 || name.find('\0') != std::string::npos) {
      if (index < 0) zip_source_free(source);
      throw ValueError("save_npz: '" + name +
                       "' cannot name a tensor: a name is UTF-8 and not empty" + where.suffix());
    }
    const auto entry = static_cast<zip_uint64_t>(index);
    const zip_int32_t method = options.compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE;
    constexpr zip_uint16_t first_day =
        (1U << 5U) | 1U;  // of 1980: the earliest that the format knows
    if (zip_set_file_compression(archive.get(), entry, method, 0) != 0 ||
        zip_file_set_dostime(archive.get(), entry, 0, first_day, 0) != 0) {
      fail(zip_strerror(archive.get()));
    }
  }
  zip_t* const finished = archive.release();  // closing takes it away, unless it fails
  if (zip_close(finished) != 0) {
    archive.reset(finished);
    fail(zip_strerror(finished));
  }
  file.commit();
}

}  // namespace rill
