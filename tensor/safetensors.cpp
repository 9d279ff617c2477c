#include <rill/tensor/atomic_file.h>
#include <rill/tensor/elements.h>
#include <rill/tensor/input_file.h>
#include <rill/tensor/safetensors.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/write_safetensors.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace rill {
namespace {

constexpr std::uint64_t longest_header = 100'000'000;  // the reference implementation's limit
constexpr std::string_view metadata_key = "__metadata__";

constexpr std::array<std::string_view, dtype_count> spellings = {
    "BOOL", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "F16", "BF16", "F32", "F64"};

struct Entry {
  std::string name;
  std::optional<DType> dtype;
  std::optional<Shape> shape;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> offsets;
};

struct Header {
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
};

/// Takes the header apart while it is parsed. There is no tree: nothing deeper than the format goes
/// is accepted, and memory stays in proportion to the text.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(Header& header) : header_(header) {}
  [[nodiscard]] const std::string& fault() const { return fault_; }

  bool null() override { return fail("null has no place"); }
  bool boolean(bool) override { return fail("a truth value has no place"); }
  bool number_integer(number_integer_t) override { return fail("a negative number has no place"); }
  bool number_float(number_float_t, const string_t&) override {
    return fail("a fraction has no place");
  }
  bool binary(binary_t&) override { return fail("binary data has no place"); }

  bool number_unsigned(number_unsigned_t number) override {
    if (place_ == Place::shape) {
      if (number >= std::uint64_t{1} << 61U) return fail("a size of " + std::to_string(number));
      if (entry().shape->rank() == max_rank) {
        return fail("more than " + std::to_string(max_rank) + " axes are not supported");
      }
      entry().shape->push_back(number);
      return true;
    }
    if (place_ == Place::offsets && offsets_read_ < 2) {
      (offsets_read_++ == 0 ? entry().offsets->first : entry().offsets->second) = number;
      return true;
    }
    return fail("the number " + std::to_string(number) + " has no place");
  }

  bool string(string_t& text) override {
    if (place_ == Place::metadata) {
      header_.metadata.emplace(key_, text);
      return true;
    }
    if (place_ != Place::tensor || key_ != "dtype")
      return fail("the text '" + shown(text) + "' has no place");
    const auto* const found = std::find(spellings.begin(), spellings.end(), text);
    if (found == spellings.end())
      return fail("elements of type '" + shown(text) + "' are not supported");
    entry().dtype = static_cast<DType>(found - spellings.begin());
    return true;
  }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::outside:
        place_ = Place::top;
        return true;
      case Place::top:
        if (key_ == metadata_key) {
          place_ = Place::metadata;
        } else {
          place_ = Place::tensor;
          header_.entries.push_back({key_, {}, {}, {}});
        }
        inner_.clear();
        return true;
      default:
        return fail("an object has no place");
    }
  }
  bool end_object() override {
    if (place_ == Place::tensor && !(entry().dtype && entry().shape && entry().offsets)) {
      return fail("it lacks one of dtype, shape and data_offsets");
    }
    place_ = place_ == Place::top ? Place::done : Place::top;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ == Place::tensor && key_ == "shape") {
      place_ = Place::shape;
      entry().shape.emplace();
      return true;
    }
    if (place_ == Place::tensor && key_ == "data_offsets") {
      place_ = Place::offsets;
      entry().offsets.emplace();
      offsets_read_ = 0;
      return true;
    }
    return fail("a list has no place");
  }
  bool end_array() override {
    if (place_ == Place::offsets && offsets_read_ != 2) return fail("data_offsets are two numbers");
    place_ = Place::tensor;
    return true;
  }

  bool key(string_t& text) override {
    const bool at_top = place_ == Place::top;
    if (!(at_top ? names_ : inner_).insert(text).second)
      return fail("the key '" + shown(text) + "' stands twice");
    if (place_ == Place::tensor && text != "dtype" && text != "shape" && text != "data_offsets") {
      return fail("the key '" + shown(text) + "' is not known");
    }
    key_ = text;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return fail("it is no JSON in UTF-8, at byte " + std::to_string(position));
  }

 private:
  enum class Place : std::uint8_t { outside, top, metadata, tensor, shape, offsets, done };

  static std::string shown(const std::string& text) { return text.substr(0, 60); }
  Entry& entry() { return header_.entries.back(); }

  bool fail(const std::string& what) {
    const bool in_tensor =
        place_ == Place::tensor || place_ == Place::shape || place_ == Place::offsets;
    fault_ =
        "in its header" + (in_tensor ? ", for '" + shown(entry().name) + "'" : "") + ": " + what;
    return false;
  }

  Header& header_;
  Place place_ = Place::outside;
  std::string key_;
  std::set<std::string> names_;
  std::set<std::string> inner_;
  int offsets_read_ = 0;
  std::string fault_;
};

/// The header, and where the elements begin.
std::pair<Header, std::uint64_t> read_header(const InputFile& file) {
  std::array<unsigned char, 8> start{};
  file.read(0, start.data(), start.size());
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < start.size(); ++i)
    length |= static_cast<std::uint64_t>(start[i]) << (8 * i);
  if (length > longest_header || length > file.size() - start.size()) {
    file.fail_format("its header is said to have " + std::to_string(length) + " bytes, but " +
                     std::to_string(file.size() - start.size()) + " follow, and at most " +
                     std::to_string(longest_header) + " are allowed");
  }
  std::string text(length, '\0');
  file.read(start.size(), text.data(), length);
  if (text.empty() || text.front() != '{') file.fail_format("its header does not begin with '{'");

  // The parser takes a NUL, which JSON nowhere allows, for the end of its text.
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos) {
    file.fail_format("in its header: it is no JSON in UTF-8, at byte " + std::to_string(nul + 1));
  }
  Header header;
  HeaderReader reader(header);
  if (!nlohmann::json::sax_parse(text, &reader)) file.fail_format(reader.fault());

  std::sort(header.entries.begin(), header.entries.end(),
            [](const Entry& a, const Entry& b) { return a.offsets < b.offsets; });
  std::uint64_t end = 0;
  for (const Entry& entry : header.entries) {
    const auto [first, last] = *entry.offsets;
    const std::string of = "in its header, for '" + entry.name.substr(0, 60) + "': ";
    if (first != end || last < first) {
      file.fail_format(of + "data_offsets [" + std::to_string(first) + "," + std::to_string(last) +
                       "] do not go on where the tensor before them ends, at " +
                       std::to_string(end));
    }
    const std::optional<std::uint64_t> needed = detail::bytes_of(*entry.shape, *entry.dtype);
    if (!needed || *needed != last - first) {
      file.fail_format(of + std::string(name(*entry.dtype)) + entry.shape->text() +
                       " does not take the " + std::to_string(last - first) +
                       " bytes of its data_offsets");
    }
    end = last;
  }
  const std::uint64_t data = start.size() + length;
  if (end != file.size() - data) {
    file.fail_format("its tensors take " + std::to_string(end) + " bytes, but " +
                     std::to_string(file.size() - data) + " follow the header");
  }
  return {std::move(header), data};
}

/// `text` as JSON. Throws `ValueError` where it is no UTF-8.
std::string quoted(const std::string& text, Where where) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw ValueError("save_safetensors: a name or text of the metadata is not UTF-8" +
                     where.suffix());
  }
}

/// The reference implementation's order of tensors: wide elements first, so that all lie aligned.
int position_in_file(DType dtype) {
  constexpr std::array<DType, dtype_count> order = {uint64, int64,    float64, float32, uint32,
                                                    int32,  bfloat16, float16, uint16,  int16,
                                                    int8,   uint8,    bool_};
  return static_cast<int>(std::find(order.begin(), order.end(), dtype) - order.begin());
}

}  // namespace

std::map<std::string, Tensor> load_safetensors(const std::string& path, Where where) try {
  const InputFile file(path, "load_safetensors", where);
  const auto [header, data] = read_header(file);
  std::map<std::string, Tensor> tensors;
  for (const Entry& entry : header.entries) {
    Tensor tensor = Tensor::empty(*entry.shape, *entry.dtype);
    std::byte* const elements = tensor.body().data;
    const std::size_t bytes = entry.offsets->second - entry.offsets->first;
    file.read(data + entry.offsets->first, elements, bytes);
    if (*entry.dtype == bool_) {  // a bool of C++ is 0 or 1 and nothing else
      std::transform(elements, elements + bytes, elements,
                     [](std::byte b) { return b == std::byte{0} ? std::byte{0} : std::byte{1}; });
    }
    detail::tell_creation(tensor, where);
    tensors.emplace(entry.name, std::move(tensor));
  }
  return tensors;
} catch (const detail::Unnamed& error) {
  error.rethrow("load_safetensors", where);
}

std::map<std::string, std::string> load_safetensors_metadata(const std::string& path, Where where) {
  const InputFile file(path, "load_safetensors_metadata", where);
  return read_header(file).first.metadata;
}

void detail::write_safetensors(AtomicFile& file, const std::map<std::string, Tensor>& tensors,
                               const std::map<std::string, std::string>& metadata, Where where) {
  std::vector<std::pair<std::string, Tensor>> ordered;
  for (const auto& [name, tensor] : tensors) {
    detail::require_values(tensor, "save_safetensors", where);
    if (name == metadata_key) {
      throw ValueError("save_safetensors: no tensor can be named '__metadata__'" + where.suffix());
    }
    detail::tell_host_read(tensor, HostReadEvent::Kind::save, where);
    ordered.emplace_back(name, tensor);
  }
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return std::pair(position_in_file(a.second.dtype()), std::string_view(a.first)) <
           std::pair(position_in_file(b.second.dtype()), std::string_view(b.first));
  });

  std::string header = "{";
  const auto separate = [](std::string& text) {
    if (text.back() != '{' && text.back() != '[') text += ',';
  };
  if (!metadata.empty()) {
    header += quoted(std::string(metadata_key), where) + ":{";
    for (const auto& [key, text] : metadata) {
      separate(header);
      header += quoted(key, where) + ":" + quoted(text, where);
    }
    header += "}";
  }
  std::uint64_t end = 0;
  for (const auto& [name, tensor] : ordered) {
    const std::uint64_t first = end;
    end += static_cast<std::uint64_t>(tensor.size()) * size_of(tensor.dtype());
    separate(header);
    header += quoted(name, where) + R"(:{"dtype":")" +
              std::string(spellings[static_cast<std::size_t>(tensor.dtype())]) + R"(","shape":)" +
              tensor.shape().text() + R"(,"data_offsets":[)" + std::to_string(first) + "," +
              std::to_string(end) + "]}";
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  if (header.size() > longest_header) {
    throw ValueError("save_safetensors: a header of " + std::to_string(header.size()) +
                     " bytes is more than the " + std::to_string(longest_header) +
                     " that the format allows" + where.suffix());
  }
  std::string length;
  for (std::size_t i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> (8 * i) & 0xffU);

  file.write(length + header);
  for (const auto& [name, tensor] : ordered) {
    const Tensor elements = detail::in_order(tensor);
    file.write(elements.body().data,
               static_cast<std::size_t>(elements.size()) * size_of(elements.dtype()));
  }
}

void save_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                      const std::map<std::string, std::string>& metadata, Where where) {
  AtomicFile file(path, "save_safetensors", where);
  detail::write_safetensors(file, tensors, metadata, where);
  file.commit();
}

}  // namespace rill
