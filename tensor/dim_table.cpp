#include <rill/tensor/dim_table.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include <rill/tensor/error.h>

namespace rill {

using namespace symbolic;  // NOLINT(google-build-using-namespace): the table is made of them

bool operator<(const DimTable::Atom& a, const DimTable::Atom& b) {
  if (a.kind != b.kind) return a.kind < b.kind;
  if (a.name != b.name) return a.name < b.name;
  return std::lexicographical_compare(a.arguments.begin(), a.arguments.end(), b.arguments.begin(),
                                      b.arguments.end(),
                                      [](Dim x, Dim y) { return x.bits() < y.bits(); });
}

DimTable& DimTable::instance() {
  static DimTable& table = *new DimTable;
  return table;
}

[[noreturn]] static void fail_long(const std::string& text) {
  throw ShapeError("a size has become an expression of more than " +
                   std::to_string(DimTable::longest_text) + " characters: " + text.substr(0, 60) +
                   "...: give the size a name of its own");
}

// ---- Interning --------------------------------------------------------------------------------

Dim DimTable::intern(Polynomial&& polynomial) {
  for (const auto& [monomial, coefficient] : polynomial) {
    if (!Dim::fits(coefficient)) fail_overflow();
  }
  if (is_constant(polynomial)) return {constant_term(polynomial)};
  auto found = numbers_.find(polynomial);
  if (found == numbers_.end()) {
    std::string text = text_of(polynomial);
    if (text.size() > longest_text) fail_long(text);
    found = numbers_.emplace(polynomial, static_cast<std::int64_t>(expressions_.size())).first;
    expressions_.push_back({std::move(polynomial), std::move(text)});
  }
  Dim dim;
  dim.bits_ = Dim::limit + found->second;
  return dim;
}

Dim DimTable::intern(Atom&& atom) {
  auto found = atom_numbers_.find(atom);
  if (found == atom_numbers_.end()) {
    found = atom_numbers_.emplace(atom, static_cast<AtomId>(atoms_.size())).first;
    atoms_.push_back(std::move(atom));
  }
  Polynomial polynomial;
  polynomial.emplace(Monomial{found->second}, 1);
  return intern(std::move(polynomial));
}

Dim DimTable::fresh() {
  Atom atom{Kind::name, {}, {}};
  do {  // a file may have brought such names with it
    atom.name = "?" + std::to_string(++last_fresh_);
  } while (atom_numbers_.contains(atom));
  return intern(std::move(atom));
}

Dim DimTable::unknown(std::string_view name) {
  DimTable& table = instance();
  const std::lock_guard lock(table.mutex);
  return table.named(name);
}

DimTable::Polynomial DimTable::polynomial_of(Dim dim) const {
  return dim.known() ? constant(dim.bits_) : expression_of(dim).polynomial;
}

const DimTable::Expression& DimTable::expression_of(Dim dim) const {
  return expressions_.at(static_cast<std::size_t>(dim.bits_ - Dim::limit));
}

const DimTable::Atom* DimTable::single_atom(const Polynomial& p) const {
  if (p.size() != 1 || p.begin()->second != 1 || p.begin()->first.size() != 1) return nullptr;
  return &atoms_[p.begin()->first.front()];
}

// ---- Arithmetic -------------------------------------------------------------------------------

Dim DimTable::quotient(Polynomial a, Polynomial b) {
  if (b.rbegin()->second < 0) {
    a = negated(a);
    b = negated(b);
  }
  auto [whole, rest] = divided(std::move(a), b);
  if (!rest.empty()) add(whole, polynomial_of(rest_quotient(std::move(rest), std::move(b))), 1);
  return intern(std::move(whole));
}

Dim DimTable::rest_quotient(Polynomial a, Polynomial b) {
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

std::optional<std::int64_t> DimTable::at_least(const Polynomial& p) const {
  if (const Atom* atom = single_atom(p)) return at_least(*atom);
  for (const auto& [monomial, coefficient] : p) {
    if (monomial.empty()) continue;
    if (coefficient < 0) return std::nullopt;
    for (AtomId id : monomial) {
      if (at_least(atoms_[id]).value_or(-1) < 0) return std::nullopt;
    }
  }
  return constant_term(p);
}

std::optional<std::int64_t> DimTable::at_least(const Atom& atom) const {
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

bool DimTable::never_below(Dim a, Dim b) const {
  Polynomial difference = polynomial_of(a);
  add(difference, polynomial_of(b), -1);
  return at_least(difference).value_or(-1) >= 0;
}

Dim DimTable::extremum(Kind kind, Dim a, Dim b) {
  // Nested ones are flattened, those that another decides are dropped, the rest is sorted.
  std::vector<Dim> arguments;
  const auto take = [&](Dim candidate) {
    const auto decides = [&](Dim winner, Dim loser) {
      return identical(winner, loser) ||
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

Dim DimTable::apply(char operation, Dim a, Dim b) {
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

Dim DimTable::sum(std::span<const std::pair<Dim, std::int64_t>> terms) {
  DimTable& table = instance();
  const std::lock_guard lock(table.mutex);
  Polynomial sum;
  for (const auto& [dim, factor] : terms) add(sum, table.polynomial_of(dim), factor);
  return table.intern(std::move(sum));
}

Dim DimTable::product(std::span<const Dim> factors) {
  DimTable& table = instance();
  const std::lock_guard lock(table.mutex);
  Polynomial product = constant(1);
  for (const Dim factor : factors) {
    product = times(product, table.polynomial_of(factor));
    if (product.size() > longest_text) fail_long(table.text_of(product));
  }
  return table.intern(std::move(product));
}

// ---- Substitution -----------------------------------------------------------------------------

Dim DimTable::substituted(Dim dim, const Lookup& lookup, std::map<std::int64_t, Dim>& done) {
  if (dim.known()) return dim;
  if (const auto found = done.find(dim.bits_); found != done.end()) return found->second;
  Polynomial polynomial;
  {
    const std::lock_guard lock(mutex);
    polynomial = polynomial_of(dim);
  }
  std::vector<std::pair<Dim, std::int64_t>> terms;
  for (const auto& [monomial, coefficient] : polynomial) {
    std::vector<Dim> factors;
    for (AtomId id : monomial) factors.push_back(substituted(id, lookup, done));
    terms.emplace_back(factors.size() == 1 ? factors[0] : product(factors), coefficient);
  }
  const Dim total = sum(terms);
  done.emplace(dim.bits_, total);
  return total;
}

Dim DimTable::substituted(AtomId id, const Lookup& lookup, std::map<std::int64_t, Dim>& done) {
  Atom atom{};
  {
    const std::lock_guard lock(mutex);
    atom = atoms_[id];
  }
  if (atom.kind == Kind::name) {
    const std::optional<Dim> value = lookup(atom.name);
    return value ? *value : unknown(atom.name);
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

// ---- Text -------------------------------------------------------------------------------------

std::string DimTable::text_of(Dim dim) const {
  return dim.known() ? std::to_string(dim.bits_) : expression_of(dim).text;
}

std::string DimTable::factor_text(Dim dim) const {
  std::string text = text_of(dim);
  if (dim.known() && dim.bits_ >= 0) return text;
  const Atom* atom = dim.known() ? nullptr : single_atom(expression_of(dim).polynomial);
  return atom != nullptr && atom->kind != Kind::quotient ? text : "(" + text + ")";
}

std::string DimTable::text_of(const Atom& atom, bool alone) const {
  if (atom.kind == Kind::name) return atom.name;
  if (atom.kind == Kind::quotient) {
    const std::string text = factor_text(atom.arguments[0]) + "/" + factor_text(atom.arguments[1]);
    return alone ? text : "(" + text + ")";
  }
  std::string text = atom.kind == Kind::max ? "max(" : "min(";
  for (Dim argument : atom.arguments) {
    if (text.size() > 4) text += ", ";
    text += text_of(argument);
  }
  return text + ")";
}

std::string DimTable::text_of(const Polynomial& polynomial) const {
  struct Term {
    std::size_t degree;
    std::string factors;
    std::int64_t coefficient;
  };
  std::vector<Term> terms;
  for (const auto& [monomial, coefficient] : polynomial) {
    const bool alone = monomial.size() == 1 && (coefficient == 1 || coefficient == -1);
    std::vector<std::string> factors;
    for (AtomId id : monomial) factors.push_back(text_of(atoms_[id], alone));
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

}  // namespace rill
