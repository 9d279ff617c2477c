// The command line of a sample: options, each followed by its value.
//
// Invariant: nothing is ignored. `--help` prints how to call the program and ends it well; what is
// not understood does so as well, with what is wrong, and ends it with 2.
#pragma once

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

class Options {
 public:
  /// `usage`: the program and its options, for example `char_gpt [--steps N]`; `known`: the
  /// options.
  Options(std::string usage, std::initializer_list<std::string_view> known, int argc, char** argv)
      : usage_("usage: " + std::move(usage) + "\n") {
    for (int i = 1; i < argc; ++i) {
      const std::string option = argv[i];
      if (option == "--help" || option == "-h") {
        std::fputs(usage_.c_str(), stdout);
        std::exit(0);
      }
      bool found = false;
      for (const std::string_view each : known) found = found || option == each;
      if (!found) refuse("there is no option " + option);
      if (++i == argc) refuse(option + " needs a value");
      values_[option] = argv[i];
    }
  }

  [[nodiscard]] std::optional<std::string> text(const std::string& option) const {
    const auto place = values_.find(option);
    if (place == values_.end()) return std::nullopt;
    return place->second;
  }
  /// The value of an option that takes a positive number, else `otherwise`.
  template <class Number>
  [[nodiscard]] Number positive(const std::string& option, Number otherwise) const {
    const auto value = text(option);
    if (!value) return otherwise;
    Number number{};
    const char* const end = value->data() + value->size();
    const auto [stop, error] = std::from_chars(value->data(), end, number);
    if (error != std::errc{} || stop != end || !(number > 0))
      refuse(option + " " + *value + ": must be a positive number");
    return number;
  }

 private:
  [[noreturn]] void refuse(const std::string& fault) const {
    std::fprintf(stderr, "%s\n%s", fault.c_str(), usage_.c_str());
    std::exit(2);
  }

  std::string usage_;
  std::map<std::string, std::string> values_;
};
