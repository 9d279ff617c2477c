#include <rill/tensor/atomic_file.h>
#include <rill/tensor/elements.h>
#include <rill/tensor/input_file.h>
#include <rill/tensor/npy.h>
#include <rill/tensor/npy_format.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

class FileReader : public detail::ByteReader {
 public:
  using ByteReader::ByteReader;
  [[nodiscard]] std::uint64_t remaining() const override { return file_.size() - at_; }
  void read(void* to, std::size_t bytes) override {
    file_.read(at_, to, bytes);
    at_ += bytes;
  }
  void require(std::uint64_t bytes) override {
    if (bytes > remaining()) {
      fail("it ends at byte " + std::to_string(file_.size()) + ", where " + std::to_string(bytes) +
           " bytes should follow byte " + std::to_string(at_));
    }
  }

 private:
  std::uint64_t at_ = 0;
};

}  // namespace

Tensor load_npy(const std::string& path, Where where) try {
  const InputFile file(path, "load_npy", where);
  FileReader reader(file);
  Tensor made = detail::read_npy(reader);
  detail::tell_creation(made, where);
  return made;
} catch (const detail::Unnamed& error) {
  error.rethrow("load_npy", where);
}

void save_npy(const std::string& path, const Tensor& tensor, Where where) {
  detail::require_values(tensor, "save_npy", where);
  detail::tell_host_read(tensor, HostReadEvent::Kind::save, where);
  const Tensor elements = detail::in_order(tensor);
  AtomicFile file(path, "save_npy", where);
  file.write(detail::npy_header(elements));
  file.write(elements.body().data,
             static_cast<std::size_t>(elements.size()) * size_of(elements.dtype()));
  file.commit();
}

}  // namespace rill
