#include <rill/trace/fusion/linear.h>

namespace rill {

using kernel::Code;
using kernel::Id;
using kernel::Value;

void Linear::add(Id of, Dim times) {
  if (times == Dim(0)) return;
  const auto [found, is_new] = terms.try_emplace(of, times);
  if (is_new) return;
  found->second = found->second + times;
  if (found->second == Dim(0)) terms.erase(found);
}

void Linear::add(const Linear& other, Dim times) {
  for (const auto& [of, count] : other.terms) add(of, count * times);
  constant = constant + other.constant * times;
}

const Linear& Positions::linear(const Value& position) {
  const Id id = position.id();
  if (const auto found = known_.find(id); found != known_.end()) return found->second;
  Linear parts = taken_apart(id);
  return known_[id] = std::move(parts);
}

Linear Positions::taken_apart(Id id) {
  const kernel::Expr expr = builder_.program().exprs[id];  // a copy: the pool grows meanwhile
  Linear result;
  if (const auto size = sizes_.dim(id)) {
    result.constant = *size;
    return result;
  }
  const auto operand = [&](std::size_t k) -> const Linear& {
    return linear(expression(expr.args[k]));
  };
  switch (expr.code) {
    case Code::add:
    case Code::subtract:
      result = operand(0);
      result.add(operand(1), expr.code == Code::add ? 1 : -1);
      return result;
    case Code::negate:
      result.add(operand(0), -1);
      return result;
    case Code::multiply: {
      const Linear& a = operand(0);
      const Linear& b = operand(1);
      if (!a.is_constant() && !b.is_constant()) break;
      result.add(a.is_constant() ? b : a, a.is_constant() ? a.constant : b.constant);
      return result;
    }
    case Code::divide:
    case Code::modulo: {
      const Linear& a = operand(0);
      const Linear& b = operand(1);
      if (!b.is_constant() || (b.constant.known() && b.constant.value() <= 0)) break;
      const Dim divisor = b.constant;
      result = quotient(a, divisor);
      if (expr.code == Code::divide) return result;
      Linear rest = a;
      rest.add(result, Dim(0) - divisor);
      return rest;
    }
    default:
      break;
  }
  result.add(id, 1);
  return result;
}

Linear Positions::quotient(const Linear& a, Dim divisor) {
  if (divisor == Dim(1)) return a;
  Linear whole;  // what the divisor divides
  Linear rest;
  for (const auto& [of, times] : a.terms) {
    if (times % divisor == Dim(0))
      whole.add(of, times / divisor);
    else
      rest.add(of, times);
  }
  if (a.constant % divisor == Dim(0)) {
    whole.constant = a.constant / divisor;
  } else if (a.constant.known() && divisor.known()) {
    whole.constant = a.constant / divisor;  // rounds down
    rest.constant = a.constant % divisor;
  } else {
    rest.constant = a.constant;
  }
  if (lies_below(rest, divisor)) return whole;
  if (rest.terms.size() == 1 && rest.constant == Dim(0) && rest.terms.begin()->second == Dim(1)) {
    // (x / a) / b is x / (a b).
    const kernel::Expr inner = builder_.program().exprs[rest.terms.begin()->first];
    if (inner.code == Code::divide) {
      const Linear& by = linear(expression(inner.args[1]));
      if (by.is_constant() && by.constant.known() && by.constant.value() > 0 && divisor.known()) {
        const Linear of = linear(expression(inner.args[0]));
        whole.add(quotient(of, by.constant * divisor));
        return whole;
      }
    }
  }
  const Value divided = value(rest) / sizes_.value(divisor);
  // Known as it stands: taking it apart again would lead here.
  Linear atom;
  atom.add(divided.id(), 1);
  known_.try_emplace(divided.id(), atom);
  whole.add(atom);
  return whole;
}

std::optional<Positions::Bounds> Positions::bounds(Id of) {
  const kernel::Expr expr = builder_.program().exprs[of];
  if (expr.code == Code::axis) {
    const auto extent = sizes_.dim(builder_.program().axes[expr.bits].extent);
    if (!extent) return std::nullopt;
    return Bounds{0, *extent - 1};
  }
  if (expr.code == Code::divide) {
    const Linear by = linear(expression(expr.args[1]));
    const auto inner = bounds(linear(expression(expr.args[0])));
    if (!inner || !by.is_constant()) return std::nullopt;
    return Bounds{inner->low / by.constant, inner->high / by.constant};
  }
  return std::nullopt;
}

std::optional<Positions::Bounds> Positions::bounds(const Linear& a) {
  Bounds all{a.constant, a.constant};
  for (const auto& [of, times] : a.terms) {
    const auto one = bounds(of);
    if (!one || !times.known()) return std::nullopt;
    const bool up = times.value() > 0;
    all.low = all.low + (up ? one->low : one->high) * times;
    all.high = all.high + (up ? one->high : one->low) * times;
  }
  return all;
}

bool Positions::lies_below(const Linear& a, Dim end) {
  const auto range = bounds(a);
  if (!range || !range->low.known() || range->low.value() < 0) return false;
  const Dim room = end - 1 - range->high;
  return room.known() && room.value() >= 0;
}

Value Positions::value(const Linear& linear) {
  Value sum;
  for (const auto& [of, times] : linear.terms) {
    const Value term = times == Dim(1) ? expression(of) : expression(of) * sizes_.value(times);
    sum = sum.defined() ? sum + term : term;
  }
  if (!sum.defined()) return sizes_.value(linear.constant);
  return linear.constant == Dim(0) ? sum : sum + sizes_.value(linear.constant);
}

}  // namespace rill
