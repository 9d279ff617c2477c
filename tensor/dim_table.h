/// `DimTable`: all symbolic sizes of the process. Every expression is a polynomial with integer
/// coefficients over atoms: named and fresh unknowns, quotients, maxima and minima.
/// Invariant: a polynomial and an atom are stored once, with arguments in canonical form, so that
/// equal expressions are the same number in the table; an expression whose text would exceed
/// `longest_text` is refused, which bounds all work and recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rill/tensor/dim.h>
#include <rill/tensor/polynomial.h>

namespace rill {

/// Expression number i is the bit pattern `Dim::limit + i`. Methods expect the lock to be held,
/// except those that say so, and `substituted`.
struct DimTable {
  static constexpr std::size_t longest_text = 1024;

  using AtomId = symbolic::AtomId;
  using Polynomial = symbolic::Polynomial;
  enum class Kind : std::uint8_t { name, quotient, max, min };
  struct Atom {
    Kind kind;
    std::string name;
    std::vector<Dim> arguments;
    friend bool operator<(const Atom& a, const Atom& b);
  };
  struct Expression {
    Polynomial polynomial;
    std::string text;
  };

  /// The one table. Never destroyed, as static objects may hold shapes.
  static DimTable& instance();

  // ---- Interning ------------------------------------------------------------------------------
  Dim intern(Polynomial&& polynomial);
  Dim intern(Atom&& atom);
  Dim named(std::string_view name) { return intern(Atom{Kind::name, std::string(name), {}}); }
  Dim fresh();
  /// Of a name that has been looked at, a fresh unknown's too. Takes the lock.
  static Dim unknown(std::string_view name);

  // ---- Arithmetic -----------------------------------------------------------------------------
  /// One of + - * / %, or M and m for the larger and the smaller.
  Dim apply(char operation, Dim a, Dim b);
  /// Of any number of sizes, without an expression for each sum and product on the way: texts from
  /// files may be long. Take the lock.
  static Dim sum(std::span<const std::pair<Dim, std::int64_t>> terms);  ///< times these numbers
  static Dim product(std::span<const Dim> factors);

  // ---- Substitution ---------------------------------------------------------------------------
  using Lookup = std::function<std::optional<Dim>(std::string_view)>;
  /// Without the lock, as `lookup` may use sizes. `done` remembers what has been substituted.
  Dim substituted(Dim dim, const Lookup& lookup, std::map<std::int64_t, Dim>& done);

  // ---- Text -----------------------------------------------------------------------------------
  [[nodiscard]] std::string text_of(Dim dim) const;

  std::mutex mutex;

 private:
  [[nodiscard]] Polynomial polynomial_of(Dim dim) const;
  [[nodiscard]] const Expression& expression_of(Dim dim) const;
  /// The atom that an expression consists of, or null.
  [[nodiscard]] const Atom* single_atom(const Polynomial& p) const;

  Dim quotient(Polynomial a, Polynomial b);
  /// floor(a / b), where `a` holds no multiple of `b`.
  Dim rest_quotient(Polynomial a, Polynomial b);
  Dim extremum(Kind kind, Dim a, Dim b);
  /// A number that the expression is never below, as unknown sizes are never negative.
  [[nodiscard]] std::optional<std::int64_t> at_least(const Polynomial& p) const;
  [[nodiscard]] std::optional<std::int64_t> at_least(const Atom& atom) const;
  [[nodiscard]] bool never_below(Dim a, Dim b) const;

  Dim substituted(AtomId id, const Lookup& lookup, std::map<std::int64_t, Dim>& done);

  /// As a factor or divisor: in parentheses unless a number or a single word.
  [[nodiscard]] std::string factor_text(Dim dim) const;
  [[nodiscard]] std::string text_of(const Atom& atom, bool alone) const;
  [[nodiscard]] std::string text_of(const Polynomial& polynomial) const;

  std::deque<Expression> expressions_;
  std::map<Polynomial, std::int64_t> numbers_;
  std::deque<Atom> atoms_;
  std::map<Atom, AtomId> atom_numbers_;
  std::int64_t last_fresh_ = 0;
};

}  // namespace rill
