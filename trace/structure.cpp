#include <rill/trace/structure.h>

#include <charconv>

namespace rill::detail {
namespace {

template <class T>
std::string digits(T number) {
  std::array<char, 32> text;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

}  // namespace

std::string fixed_text(std::string_view text) { return '"' + std::string(text) + '"'; }
std::string fixed_text(double number) { return digits(number); }
std::string fixed_text(long long number) { return digits(number); }
std::string fixed_text(unsigned long long number) { return digits(number); }

std::string LeafNames::path() const {
  std::string text;
  for (const std::string& part : path_) text += (text.empty() ? "" : "/") + part;
  return text;
}

}  // namespace rill::detail
