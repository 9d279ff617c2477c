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

/// A name of a user's (`batch`), or of a fresh unknown (`?1`).
constexpr bool is_name(std::string_view name) {
  if (!name.empty() && name.front() == '?') {
    name.remove_prefix(1);
  } else if (name.empty() || is_digit(name.front()) || name == "max" || name == "min") {
    return false;
  }
  return !name.empty() && name.size() <= 255 && std::ranges::all_of(name, is_name_character);
}

}  // namespace rill::symbolic
