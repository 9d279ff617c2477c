/// The user's line, captured by default arguments, so that errors, graphs and profiles name it for
/// free. Invariant: holds a file's name without its folder; costs two constants at the call.
#pragma once

#include <concepts>
#include <string>

#include <rill/tensor/export.h>

namespace rill {

/// A place in the user's source. `std::source_location` is missing from clang 14's library.
///
///     void build(int layers, Where where = Where::here());
struct Where {
  const char* file = nullptr;
  int line = 0;

  constexpr Where() = default;
  /// Takes a name and no 0, which would be a null pointer: `transpose(x, {0, 1})` names axes.
  template <std::same_as<const char*> Name>
  constexpr Where(Name name, int number) : file(name), line(number) {}

  /// The caller's place, when used as a default argument.
  static constexpr Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
  [[nodiscard]] constexpr bool known() const { return file != nullptr; }
  /// `model.cpp:41`, or nothing where the place is unknown.
  [[nodiscard]] RILL_API std::string text() const;
  /// The same place for what outlives the code that names it: a library may be unloaded, and its
  /// files' names with it.
  [[nodiscard]] RILL_API Where kept() const;
  /// `, at model.cpp:41`, the end of an error's text, or nothing. Within a function of rill's that
  /// calls others, the place where the user called that function.
  [[nodiscard]] RILL_API std::string suffix() const;
};

}  // namespace rill
