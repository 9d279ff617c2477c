// Reads what `Dim::text` writes: sum = [-] product {(+|-) product}; product = factor {(*|/|%)
// factor}. Invariant: texts are bounded in length and depth before anything recurses.
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rill/tensor/dim.h>
#include <rill/tensor/dim_name.h>
#include <rill/tensor/dim_table.h>
#include <rill/tensor/error.h>

namespace rill {
namespace {

constexpr int deepest_text = 100;  // parentheses within parentheses
constexpr std::size_t longest_plain = 256;

class DimParser {
 public:
  explicit DimParser(std::string_view text) : text_(text) {}

  Dim parse() {
    if (text_.size() > DimTable::longest_text) fail("it is longer than a size can be");
    const Dim dim = sum();
    if (at_ != text_.size()) fail("unexpected '" + std::string(1, text_[at_]) + "'");
    return dim;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError("the size '" + std::string(text_.substr(0, 60)) +
                      "' cannot be read: " + what + " at character " + std::to_string(at_ + 1));
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    skip_blanks();
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("expected '") + c + "'");
  }

  Dim sum() {
    if (++depth_ > deepest_text) fail("it is nested too deeply");
    std::vector<std::pair<Dim, std::int64_t>> terms;
    const std::int64_t sign = accept('-') ? -1 : 1;
    terms.emplace_back(product(), sign);
    for (;;) {
      if (accept('+')) {
        terms.emplace_back(product(), 1);
      } else if (accept('-')) {
        terms.emplace_back(product(), -1);
      } else {
        --depth_;
        return terms.size() == 1 && sign == 1 ? terms[0].first : DimTable::sum(terms);
      }
    }
  }

  Dim product() {
    std::vector<Dim> factors = {factor()};
    for (;;) {
      if (accept('*')) {
        factors.push_back(factor());
      } else if (accept('/')) {
        factors = {counted(product_of(factors) / factor())};
      } else if (accept('%')) {
        factors = {counted(product_of(factors) % factor())};
      } else {
        return product_of(factors);
      }
    }
  }
  /// Each of these is kept with a text of its own: nested ones take memory by the square.
  Dim counted(Dim size) {
    kept_ += size.text().size();
    if (kept_ > 16 * text_.size() + longest_plain) fail("it is nested too deeply");
    return size;
  }
  static Dim product_of(const std::vector<Dim>& factors) {
    return factors.size() == 1 ? factors[0] : DimTable::product(factors);
  }

  Dim factor() {
    if (accept('(')) {
      const Dim inner = sum();
      expect(')');
      return inner;
    }
    const std::size_t first = at_;
    if (at_ < text_.size() && text_[at_] == '?') ++at_;
    while (at_ < text_.size() && symbolic::is_name_character(text_[at_])) ++at_;
    const std::string_view word = text_.substr(first, at_ - first);
    skip_blanks();
    if (word.empty()) fail("expected a number or a name");
    if (symbolic::is_digit(word.front())) return number(word);
    if (word == "max" || word == "min") return extremum(word == "max");
    return symbolic::is_fresh_name(word) ? DimTable::unknown(word) : Dim(word);
  }

  Dim number(std::string_view word) const {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) {
      fail("'" + std::string(word.substr(0, 60)) + "' is no size");
    }
    return {value};
  }

  Dim extremum(bool largest) {
    expect('(');
    Dim result = sum();
    while (accept(','))
      result = counted(largest ? Dim::max(result, sum()) : Dim::min(result, sum()));
    expect(')');
    return result;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::size_t kept_ = 0;
};

}  // namespace

Dim Dim::parse(std::string_view text) {
  DimParser parser(text);
  try {
    return parser.parse();
  } catch (const FormatError&) {
    throw;
  } catch (const Error& error) {  // overflow, division by zero, a word that is no name
    parser.fail(error.what());
  }
}

}  // namespace rill
