/// Polynomials with integer coefficients over numbered atoms: what symbolic sizes are made of.
/// Invariant: no coefficient is zero and none wraps around (an overflow is a `ShapeError`), so
/// equal polynomials have equal terms.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace rill::symbolic {

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

[[noreturn]] void fail_overflow();

/// Rounds towards minus infinity; `b` is positive.
constexpr std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

Polynomial constant(std::int64_t number);
bool is_constant(const Polynomial& p);
std::int64_t constant_term(const Polynomial& p);

/// to + factor * monomial * p
void add(Polynomial& to, const Polynomial& p, std::int64_t factor, const Monomial& monomial = {});
Polynomial times(const Polynomial& a, const Polynomial& b);
Polynomial negated(const Polynomial& p);

struct Division {
  Polynomial quotient;
  Polynomial remainder;
};
/// a = quotient * b + remainder, where no term of the remainder contains the leading term of `b`,
/// whose coefficient is positive. Unique, hence canonical.
Division divided(Polynomial a, const Polynomial& b);

/// Divides two polynomials by the factors that all of their terms share.
void cancel(Polynomial& a, Polynomial& b);

}  // namespace rill::symbolic
