/// What a symbolic size may be called. Invariant: a name never reads as a number or as one of the
/// words of expressions, so texts of sizes parse in one way only.
#pragma once

#include <algorithm>
#include <string_view>

namespace rill::symbolic {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

/// A name that a user may give: `batch`.
constexpr bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && std::ranges::all_of(name, is_name_character) &&
         !is_digit(name.front()) && name != "max" && name != "min";
}
/// The name of a fresh unknown: `?1`.
constexpr bool is_fresh_name(std::string_view name) {
  return name.size() > 1 && name.size() <= 255 && name.front() == '?' &&
         std::ranges::all_of(name.substr(1), is_digit);
}

}  // namespace rill::symbolic
