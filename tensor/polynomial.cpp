#include <rill/tensor/polynomial.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill::symbolic {
namespace {

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

}  // namespace

void fail_overflow() {
  throw detail::UnnamedError<ShapeError>(
      "a size overflows: its coefficients must lie in [-2^61, 2^61)");
}

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

void add(Polynomial& to, const Polynomial& p, std::int64_t factor, const Monomial& monomial) {
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

}  // namespace rill::symbolic
