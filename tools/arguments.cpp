#include "arguments.h"

#include <algorithm>
#include <charconv>

Arguments::Arguments(std::string command, std::span<char*> given, const Known& known)
    : command_(std::move(command)) {
  const auto contains = [](const auto& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string word = given[i];
    if (!word.starts_with("--")) {
      words_.push_back(word);
    } else if (contains(known.plain, word)) {
      options_[word];
    } else if (!contains(known.valued, word)) {
      refuse("there is no option " + word);
    } else if (++i == given.size()) {
      refuse(word + " needs a value");
    } else {
      options_[word].emplace_back(given[i]);
    }
  }
}

std::vector<std::string> Arguments::words(std::initializer_list<std::string_view> names) const {
  if (words_.size() < names.size())
    refuse(std::string(names.begin()[words_.size()]) + " is missing");
  if (words_.size() > names.size()) refuse("'" + words_[names.size()] + "' is too much");
  return words_;
}

std::vector<std::string> Arguments::all(const std::string& option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? std::vector<std::string>() : found->second;
}

std::optional<std::string> Arguments::one(const std::string& option) const {
  const std::vector<std::string> values = all(option);
  if (values.size() > 1) refuse(option + " is given twice");
  return values.empty() ? std::nullopt : std::optional(values[0]);
}

std::optional<std::int64_t> Arguments::number(const std::string& option) const {
  const auto text = one(option);
  if (!text) return std::nullopt;
  const auto number = number_in(*text);
  if (!number || *number < 1) {
    refuse(std::string(option).append(" ").append(*text).append(": must be a positive number"));
  }
  return number;
}

std::vector<std::pair<std::string, std::string>> Arguments::pairs(const std::string& option) const {
  std::vector<std::pair<std::string, std::string>> made;
  for (const std::string& value : all(option)) {
    const std::size_t at = value.find('=');
    if (at == std::string::npos || at == 0 || at + 1 == value.size())
      refuse(std::string(option).append(" ").append(value).append(": must read name=value"));
    made.emplace_back(value.substr(0, at), value.substr(at + 1));
  }
  return made;
}

void Arguments::refuse(const std::string& fault) const { throw Misuse(command_ + ": " + fault); }

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}
