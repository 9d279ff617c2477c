#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/print.h>
#include <rill/tensor/rehearsal.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <new>
#include <ostream>
#include <type_traits>
#include <utility>
#include <vector>

namespace rill {
namespace {

// ---- Numbers in decimal -----------------------------------------------------------------------

/// digits[0].digits[1]digits[2]... * 10^exponent; no trailing zeros.
struct Decimal {
  std::string digits;
  int exponent = 0;
};

Decimal decimal_of(std::string_view scientific) {
  const std::size_t e = scientific.find('e');
  Decimal decimal;
  for (char c : scientific.substr(0, e)) {
    if (c != '.') decimal.digits += c;
  }
  while (decimal.digits.size() > 1 && decimal.digits.back() == '0') decimal.digits.pop_back();
  std::string_view exponent = scientific.substr(e + 1);
  if (exponent.front() == '+') exponent.remove_prefix(1);
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), decimal.exponent);
  return decimal;
}

/// `value` correctly rounded to `precision` digits after the point, or the shortest text for -1.
template <class T>
std::string formatted(T value, std::chars_format format, int precision) {
  std::array<char, 512> text{};  // at most 309 digits, a point, and the 100 of PrintOptions
  char* const end = text.data() + text.size();
  const auto result = precision < 0 ? std::to_chars(text.data(), end, value, format)
                                    : std::to_chars(text.data(), end, value, format, precision);
  return {text.data(), result.ptr};
}

/// The fewest digits that no other element of type `T` is closer to.
template <class T>
Decimal shortest(T magnitude) {
  if constexpr (std::is_floating_point_v<T>) {
    return decimal_of(formatted(magnitude, std::chars_format::scientific, -1));
  } else {
    const float value = magnitude;
    for (int precision = 0;; ++precision) {
      const std::string text = formatted(value, std::chars_format::scientific, precision);
      float read = 0;
      std::from_chars(text.data(), text.data() + text.size(), read);
      if (T(read).bits() == magnitude.bits() || precision == 8) return decimal_of(text);
    }
  }
}

/// A number on its way into a column: what stands before the point, after it, and the exponent.
struct Parts {
  std::string left;
  std::string right;
  int exponent = 0;
};

/// `x` without an exponent, with at most `precision` digits after the point.
template <class T>
Parts positional(T x, int precision) {
  const auto value = static_cast<double>(x);
  const Decimal decimal = shortest(std::signbit(value) ? T(-x) : x);
  Parts parts;
  const int digits = static_cast<int>(decimal.digits.size());
  if (digits - 1 - decimal.exponent > precision) {
    const std::string text = formatted(std::fabs(value), std::chars_format::fixed, precision);
    const std::size_t point = std::min(text.find('.'), text.size());
    parts.left = text.substr(0, point);
    parts.right = point == text.size() ? "" : text.substr(point + 1);
    while (!parts.right.empty() && parts.right.back() == '0') parts.right.pop_back();
  } else if (decimal.exponent < 0) {
    parts.left = "0";
    parts.right =
        std::string(static_cast<std::size_t>(-decimal.exponent) - 1, '0') + decimal.digits;
    if (decimal.digits == "0") parts.right.clear();
  } else {
    const auto whole = static_cast<std::size_t>(decimal.exponent) + 1;
    parts.left = decimal.digits.substr(0, whole);
    parts.left.resize(whole, '0');
    if (decimal.digits.size() > whole) parts.right = decimal.digits.substr(whole);
  }
  if (std::signbit(value)) parts.left.insert(0, 1, '-');
  return parts;
}

/// `x` with an exponent and one digit before the point.
template <class T>
Parts scientific(T x, int precision) {
  const auto value = static_cast<double>(x);
  Decimal decimal = shortest(std::signbit(value) ? T(-x) : x);
  if (static_cast<int>(decimal.digits.size()) - 1 > precision) {
    decimal = decimal_of(formatted(std::fabs(value), std::chars_format::scientific, precision));
  }
  return {(std::signbit(value) ? "-" : "") + decimal.digits.substr(0, 1), decimal.digits.substr(1),
          decimal.exponent};
}

std::string exponent_text(int exponent, std::size_t digits) {
  const std::string number = std::to_string(std::abs(exponent));
  return (exponent < 0 ? "e-" : "e+") +
         std::string(digits > number.size() ? digits - number.size() : 0, '0') + number;
}

std::string not_finite(double value) {
  return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
}

std::string padded(const std::string& text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

template <class T>
T element_at(const std::byte* at) {
  T element;
  std::memcpy(&element, at, sizeof element);
  return element;
}

// ---- A column of words of equal width, by dtype -----------------------------------------------

using Elements = std::vector<const std::byte*>;
using Words = std::vector<std::string>;

/// NumPy's rule: exponents for very large numbers and, unless suppressed, for very small ones and
/// large ratios.
template <class T>
bool needs_exponents(const Elements& elements, bool suppress) {
  // Compared as elements of the type: 0.0001 is not the same number in float16.
  const auto as_element = [](double value) {
    return static_cast<double>(T(static_cast<float>(value)));
  };
  double smallest = HUGE_VAL;
  double largest = 0;
  for (const std::byte* at : elements) {
    const double value = std::fabs(static_cast<double>(element_at<T>(at)));
    if (!std::isfinite(value) || value == 0) continue;
    smallest = std::min(smallest, value);
    largest = std::max(largest, value);
  }
  if (largest == 0) return false;
  // 10 to the digits that the type has for certain, 8 at most. (NumPy has no bfloat16.)
  const double large = std::is_same_v<T, float> ? 1e6 : std::is_same_v<T, Half> ? 1e3 : 1e8;
  if (largest >= large) return true;
  if (suppress) return false;
  if constexpr (std::is_same_v<T, double>) {
    return smallest < 0.0001 || largest / smallest > 1000.0;
  } else {
    return smallest < as_element(0.0001) || as_element(largest / smallest) > 1000.0;
  }
}

template <class T>
Words float_words(const Elements& elements, const PrintOptions& options) {
  const bool exponents = needs_exponents<T>(elements, options.suppress);
  std::vector<Parts> numbers;
  std::size_t left = 0;
  std::size_t right = 0;
  std::size_t exponent_digits = 2;
  bool all_finite = true;
  bool negative_infinity = false;
  bool any_finite = false;
  for (const std::byte* at : elements) {
    const T element = element_at<T>(at);
    const auto value = static_cast<double>(element);
    Parts parts;
    if (std::isfinite(value)) {
      parts = exponents ? scientific(element, options.precision)
                        : positional(element, options.precision);
      left = std::max(left, parts.left.size());
      right = std::max(right, parts.right.size());
      exponent_digits = std::max(exponent_digits, std::to_string(std::abs(parts.exponent)).size());
      any_finite = true;
    } else {
      all_finite = false;
      negative_infinity = negative_infinity || (std::isinf(value) && value < 0);
    }
    numbers.push_back(std::move(parts));
  }
  const std::size_t after_point = right + (exponents && any_finite ? exponent_digits + 2 : 0);
  if (!all_finite) {
    const std::size_t longest = negative_infinity ? 4 : 3;
    if (longest > after_point + 1) left = std::max(left, longest - after_point - 1);
  }
  Words words;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto value = static_cast<double>(element_at<T>(elements[i]));
    if (!std::isfinite(value)) {
      words.push_back(padded(not_finite(value), left + 1 + after_point));
      continue;
    }
    Parts& parts = numbers[i];
    if (exponents && parts.right.size() < right) {
      // All fractions of a column are equally long: with the number's true digits, not with zeros.
      const std::string text =
          formatted(std::fabs(value), std::chars_format::scientific, static_cast<int>(right));
      const Decimal decimal = decimal_of(text);
      parts.left.back() = decimal.digits.front();
      parts.right = decimal.digits.substr(1);
      parts.exponent = decimal.exponent;
    }
    parts.right.resize(right, exponents ? '0' : ' ');
    words.push_back(padded(parts.left, left) + "." + parts.right +
                    (exponents ? exponent_text(parts.exponent, exponent_digits) : ""));
  }
  return words;
}

template <class T>
Words integer_words(const Elements& elements) {
  Words words;
  std::size_t width = 0;
  for (const std::byte* at : elements) {
    words.push_back(std::to_string(element_at<T>(at)));
    width = std::max(width, words.back().size());
  }
  for (std::string& word : words) word = padded(word, width);
  return words;
}

Words words_of(DType dtype, const Elements& elements, const PrintOptions& options) {
  return visit(dtype, [&](auto zero) -> Words {
    using T = decltype(zero);
    if constexpr (std::is_same_v<T, bool>) {
      Words words;
      for (const std::byte* at : elements)
        words.emplace_back(element_at<T>(at) ? " True" : "False");
      return words;
    } else if constexpr (std::is_integral_v<T>) {
      return integer_words<T>(elements);
    } else {
      return float_words<T>(elements, options);
    }
  });
}

/// A number by itself: NumPy's text of a scalar, with all the digits that tell it apart.
std::string number_text(DType dtype, const void* element) {
  const auto* at = static_cast<const std::byte*>(element);
  return visit(dtype, [&](auto zero) -> std::string {
    using T = decltype(zero);
    const T number = element_at<T>(at);
    if constexpr (std::is_same_v<T, bool>) {
      return number ? "True" : "False";
    } else if constexpr (std::is_integral_v<T>) {
      return std::to_string(number);
    } else {
      const auto value = static_cast<double>(number);
      const double magnitude = std::fabs(value);
      // Where whole numbers are no longer all elements of the type, NumPy 2.3 and later show an
      // exponent.
      const double large = std::is_same_v<T, double> ? 1e16 : std::is_same_v<T, float> ? 1e6 : 1e3;
      constexpr int all_digits = 1100;  // more than any float has
      if (!std::isfinite(value)) return not_finite(value);
      if (magnitude == 0 || (magnitude >= 1e-4 && magnitude < large)) {
        const Parts parts = positional(number, all_digits);
        return parts.left + "." + (parts.right.empty() ? "0" : parts.right);
      }
      const Parts parts = scientific(number, all_digits);
      return parts.left + (parts.right.empty() ? "" : "." + parts.right) +
             exponent_text(parts.exponent, 2);
    }
  });
}

// ---- Rows, brackets and lines -----------------------------------------------------------------

/// Which items of an axis are shown: all, or some from each end.
struct Shown {
  std::int64_t leading = 0;  // then `...`, unless 0
  std::int64_t trailing = 0;
};

class Layout {
 public:
  Layout(const detail::TensorBody& body, const PrintOptions& options)
      : body_(body), options_(options) {
    summarised_ = body.shape.size().value() > options.threshold;
  }

  std::string text() {
    Elements elements;
    elements.reserve(static_cast<std::size_t>(shown_elements()));  // what no memory holds ends here
    collect(0, body_.data, elements);
    words_ = words_of(body_.dtype, elements, options_);
    return axis_text(0, " ", options_.line_width);
  }

 private:
  [[nodiscard]] Shown shown(int axis) const {
    const std::int64_t size = body_.shape[axis].value();
    if (!summarised_ || size / 2 < options_.edge_items ||
        size == 2 * std::int64_t{options_.edge_items}) {
      return {0, size};
    }
    return {options_.edge_items, options_.edge_items};
  }

  [[nodiscard]] std::int64_t shown_elements() const {
    std::int64_t count = 1;
    for (int axis = 0; axis < body_.shape.rank(); ++axis) {
      const auto [leading, trailing] = shown(axis);
      count *= leading + trailing;
    }
    return count;
  }

  /// The elements that are shown, in the order of the text.
  void collect(int axis, const std::byte* at, Elements& elements) const {
    if (axis == body_.shape.rank()) {
      elements.push_back(at);
      return;
    }
    const std::int64_t size = body_.shape[axis].value();
    const std::int64_t stride = body_.strides[static_cast<std::size_t>(axis)] *
                                static_cast<std::int64_t>(size_of(body_.dtype));
    const auto [leading, trailing] = shown(axis);
    for (std::int64_t i = 0; i < leading; ++i) collect(axis + 1, at + i * stride, elements);
    for (std::int64_t i = size - trailing; i < size; ++i)
      collect(axis + 1, at + i * stride, elements);
  }

  /// `indent` is what a line of this axis' items starts with, `width` the room up to its closing
  /// brackets.
  std::string axis_text(int axis, const std::string& indent, std::int64_t width) {
    const auto [leading, trailing] = shown(axis);
    const int axes_left = body_.shape.rank() - axis;
    std::string text;
    if (axes_left == 1) {
      std::string line = indent;
      const auto extend = [&](const std::string& word) {
        const auto needed = static_cast<std::int64_t>(line.size() + word.size());
        if (needed > width - 1 && line.size() > indent.size()) {
          line.erase(line.find_last_not_of(' ') + 1);
          text += line + "\n";
          line = indent;
        }
        line += word + " ";
      };
      for (std::int64_t i = 0; i < leading; ++i) extend(words_[next_++]);
      if (leading > 0) extend("...");
      for (std::int64_t i = 0; i < trailing; ++i) extend(words_[next_++]);
      line.pop_back();
      text += line;
    } else {
      const std::string separator(static_cast<std::size_t>(axes_left - 1), '\n');
      const auto extend = [&](const std::string& item) {
        if (!text.empty()) text += separator;
        text.append(indent).append(item);
      };
      const auto next = [&] { return axis_text(axis + 1, indent + " ", width - 1); };
      for (std::int64_t i = 0; i < leading; ++i) extend(next());
      if (leading > 0) extend("...");
      for (std::int64_t i = 0; i < trailing; ++i) extend(next());
    }
    return "[" + text.substr(indent.size()) + "]";
  }

  const detail::TensorBody& body_;
  const PrintOptions& options_;
  bool summarised_ = false;
  Words words_;
  std::size_t next_ = 0;
};

std::string text_unheard(const Tensor& tensor, const PrintOptions& options, Where where) {
  if (!tensor.defined() || tensor.abstract()) return tensor.type_text();
  if (!tensor.device().is_cpu())
    return text_unheard(tensor.to(Device::cpu(), where), options, where);
  if (tensor.rank() == 0) return number_text(tensor.dtype(), tensor.body().data);
  if (tensor.size() == 0) return "[]";
  try {
    return Layout(tensor.body(), options).text();
  } catch (const std::bad_alloc&) {
    throw OutOfMemoryError("text: there is no memory for the text of " + tensor.type_text() +
                           where.suffix());
  }
}

void require_sensible(const PrintOptions& options, const char* operation, Where where) {
  if (options.precision < 0 || options.precision > 100 || options.edge_items < 1 ||
      options.line_width < 1 || options.threshold < 0) {
    throw ValueError(std::string(operation) + ": precision " + std::to_string(options.precision) +
                     ", threshold " + std::to_string(options.threshold) + ", edge_items " +
                     std::to_string(options.edge_items) + ", line_width " +
                     std::to_string(options.line_width) +
                     ": the precision lies in [0, 100], edge_items and line_width are at least 1, "
                     "the threshold at least 0" +
                     where.suffix());
  }
}

std::mutex options_mutex;
PrintOptions current_options;

}  // namespace

void set_print_options(const PrintOptions& options, Where where) {
  require_sensible(options, "set_print_options", where);
  const std::lock_guard lock(options_mutex);
  current_options = options;
}

PrintOptions print_options() {
  const std::lock_guard lock(options_mutex);
  return current_options;
}

std::string text(const Tensor& tensor, const PrintOptions& options, Where where) {
  require_sensible(options, "text", where);
  if (tensor.defined() && !Listeners::none()) {
    Listeners::tell(&Listener::host_read, HostReadEvent{tensor, HostReadEvent::Kind::print, where});
  }
  return text_unheard(tensor, options, where);
}

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name(dtype); }
std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  return out << text(tensor, print_options(), {});
}

Printed::Printed(const Tensor& tensor) : tensor_(tensor), anything_(true) {
  if (!tensor.defined()) words_ = tensor.type_text();
}
Printed::Printed(std::string_view words) : words_(words), anything_(true) {}
Printed::Printed(const std::string& words) : Printed(std::string_view(words)) {}
Printed::Printed(const char* words) : words_(words), anything_(true) {}
Printed::Printed(Dim size) : words_(size.text()), unknown_size_(!size.known()), anything_(true) {}
Printed::Printed(const Shape& shape)
    : words_(shape.text()), unknown_size_(!shape.known()), anything_(true) {}
Printed::Printed(DType dtype) : words_(name(dtype)), anything_(true) {}
Printed::Printed(DType dtype, const void* element)
    : words_(number_text(dtype, element)), anything_(true) {}

void print(const Printed& first, const Printed& second, const Printed& third, const Printed& fourth,
           const Printed& fifth, const Printed& sixth, const Printed& seventh,
           const Printed& eighth, Where where) {
  std::vector<std::string> words(1);
  std::vector<Tensor> tensors;
  bool unknown_sizes = false;
  for (const Printed* item :
       {&first, &second, &third, &fourth, &fifth, &sixth, &seventh, &eighth}) {
    if (!item->anything()) continue;
    if (item != &first) words.back() += ' ';
    unknown_sizes = unknown_sizes || item->unknown_size();
    if (item->tensor().defined()) {
      tensors.push_back(item->tensor());
      words.emplace_back();
    } else {
      words.back() += item->words();
    }
  }
  detail::print_line(words, tensors, where, unknown_sizes);
}

namespace detail {
namespace {

thread_local bool unprinted = false;

}  // namespace

void print_line(std::span<const std::string> words, std::span<const Tensor> tensors, Where where,
                bool unknown_sizes) {
  if (!Listeners::none())
    Listeners::tell(&Listener::print, PrintEvent{words, tensors, unknown_sizes, where});
  if (Rehearsal::current() != nullptr || unprinted) return;
  std::string line = words[0];
  for (std::size_t k = 0; k < tensors.size(); ++k)
    line += text_unheard(tensors[k], print_options(), where) + words[k + 1];
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stdout);
}

Unprinted::Unprinted() : outer_(std::exchange(unprinted, true)) {}
Unprinted::~Unprinted() { unprinted = outer_; }

}  // namespace detail

}  // namespace rill
