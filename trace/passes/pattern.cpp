#include <rill/trace/passes/pattern.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <utility>

#include <rill/ops/call.h>
#include <rill/tensor/error.h>

namespace rill {
namespace {

/// sum := product (('+' | '-') product)*;  product := factor (('*' | '/') factor)*;
/// factor := '-' factor | number | letter | name '(' sum (',' sum)* ')' | '(' sum ')'
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Pattern whole() {
    Pattern pattern = sum();
    if (at_ != text_.size()) fail();
    return pattern;
  }

 private:
  [[noreturn]] void fail() const {
    throw InternalError("a rule is not understood: '" + std::string(text_) + "' at " +
                        std::to_string(at_));
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool next(char wanted) {
    skip();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  [[nodiscard]] Pattern call(std::string_view name, std::vector<Pattern> operands) const {
    const Op* const op = find_op(name);
    if (op == nullptr || op->attributes() != nullptr) fail();
    Pattern pattern{.kind = Pattern::Kind::op, .literal = {}, .op = op, .operands = {}};
    pattern.operands = std::move(operands);
    return pattern;
  }

  Pattern sum() {
    Pattern left = product();
    for (;;) {
      if (next('+')) {
        left = call("add", {left, product()});
      } else if (next('-')) {
        left = call("subtract", {left, product()});
      } else {
        return left;
      }
    }
  }
  Pattern product() {
    Pattern left = factor();
    for (;;) {
      if (next('*')) {
        left = call("multiply", {left, factor()});
      } else if (next('/')) {
        left = call("divide", {left, factor()});
      } else {
        return left;
      }
    }
  }
  Pattern factor() {
    if (next('-')) {
      Pattern of = factor();
      if (of.kind != Pattern::Kind::literal) return call("negative", {of});
      of.literal = -of.literal.real();
      return of;
    }
    if (next('(')) {
      Pattern inside = sum();
      if (!next(')')) fail();
      return inside;
    }
    skip();
    const char first = at_ < text_.size() ? text_[at_] : '\0';
    if (std::isdigit(static_cast<unsigned char>(first)) != 0) return literal();
    return named();
  }
  Pattern literal() {
    double value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail();
    at_ = static_cast<std::size_t>(end - text_.data());
    return {.kind = Pattern::Kind::literal, .literal = value, .operands = {}};
  }
  Pattern named() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
      ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (!next('(')) {
      if (name.size() != 1) fail();
      const bool number = name == "n" || name == "m" || name == "p";
      return {.kind = number ? Pattern::Kind::number : Pattern::Kind::value,
              .name = name[0],
              .literal = {},
              .operands = {}};
    }
    std::vector<Pattern> operands;
    do operands.push_back(sum());
    while (next(','));
    if (!next(')')) fail();
    return call(name, std::move(operands));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool Pattern::is_number() const {
  return kind == Kind::number || kind == Kind::literal ||
         (kind == Kind::op && std::all_of(operands.begin(), operands.end(),
                                          [](const Pattern& of) { return of.is_number(); }));
}

Pattern parse_pattern(std::string_view text) { return Parser(text).whole(); }

}  // namespace rill
