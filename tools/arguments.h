// What stands behind a command: words, and options with their values.
// Invariant: nothing is ignored: what a command does not take is a `Misuse`.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A command line that the program does not take: it ends with 2.
class Misuse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Arguments {
 public:
  struct Known {
    std::initializer_list<std::string_view> valued;      ///< `--input`: each is followed by a value
    std::initializer_list<std::string_view> plain = {};  ///< `--planned`
  };
  Arguments(std::string command, std::span<char*> given, const Known& known);

  /// Exactly these words: `words({"FILE", "PICTURE"})`.
  [[nodiscard]] std::vector<std::string> words(std::initializer_list<std::string_view> names) const;
  [[nodiscard]] bool has(const std::string& option) const { return options_.contains(option); }
  /// Every value of an option, in order.
  [[nodiscard]] std::vector<std::string> all(const std::string& option) const;
  [[nodiscard]] std::optional<std::string> one(const std::string& option) const;
  [[nodiscard]] std::optional<std::int64_t> number(const std::string& option) const;
  /// The values of an option as `name=value`.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> pairs(
      const std::string& option) const;

  [[noreturn]] void refuse(const std::string& fault) const;

 private:
  std::string command_;
  std::vector<std::string> words_;
  std::map<std::string, std::vector<std::string>> options_;
};

/// The number that a text is. Nothing for another text.
std::optional<std::int64_t> number_in(std::string_view text);
