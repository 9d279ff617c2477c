// Symbolic sizes. Every expression is a polynomial with integer coefficients over atoms: named and
// fresh unknowns, quotients, maxima and minima. Invariant: a polynomial and an atom are stored
// once, with arguments in canonical form, so that equal expressions are the same number in the
// table; an expression whose text would exceed `longest_text` is refused, which bounds all work and
// recursion.
#include <rill/tensor/dim.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <mutex>
#include <numeric>
#include <ostream>
#include <tuple>
#include <vector>

namespace rill {
namespace {

constexpr std::size_t longest_text = 1024;
constexpr int deepest_text = 100;  // parentheses within parentheses, when parsing

using AtomId = std::uint32_t;
/// A product of atoms: sorted, a power as repetition. Empty for the constant term.
using Monomial = std::vector<AtomId>;

/// By degree first: an order that multiplication keeps, which division needs.
struct ByDegree {
  bool operator()(const Monomial& a, const Monomial& b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};
/// Coefficients, none of them zero. The empty polynomial is 0.
using Polynomial = std::map<Monomial, std::int64_t, ByDegree>;

[[noreturn]] void fail_overflow() {
  throw detail::UnnamedError<ShapeError>(
      "a size overflows: its coefficients must lie in [-2^61, 2^61)");
}

std::int64_t checked_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) fail_overflow();
  return sum;
}

std::int64_t checked_product(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) fail_overflow();
  return product;
}

/// Rounds towards minus infinity; `b` is positive.
std::int64_t floor_quotient(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

Polynomial constant(std::int64_t number) {
  Polynomial p;
  if (number != 0) p.emplace(Monomial{}, number);
  return p;
}

bool is_constant(const Polynomial& p) {
  return p.empty() || (p.size() == 1 && p.begin()->first.empty());
}

std::int64_t constant_term(const Polynomial& p) {
  return p.empty() || !p.begin()->first.empty() ? 0 : p.begin()->second;
}

Monomial product(const Monomial& a, const Monomial& b) {
  Monomial both(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), both.begin());
  return both;
}

void add(Polynomial& to, const Monomial& monomial, std::int64_t coefficient) {
  const auto [at, added] = to.try_emplace(monomial, coefficient);
  if (!added) at->second = checked_sum(at->second, coefficient);
  if (at->second == 0) to.erase(at);
}

/// to + factor * monomial * p
void add(Polynomial& to, const Polynomial& p, std::int64_t factor, const Monomial& monomial = {}) {
  for (const auto& [other, coefficient] : p) {
    add(to, product(monomial, other), checked_product(coefficient, factor));
  }
}

Polynomial times(const Polynomial& a, const Polynomial& b) {
  Polynomial result;
  for (const auto& [monomial, coefficient] : a) add(result, b, coefficient, monomial);
  return result;
}

Polynomial negated(const Polynomial& p) {
  Polynomial result;
  add(result, p, -1);
  return result;
}

struct Division {
  Polynomial quotient;
  Polynomial remainder;
};

/// a = quotient * b + remainder, where no term of the remainder contains the leading term of `b`,
/// whose coefficient is positive. Unique, hence canonical.
Division divided(Polynomial a, const Polynomial& b) {
  const auto& [monomial, leading] = *b.rbegin();
  Division result;
  while (!a.empty()) {
    const auto [lead, coefficient] = *a.rbegin();
    Monomial rest;
    const bool contains = std::includes(lead.begin(), lead.end(), monomial.begin(), monomial.end());
    const std::int64_t factor = contains ? floor_quotient(coefficient, leading) : 0;
    if (factor != 0) {
      std::set_difference(lead.begin(), lead.end(), monomial.begin(), monomial.end(),
                          std::back_inserter(rest));
      add(result.quotient, rest, factor);
      add(a, b, checked_product(factor, -1), rest);
    }
    if (const auto left = a.find(lead); left != a.end()) {
      add(result.remainder, lead, left->second);
      a.erase(left);
    }
  }
  return result;
}

/// Divides two polynomials by the factors that all of their terms share.
void cancel(Polynomial& a, Polynomial& b) {
  std::int64_t divisor = 0;
  const bool constant_divisor = is_constant(b);
  Monomial shared = b.rbegin()->first;
  for (const Polynomial* p : {&a, &b}) {
    for (const auto& [monomial, coefficient] : *p) {
      // floor((g*x + k) / (g*c)) is floor((x + floor(k/g)) / c): the constant need not be a
      // multiple.
      if (p == &b || !constant_divisor || !monomial.empty())
        divisor = std::gcd(divisor, coefficient);
      Monomial both;
      std::set_intersection(shared.begin(), shared.end(), monomial.begin(), monomial.end(),
                            std::back_inserter(both));
      shared = std::move(both);
    }
  }
  if (divisor == 1 && shared.empty()) return;
  for (Polynomial* p : {&a, &b}) {
    Polynomial reduced;
    for (const auto& [monomial, coefficient] : *p) {
      Monomial rest;
      std::set_difference(monomial.begin(), monomial.end(), shared.begin(), shared.end(),
                          std::back_inserter(rest));
      if (const std::int64_t c = floor_quotient(coefficient, divisor); c != 0)
        add(reduced, rest, c);
    }
    *p = std::move(reduced);
  }
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(std::string_view name) {
  if (!name.empty() && name.front() == '?') {
    name.remove_prefix(1);
  } else if (name.empty() || is_digit(name.front()) || name == "max" || name == "min") {
    return false;
  }
  return !name.empty() && name.size() <= 255 &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

}  // namespace

/// All expressions of the process: number i is the bit pattern `limit + i`. Never destroyed, as
/// static objects may hold shapes. Methods expect the lock to be held, except `substituted`.
struct DimTable {
  enum class Kind : std::uint8_t { name, quotient, max, min };
  struct Atom {
    Kind kind;
    std::string name;
    std::vector<Dim> arguments;
    friend bool operator<(const Atom& a, const Atom& b) {
      if (a.kind != b.kind) return a.kind < b.kind;
      if (a.name != b.name) return a.name < b.name;
      return std::lexicographical_compare(a.arguments.begin(), a.arguments.end(),
                                          b.arguments.begin(), b.arguments.end(),
                                          [](Dim x, Dim y) { return x.bits() < y.bits(); });
    }
  };
  struct Expression {
    Polynomial polynomial;
    std::string text;
  };

  static DimTable& instance() {
    static DimTable& table = *new DimTable;
    return table;
  }

  // ---- Interning ------------------------------------------------------------------------------

  Dim intern(Polynomial&& polynomial) {
    for (const auto& [monomial, coefficient] : polynomial) {
      if (!Dim::fits(coefficient)) fail_overflow();
    }
    if (is_constant(polynomial)) return {constant_term(polynomial)};
    auto found = numbers.find(polynomial);
    if (found == numbers.end()) {
      std::string text = text_of(polynomial);
      if (text.size() > longest_text) {
        throw ShapeError("a size has become an expression of more than " +
                         std::to_string(longest_text) + " characters: " + text.substr(0, 60) +
                         "...: give the size a name of its own");
      }
      found = numbers.emplace(polynomial, static_cast<std::int64_t>(expressions.size())).first;
      expressions.push_back({std::move(polynomial), std::move(text)});
    }
    Dim dim;
    dim.bits_ = Dim::limit + found->second;
    return dim;
  }

  Dim intern(Atom&& atom) {
    auto found = atom_numbers.find(atom);
    if (found == atom_numbers.end()) {
      found = atom_numbers.emplace(atom, static_cast<AtomId>(atoms.size())).first;
      atoms.push_back(std::move(atom));
    }
    Polynomial polynomial;
    polynomial.emplace(Monomial{found->second}, 1);
    return intern(std::move(polynomial));
  }

  Dim named(std::string_view name) { return intern(Atom{Kind::name, std::string(name), {}}); }

  Polynomial polynomial_of(Dim dim) const {
    return dim.known() ? constant(dim.bits_) : expression_of(dim).polynomial;
  }
  const Expression& expression_of(Dim dim) const {
    return expressions.at(static_cast<std::size_t>(dim.bits_ - Dim::limit));
  }
  /// The atom that an expression consists of, or null.
  const Atom* single_atom(const Polynomial& p) const {
    if (p.size() != 1 || p.begin()->second != 1 || p.begin()->first.size() != 1) return nullptr;
    return &atoms[p.begin()->first.front()];
  }

  // ---- Arithmetic -----------------------------------------------------------------------------

  Dim quotient(Polynomial a, Polynomial b) {
    if (b.rbegin()->second < 0) {
      a = negated(a);
      b = negated(b);
    }
    auto [whole, rest] = divided(std::move(a), b);
    if (!rest.empty()) add(whole, polynomial_of(rest_quotient(std::move(rest), std::move(b))), 1);
    return intern(std::move(whole));
  }

  /// floor(a / b), where `a` holds no multiple of `b`.
  Dim rest_quotient(Polynomial a, Polynomial b) {
    cancel(a, b);
    if (is_constant(b)) {
      const std::int64_t divisor = constant_term(b);
      if (divisor == 1) return intern(std::move(a));
      if (is_constant(a)) return {floor_quotient(constant_term(a), divisor)};
      // (x / c) / d is x / (c * d).
      if (const Atom* inner = single_atom(a); inner != nullptr && inner->kind == Kind::quotient) {
        const Dim by = inner->arguments[1];
        std::int64_t both = 0;
        if (by.known() && by.bits_ > 0 && !__builtin_mul_overflow(by.bits_, divisor, &both) &&
            both < Dim::limit) {
          return quotient(polynomial_of(inner->arguments[0]), constant(both));
        }
      }
    }
    return intern(Atom{Kind::quotient, {}, {intern(std::move(a)), intern(std::move(b))}});
  }

  /// A number that the expression is never below, as unknown sizes are never negative.
  std::optional<std::int64_t> at_least(const Polynomial& p) const {
    if (const Atom* atom = single_atom(p)) return at_least(*atom);
    for (const auto& [monomial, coefficient] : p) {
      if (monomial.empty()) continue;
      if (coefficient < 0) return std::nullopt;
      for (AtomId id : monomial) {
        if (at_least(atoms[id]).value_or(-1) < 0) return std::nullopt;
      }
    }
    return constant_term(p);
  }
  std::optional<std::int64_t> at_least(const Atom& atom) const {
    std::optional<std::int64_t> bound;
    switch (atom.kind) {
      case Kind::name:
        return 0;
      case Kind::quotient: {
        const auto above = at_least(polynomial_of(atom.arguments[0]));
        const auto below = at_least(polynomial_of(atom.arguments[1]));
        if (above && *above >= 0 && below && *below >= 0) return 0;
        return std::nullopt;
      }
      case Kind::max:
        for (Dim argument : atom.arguments)
          bound = std::max(bound, at_least(polynomial_of(argument)));
        return bound;
      case Kind::min:
        bound = at_least(polynomial_of(atom.arguments.front()));
        for (Dim argument : atom.arguments)
          bound = std::min(bound, at_least(polynomial_of(argument)));
        return bound;
    }
    return std::nullopt;
  }
  bool never_below(Dim a, Dim b) const {
    Polynomial difference = polynomial_of(a);
    add(difference, polynomial_of(b), -1);
    return at_least(difference).value_or(-1) >= 0;
  }

  Dim extremum(Kind kind, Dim a, Dim b) {
    // Nested ones are flattened, those that another decides are dropped, the rest is sorted.
    std::vector<Dim> arguments;
    const auto take = [&](Dim candidate) {
      const auto decides = [&](Dim winner, Dim loser) {
        return winner == loser ||
               (kind == Kind::max ? never_below(winner, loser) : never_below(loser, winner));
      };
      for (Dim other : arguments) {
        if (decides(other, candidate)) return;
      }
      std::erase_if(arguments, [&](Dim other) { return decides(candidate, other); });
      arguments.push_back(candidate);
    };
    for (Dim dim : {a, b}) {
      const Polynomial p = polynomial_of(dim);
      const Atom* atom = single_atom(p);
      if (atom != nullptr && atom->kind == kind) {
        const std::vector<Dim> inner = atom->arguments;
        for (Dim argument : inner) take(argument);
      } else {
        take(dim);
      }
    }
    if (arguments.size() == 1) return arguments.front();
    std::sort(arguments.begin(), arguments.end(), [&](Dim x, Dim y) {
      return std::tuple(x.known(), text_of(x)) < std::tuple(y.known(), text_of(y));
    });
    return intern(Atom{kind, {}, std::move(arguments)});
  }

  Dim apply(char operation, Dim a, Dim b) {
    if (operation == 'M') return extremum(Kind::max, a, b);
    if (operation == 'm') return extremum(Kind::min, a, b);
    Polynomial x = polynomial_of(a);
    const Polynomial y = polynomial_of(b);
    if (operation == '*') return intern(times(x, y));
    if (operation == '+' || operation == '-') {
      add(x, y, operation == '+' ? 1 : -1);
      return intern(std::move(x));
    }
    if (y.empty()) throw ValueError("the size " + text_of(a) + " is divided by zero");
    const Dim whole = quotient(x, y);
    if (operation == '/') return whole;
    // With the remainder as a - b * (a / b), it and the quotient always add up.
    add(x, times(y, polynomial_of(whole)), -1);
    return intern(std::move(x));
  }

  // ---- Substitution ---------------------------------------------------------------------------

  using Lookup = std::function<std::optional<Dim>(std::string_view)>;

  /// Without the lock, as `lookup` may use sizes.
  Dim substituted(Dim dim, const Lookup& lookup, std::map<std::int64_t, Dim>& done) {
    if (dim.known()) return dim;
    if (const auto found = done.find(dim.bits_); found != done.end()) return found->second;
    Polynomial polynomial;
    {
      const std::lock_guard lock(mutex);
      polynomial = polynomial_of(dim);
    }
    Dim sum = 0;
    for (const auto& [monomial, coefficient] : polynomial) {
      Dim term = coefficient;
      for (AtomId id : monomial) term = term * substituted(id, lookup, done);
      sum = sum + term;
    }
    done.emplace(dim.bits_, sum);
    return sum;
  }
  Dim substituted(AtomId id, const Lookup& lookup, std::map<std::int64_t, Dim>& done) {
    Atom atom{};
    {
      const std::lock_guard lock(mutex);
      atom = atoms[id];
    }
    if (atom.kind == Kind::name) {
      const std::optional<Dim> value = lookup(atom.name);
      return value ? *value : Dim(std::string_view(atom.name));
    }
    Dim result = substituted(atom.arguments[0], lookup, done);
    for (std::size_t i = 1; i < atom.arguments.size(); ++i) {
      const Dim next = substituted(atom.arguments[i], lookup, done);
      result = atom.kind == Kind::quotient ? result / next
               : atom.kind == Kind::max    ? Dim::max(result, next)
                                           : Dim::min(result, next);
    }
    return result;
  }

  // ---- Text -----------------------------------------------------------------------------------

  std::string text_of(Dim dim) const {
    return dim.known() ? std::to_string(dim.bits_) : expression_of(dim).text;
  }

  /// As a factor or divisor: in parentheses unless a number or a single word.
  std::string factor_text(Dim dim) const {
    std::string text = text_of(dim);
    if (dim.known() && dim.bits_ >= 0) return text;
    const Atom* atom = dim.known() ? nullptr : single_atom(expression_of(dim).polynomial);
    return atom != nullptr && atom->kind != Kind::quotient ? text : "(" + text + ")";
  }

  std::string text_of(const Atom& atom, bool alone) const {
    if (atom.kind == Kind::name) return atom.name;
    if (atom.kind == Kind::quotient) {
      const std::string text =
          factor_text(atom.arguments[0]) + "/" + factor_text(atom.arguments[1]);
      return alone ? text : "(" + text + ")";
    }
    std::string text = atom.kind == Kind::max ? "max(" : "min(";
    for (Dim argument : atom.arguments) {
      if (text.size() > 4) text += ", ";
      text += text_of(argument);
    }
    return text + ")";
  }

  std::string text_of(const Polynomial& polynomial) const {
    struct Term {
      std::size_t degree;
      std::string factors;
      std::int64_t coefficient;
    };
    std::vector<Term> terms;
    for (const auto& [monomial, coefficient] : polynomial) {
      const bool alone = monomial.size() == 1 && (coefficient == 1 || coefficient == -1);
      std::vector<std::string> factors;
      for (AtomId id : monomial) factors.push_back(text_of(atoms[id], alone));
      std::sort(factors.begin(), factors.end());
      Term term{monomial.size(), {}, coefficient};
      for (const std::string& factor : factors) {
        if (!term.factors.empty()) term.factors += "*";
        term.factors += factor;
      }
      terms.push_back(std::move(term));
    }
    std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) {
      return a.degree != b.degree ? a.degree > b.degree : a.factors < b.factors;
    });
    std::string text;
    for (const Term& term : terms) {
      if (term.coefficient < 0) {
        text += "-";
      } else if (!text.empty()) {
        text += "+";
      }
      std::string number = std::to_string(term.coefficient);
      if (number.front() == '-') number.erase(0, 1);
      if (term.degree == 0) {
        text += number;
      } else if (number == "1") {
        text += term.factors;
      } else {
        text += number + "*" + term.factors;
      }
    }
    return text;
  }

  std::mutex mutex;
  std::deque<Expression> expressions;
  std::map<Polynomial, std::int64_t> numbers;
  std::deque<Atom> atoms;
  std::map<Atom, AtomId> atom_numbers;
  std::int64_t last_fresh = 0;
};

Dim::Dim(std::string_view name) {
  if (!is_name(name)) {
    throw ValueError("a size cannot be named '" + std::string(name.substr(0, 60)) +
                     "': a name has letters, digits and '_', does not start with a digit, and is "
                     "not 'max' or 'min'");
  }
  DimTable& table = DimTable::instance();
  const std::lock_guard lock(table.mutex);
  *this = table.named(name);
}

Dim Dim::fresh() {
  DimTable& table = DimTable::instance();
  const std::lock_guard lock(table.mutex);
  DimTable::Atom atom{DimTable::Kind::name, {}, {}};
  do {  // a file may have brought such names with it
    atom.name = "?" + std::to_string(++table.last_fresh);
  } while (table.atom_numbers.contains(atom));
  return table.intern(std::move(atom));
}

std::int64_t Dim::fail_unknown() const {
  throw detail::UnnamedError<ValueError>("the size '" + text() + "' is not known here");
}

void Dim::fail_range() {
  throw detail::UnnamedError<ValueError>("a size is outside [-2^61, 2^61)");
}

Dim Dim::symbolic(char operation, Dim a, Dim b) {
  if (a.known() && b.known()) {  // sizes of eager operations: no lock
    if (operation == 'M') return a.bits_ > b.bits_ ? a : b;
    if (operation == 'm') return a.bits_ < b.bits_ ? a : b;
    if (b.bits_ > 0 && operation == '/') return {floor_quotient(a.bits_, b.bits_)};
    if (b.bits_ > 0 && operation == '%') {
      return {a.bits_ - b.bits_ * floor_quotient(a.bits_, b.bits_)};
    }
  }
  DimTable& table = DimTable::instance();
  const std::lock_guard lock(table.mutex);
  return table.apply(operation, a, b);
}

Dim Dim::substitute(const std::function<std::optional<Dim>(std::string_view)>& lookup) const {
  std::map<std::int64_t, Dim> done;
  return DimTable::instance().substituted(*this, lookup, done);
}

std::string Dim::text() const {
  if (known()) return std::to_string(bits_);
  DimTable& table = DimTable::instance();
  const std::lock_guard lock(table.mutex);
  return table.text_of(*this);
}

std::ostream& operator<<(std::ostream& out, Dim dim) { return out << dim.text(); }

// ---- Parsing: sum = [-] product {(+|-) product}; product = factor {(*|/|%) factor} ------------

namespace {

class DimParser {
 public:
  explicit DimParser(std::string_view text) : text_(text) {}

  Dim parse() {
    if (text_.size() > longest_text) fail("it is longer than a size can be");
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
    Dim result = accept('-') ? Dim(0) - product() : product();
    for (;;) {
      if (accept('+')) {
        result = result + product();
      } else if (accept('-')) {
        result = result - product();
      } else {
        --depth_;
        return result;
      }
    }
  }

  Dim product() {
    Dim result = factor();
    for (;;) {
      if (accept('*')) {
        result = result * factor();
      } else if (accept('/')) {
        result = result / factor();
      } else if (accept('%')) {
        result = result % factor();
      } else {
        return result;
      }
    }
  }

  Dim factor() {
    if (accept('(')) {
      const Dim inner = sum();
      expect(')');
      return inner;
    }
    const std::size_t first = at_;
    if (at_ < text_.size() && text_[at_] == '?') ++at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    const std::string_view word = text_.substr(first, at_ - first);
    skip_blanks();
    if (word.empty()) fail("expected a number or a name");
    if (is_digit(word.front())) return number(word);
    if (word == "max" || word == "min") return extremum(word == "max");
    return Dim(word);
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
    while (accept(',')) result = largest ? Dim::max(result, sum()) : Dim::min(result, sum());
    expect(')');
    return result;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
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
