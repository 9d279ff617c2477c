#include <rill/tensor/elements.h>
#include <rill/tensor/npy_format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace rill::detail {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t longest_header = 1U << 20U;

struct Header {
  DType dtype = float32;
  bool swapped = false;
  bool fortran_order = false;
  Shape shape;
};

// ---- The header: a Python dictionary of three entries -----------------------------------------

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const ByteReader& source) : text_(text), source_(source) {}

  Header parse() {
    bool has_type = false;
    bool has_order = false;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr") {
        once(has_type, key);
        parse_type();
      } else if (key == "fortran_order") {
        once(has_order, key);
        header_.fortran_order = truth();
      } else if (key == "shape") {
        once(has_shape, key);
        parse_shape();
      } else {
        fail("the key '" + std::string(key.substr(0, 40)) +
             "' is none of descr, fortran_order, shape");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (at_ != text_.size()) fail("there is more after the '}'");
    if (!has_type || !has_order || !has_shape)
      fail("one of descr, fortran_order, shape is missing");
    return header_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    source_.fail("in its header, at character " + std::to_string(at_ + 1) + ": " + what);
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t'))
      ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("expected '") + c + "'");
  }

  void once(bool& seen, std::string_view key) const {
    if (seen) fail("the key '" + std::string(key) + "' stands twice");
    seen = true;
  }

  std::string_view quoted() {
    skip_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail("expected a text in quotes");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("a text in quotes does not end");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }

  bool truth() {
    skip_blanks();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail("expected True or False");
  }

  void parse_type() {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '[') fail("structured elements are not supported");
    const std::string_view type = quoted();
    struct Spelling {
      std::string_view text;
      DType dtype;
    };
    constexpr std::array<Spelling, dtype_count> spellings = {{{"b1", bool_},
                                                              {"i1", int8},
                                                              {"i2", int16},
                                                              {"i4", int32},
                                                              {"i8", int64},
                                                              {"u1", uint8},
                                                              {"u2", uint16},
                                                              {"u4", uint32},
                                                              {"u8", uint64},
                                                              {"f2", float16},
                                                              {"V2", bfloat16},
                                                              {"f4", float32},
                                                              {"f8", float64}}};
    const char order = type.empty() ? '\0' : type.front();
    const auto* const found =
        std::find_if(spellings.begin(), spellings.end(), [&](const Spelling& spelling) {
          return type.size() == 3 && type.substr(1) == spelling.text;
        });
    if (found == spellings.end() ||
        std::string_view("<>|=").find(order) == std::string_view::npos ||
        (order == '|' && size_of(found->dtype) > 1 && found->dtype != bfloat16)) {
      fail("elements of type '" + std::string(type.substr(0, 40)) +
           "' are not supported: only bool, integers, floats and '<V2' for bfloat16");
    }
    header_.dtype = found->dtype;
    header_.swapped = order == '>' && size_of(found->dtype) > 1;
  }

  void parse_shape() {
    expect('(');
    bool comma = true;  // Python takes `(6)` for a number in brackets
    while (!accept(')')) {
      skip_blanks();
      std::int64_t size = 0;
      const char* const first = text_.data() + at_;
      const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), size);
      if (error != std::errc() || *first == '-' || size >= std::int64_t{1} << 61)
        fail("expected a size");
      at_ += static_cast<std::size_t>(end - first);
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote long integers so
      if (header_.shape.rank() == max_rank) {
        fail("more than " + std::to_string(max_rank) + " axes are not supported");
      }
      header_.shape.push_back(size);
      comma = accept(',');
      if (!comma) {
        expect(')');
        break;
      }
    }
    if (!comma && header_.shape.rank() == 1) fail("expected '(6,)' for one size, not '(6)'");
  }

  std::string_view text_;
  const ByteReader& source_;
  std::size_t at_ = 0;
  Header header_;
};

Header read_header(ByteReader& source) {
  std::array<unsigned char, 12> start{};
  source.read(start.data(), 8);
  if (std::memcmp(start.data(), magic.data(), magic.size()) != 0) {
    source.fail("it does not begin as an .npy file does");
  }
  const int version = start[6];
  if (version < 1 || version > 3 || start[7] != 0) {
    source.fail("version " + std::to_string(version) + "." + std::to_string(start[7]) +
                " of the format is not known: 1.0, 2.0 and 3.0 are");
  }
  const std::size_t digits = version == 1 ? 2 : 4;
  source.read(start.data() + 8, digits);
  std::size_t length = 0;
  for (std::size_t i = 0; i < digits; ++i)
    length |= static_cast<std::size_t>(start[8 + i]) << (8 * i);
  if (length > longest_header)
    source.fail("its header is said to have " + std::to_string(length) + " bytes");
  source.require(length);
  std::string text(length, '\0');
  source.read(text.data(), length);
  return HeaderParser(text, source).parse();
}

// ---- The elements -----------------------------------------------------------------------------

template <std::size_t width>
void swap_bytes(std::byte* at, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i, at += width) std::reverse(at, at + width);
}

void swap_elements(const TensorBody& body, std::size_t count) {
  switch (size_of(body.dtype)) {
    case 2:
      swap_bytes<2>(body.data, count);
      break;
    case 4:
      swap_bytes<4>(body.data, count);
      break;
    case 8:
      swap_bytes<8>(body.data, count);
      break;
    default:
      break;
  }
}

Shape reversed(const Shape& shape) {
  Shape result;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) result.push_back(shape[axis]);
  return result;
}

}  // namespace

Tensor read_npy(ByteReader& source) {
  const Header header = read_header(source);
  const std::string type = std::string(name(header.dtype)) + header.shape.text();
  const std::optional<std::uint64_t> needed = bytes_of(header.shape, header.dtype);
  if (!needed) source.fail(type + " is too large");
  const std::uint64_t bytes = *needed;
  if (source.remaining() != bytes) {
    source.fail(type + " takes " + std::to_string(bytes) + " bytes, but " +
                std::to_string(source.remaining()) + " follow the header");
  }
  source.require(bytes);
  // In Fortran's order the file holds the transposed array in row-major order.
  const bool transposed = header.fortran_order && header.shape.rank() > 1;
  Tensor made = Tensor::empty(transposed ? reversed(header.shape) : header.shape, header.dtype);
  const TensorBody& body = made.body();
  source.read(body.data, bytes);
  if (header.swapped) swap_elements(body, bytes / size_of(header.dtype));
  if (header.dtype == bool_) {  // a bool of C++ is 0 or 1 and nothing else
    std::transform(body.data, body.data + bytes, body.data,
                   [](std::byte b) { return b == std::byte{0} ? std::byte{0} : std::byte{1}; });
  }
  if (!transposed) return made;
  std::vector<std::int64_t> strides(made.strides().rbegin(), made.strides().rend());
  return in_order(made.view(header.shape, strides, 0));
}

std::string npy_header(const Tensor& tensor) {
  constexpr std::array<std::string_view, dtype_count> spellings = {
      "|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<V2", "<f4", "<f8"};
  std::string sizes;
  for (const Dim size : tensor.shape()) sizes += (sizes.empty() ? "" : ", ") + size.text();
  if (tensor.rank() == 1) sizes += ",";
  std::string text = "{'descr': '" +
                     std::string(spellings[static_cast<std::size_t>(tensor.dtype())]) +
                     "', 'fortran_order': False, 'shape': (" + sizes + "), }";
  // NumPy leaves room for the outermost size to grow to 21 digits, then aligns the elements to 64
  // bytes.
  if (tensor.rank() > 0) text.append(21 - tensor.shape()[0].text().size(), ' ');
  const std::size_t length = (10 + text.size() + 1 + 63) / 64 * 64 - 10;
  text.append(length - text.size() - 1, ' ');
  text += '\n';
  std::string start(magic);
  start += {'\x01', '\x00', static_cast<char>(length & 0xffU), static_cast<char>(length >> 8U)};
  return start + text;
}

}  // namespace rill::detail
