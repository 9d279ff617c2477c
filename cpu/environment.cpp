#include <rill/cpu/environment.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>

#include <rill/tensor/error.h>

namespace rill::cpu::environment {
namespace {

constexpr int most_threads = 1024;

[[noreturn]] void reject(std::string_view variable, std::string_view value,
                         const std::string& rule) {
  throw ValueError(std::string(variable) + "=" + std::string(value) + ": must be " + rule);
}

template <class Number>
std::optional<Number> whole_number(std::string_view digits) {
  Number number{};
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::string> text(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

std::int64_t parse_integer(std::string_view variable, std::string_view value, std::int64_t least,
                           std::int64_t most) {
  const auto number = whole_number<std::int64_t>(value);
  if (!number || *number < least || *number > most) {
    reject(variable, value,
           "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return *number;
}

std::size_t parse_bytes(std::string_view variable, std::string_view value) {
  constexpr std::string_view suffixes = "KMGT";
  std::string_view digits = value;
  int shift = 0;
  if (!digits.empty()) {
    const auto suffix = suffixes.find(digits.back());
    if (suffix != std::string_view::npos) {
      shift = 10 * (static_cast<int>(suffix) + 1);
      digits.remove_suffix(1);
    }
  }
  const auto number = whole_number<std::size_t>(digits);
  if (!number || *number == 0 || *number > (std::numeric_limits<std::size_t>::max() >> shift)) {
    reject(variable, value, "a positive number of bytes, for example 1073741824, 512M or 4G");
  }
  return *number << shift;
}

bool parse_flag(std::string_view variable, std::string_view value) {
  if (value == "0") return false;
  if (value == "1") return true;
  reject(variable, value, "0 or 1");
}

std::size_t parse_choice(std::string_view variable, std::string_view value,
                         std::span<const std::string_view> allowed) {
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    if (value == allowed[i]) return i;
  }
  std::string rule = "one of";
  for (std::size_t i = 0; i < allowed.size(); ++i)
    rule += (i == 0 ? " " : ", ") + std::string(allowed[i]);
  reject(variable, value, rule);
}

std::optional<int> threads() {
  const auto value = text("RILL_THREADS");
  if (!value) return std::nullopt;
  return static_cast<int>(parse_integer("RILL_THREADS", *value, 1, most_threads));
}

std::optional<Level> cpu_level() {
  const auto value = text("RILL_CPU");
  if (!value) return std::nullopt;
  std::array<std::string_view, levels.size()> names;
  for (std::size_t i = 0; i < levels.size(); ++i) names[i] = name_of(levels[i]);
  return levels[parse_choice("RILL_CPU", *value, names)];
}

std::optional<std::string> cache_dir() { return text("RILL_CACHE_DIR"); }

std::optional<std::size_t> memory_limit() {
  const auto value = text("RILL_MEMORY_LIMIT");
  if (!value) return std::nullopt;
  return parse_bytes("RILL_MEMORY_LIMIT", *value);
}

bool bounds() {
  const auto value = text("RILL_BOUNDS");
  return value && parse_flag("RILL_BOUNDS", *value);
}

std::optional<std::string> llvm_module() { return text("RILL_LLVM_MODULE"); }
std::optional<std::string> onnx_module() { return text("RILL_ONNX_MODULE"); }

bool logs(std::string_view topic) {
  static constexpr std::array<std::string_view, 2> topics = {"kernels", "passes"};
  const auto value = text("RILL_LOG");
  bool found = false;
  for (std::size_t first = 0; value && first <= value->size();) {
    const std::size_t end = std::min(value->find(',', first), value->size());
    const auto named = std::string_view(*value).substr(first, end - first);
    found = topics[parse_choice("RILL_LOG", named, topics)] == topic || found;
    first = end + 1;
  }
  return found;
}

void check() {
  threads();
  cpu_level();
  level();
  memory_limit();
  bounds();
  logs({});
}

}  // namespace rill::cpu::environment
