#include <rill/kernel/builder.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include <rill/kernel/arithmetic.h>
#include <rill/kernel/rewrite.h>
#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

[[noreturn]] void fail(const std::string& what) { throw InternalError("kernel builder: " + what); }

std::string named(DType type) { return std::string(name(type)); }
std::string named(Code code) { return std::string(name(code)); }

/// Only the bits of an element of `type`, so that equal constants are equal expressions.
std::uint64_t masked(DType type, std::uint64_t bits) {
  const std::size_t width = size_of(type) * 8;
  return width == 64 ? bits : bits & ((std::uint64_t{1} << width) - 1);
}

/// One element converted by the language's own cast.
std::uint64_t converted(DType from, DType to, std::uint64_t bits) {
  alignas(8) std::array<std::byte, 8> in{};
  alignas(8) std::array<std::byte, 8> out{};
  std::memcpy(in.data(), &bits, sizeof bits);
  const std::byte* arg = in.data();
  operation(Code::cast, from, to)(out.data(), &arg, 1);
  std::uint64_t result = 0;
  std::memcpy(&result, out.data(), sizeof result);
  return result;
}

const Expr& expr_of(const Value& value) {
  if (!value.defined()) fail("an undefined value was used");
  return value.builder().program().exprs[value.id()];
}

Builder& common(const Value& a, const Value& b) {
  if (!a.defined() || !b.defined()) fail("an undefined value was used");
  if (&a.builder() != &b.builder()) fail("values of two builders were mixed");
  return a.builder();
}

/// Throws unless `code` takes operands of type `operand` and gives `result`.
void require(Code code, DType operand, DType result) {
  if (operation(code, operand, result) == nullptr) {
    fail(named(code) + " of " + named(operand) + " to " + named(result) +
         " is not in the language");
  }
}

Value operated(Code code, DType result, const Value& a) {
  if (!a.defined()) fail("an undefined value was used");
  require(code, a.dtype(), result);
  return a.builder().make({.code = code, .type = result, .arity = 1, .args = {a.id(), none, none}});
}

Value operated(Code code, DType result, const Value& a, const Value& b) {
  Builder& builder = common(a, b);
  if (a.dtype() != b.dtype()) {
    fail(named(code) + " takes operands of one type, got " + named(a.dtype()) + " and " +
         named(b.dtype()));
  }
  require(code, a.dtype(), result);
  return builder.make({.code = code, .type = result, .arity = 2, .args = {a.id(), b.id(), none}});
}

}  // namespace

// ---- Values -----------------------------------------------------------------------------------

DType Value::dtype() const { return expr_of(*this).type; }

Value constant(const Value& like, double number) {
  if (!like.defined()) fail("an undefined value was used");
  return like.builder().constant(like.dtype(), number);
}

Value constant_bits(const Value& like, std::uint64_t bits) {
  if (!like.defined()) fail("an undefined value was used");
  return like.builder().constant_bits(like.dtype(), bits);
}

namespace detail {
Value unary(Code code, const Value& a) { return operated(code, a.dtype(), a); }
Value binary(Code code, const Value& a, const Value& b) { return operated(code, a.dtype(), a, b); }
Value compare(Code code, const Value& a, const Value& b) { return operated(code, bool_, a, b); }
}  // namespace detail

Value operator-(const Value& a) { return detail::unary(Code::negate, a); }
Value operator~(const Value& a) { return detail::unary(Code::bit_not, a); }
Value abs(const Value& a) { return detail::unary(Code::absolute, a); }
Value sqrt(const Value& a) { return detail::unary(Code::sqrt, a); }
Value floor(const Value& a) { return detail::unary(Code::floor, a); }
Value ceil(const Value& a) { return detail::unary(Code::ceil, a); }
Value trunc(const Value& a) { return detail::unary(Code::trunc, a); }
Value round_even(const Value& a) { return detail::unary(Code::round, a); }

Value fma(const Value& a, const Value& b, const Value& c) {
  common(a, b);
  Builder& builder = common(b, c);
  if (a.dtype() != b.dtype() || b.dtype() != c.dtype()) fail("fma takes operands of one type");
  require(Code::fma, a.dtype(), a.dtype());
  return builder.make(
      {.code = Code::fma, .type = a.dtype(), .arity = 3, .args = {a.id(), b.id(), c.id()}});
}

Value select(const Value& condition, const Value& yes, const Value& no) {
  common(condition, yes);
  Builder& builder = common(yes, no);
  if (condition.dtype() != bool_)
    fail("the condition of a select must be bool, got " + named(condition.dtype()));
  if (yes.dtype() != no.dtype()) {
    fail("select takes choices of one type, got " + named(yes.dtype()) + " and " +
         named(no.dtype()));
  }
  return builder.make({.code = Code::select,
                       .type = yes.dtype(),
                       .arity = 3,
                       .args = {condition.id(), yes.id(), no.id()}});
}

Value cast(const Value& a, DType dtype) { return operated(Code::cast, dtype, a); }

Value bitcast(const Value& a, DType dtype) {
  if (a.defined() && a.dtype() == dtype) return a;
  return operated(Code::bitcast, dtype, a);
}

Value copysign(const Value& a, const Value& b) {
  common(a, b);
  const bool wide = a.dtype() == float64;
  if (a.dtype() != b.dtype() || (!wide && a.dtype() != float32))
    fail("copysign takes two float32 or two float64");
  const DType word = wide ? uint64 : uint32;
  const std::uint64_t sign = wide ? std::uint64_t{1} << 63U : std::uint64_t{1} << 31U;
  const Value magnitude = bitcast(a, word) & constant_bits(bitcast(a, word), ~sign);
  return bitcast(magnitude | (bitcast(b, word) & constant_bits(bitcast(b, word), sign)), a.dtype());
}

Builder::Builder(std::vector<DType> parameters, Id sizes) {
  program_.parameters = std::move(parameters);
  program_.sizes = sizes;
}

// ---- Leaves -----------------------------------------------------------------------------------

Value Builder::constant(DType dtype, double number) {
  // Of integers what wraps: -1 as uint8 is 255.
  const DType through = dtype != bool_ && !is_float(dtype) && number < 0 ? int64 : dtype;
  return constant_bits(dtype, converted(float64, through, std::bit_cast<std::uint64_t>(number)));
}

Value Builder::constant_bits(DType dtype, std::uint64_t bits) {
  if (dtype == bool_) bits = (bits & 0xffU) != 0 ? 1 : 0;
  return make({.code = Code::constant, .type = dtype, .bits = masked(dtype, bits)});
}

Value Builder::parameter(DType dtype) {
  program_.parameters.push_back(dtype);
  return make({.code = Code::parameter, .type = dtype, .bits = program_.parameters.size() - 1});
}

Value Builder::size() {
  return make({.code = Code::size, .type = int64, .bits = program_.sizes++});
}

// ---- Expressions ------------------------------------------------------------------------------

std::size_t Builder::ExprHash::operator()(const Expr& expr) const {
  std::uint64_t hash = expr.bits;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29U;
  };
  mix(static_cast<std::uint64_t>(expr.code) << 16U | static_cast<std::uint64_t>(expr.type) << 8U |
      expr.arity);
  for (const Id arg : expr.args) mix(arg);
  return static_cast<std::size_t>(hash);
}

std::optional<Id> Builder::simplified(const Expr& expr) {
  const auto argument = [&](std::size_t i) -> const Expr& { return program_.exprs[expr.args[i]]; };
  const auto is_constant = [&](std::size_t i) { return argument(i).code == Code::constant; };
  if (expr.arity == 0) return std::nullopt;

  if (expr.code == Code::select) {
    if (is_constant(0)) return argument(0).bits != 0 ? expr.args[1] : expr.args[2];
    if (expr.args[1] == expr.args[2]) return expr.args[1];
  }
  if (expr.code == Code::cast && argument(0).type == expr.type) return expr.args[0];

  bool constants = true;
  for (std::size_t i = 0; i < expr.arity; ++i) constants = constants && is_constant(i);
  if (constants) {
    std::array<std::uint64_t, 3> words{};
    std::array<const std::byte*, 3> args{};
    for (std::size_t i = 0; i < expr.arity; ++i) {
      words[i] = argument(i).bits;
      args[i] = reinterpret_cast<const std::byte*>(&words[i]);
    }
    std::uint64_t result = 0;
    operation(expr.code, argument(expr.arity - 1U).type, expr.type)(
        reinterpret_cast<std::byte*>(&result), args.data(), 1);
    return constant_bits(expr.type, result).id();
  }

  // Rewrites that are exact on integers; on floats each of them would change a bit somewhere.
  if (!is_integer(expr.type) || expr.arity != 2 || !is_integer(argument(0).type))
    return std::nullopt;
  const auto is = [&](std::size_t i, std::uint64_t number) {
    return is_constant(i) && argument(i).bits == number;
  };
  const auto zero = [&] { return constant_bits(expr.type, 0).id(); };
  const Id left = expr.args[0];
  const Id right = expr.args[1];
  switch (expr.code) {
    case Code::add:
    case Code::bit_or:
    case Code::bit_xor:
      if (is(0, 0)) return right;
      if (is(1, 0)) return left;
      break;
    case Code::subtract:
      if (is(1, 0)) return left;
      if (left == right) return zero();
      break;
    case Code::multiply:
      if (is(0, 0) || is(1, 0)) return zero();
      if (is(0, 1)) return right;
      if (is(1, 1)) return left;
      break;
    case Code::divide:
      if (is(1, 1)) return left;
      if (is(0, 0) || is(1, 0)) return zero();
      break;
    case Code::modulo:
      if (is(0, 0) || is(1, 0) || is(1, 1)) return zero();
      break;
    case Code::bit_and:
      if (is(0, 0) || is(1, 0)) return zero();
      break;
    case Code::minimum:
    case Code::maximum:
      if (left == right) return left;
      break;
    default:
      break;
  }
  return std::nullopt;
}

Value Builder::make(const Expr& expr) {
  if (const auto found = known_.find(expr); found != known_.end()) return {*this, found->second};
  if (const auto simple = simplified(expr)) return {*this, *simple};
  const Id id = static_cast<Id>(program_.exprs.size());
  program_.exprs.push_back(expr);
  known_.emplace(expr, id);
  return {*this, id};
}

// ---- Loops and memory -------------------------------------------------------------------------

Range Builder::list(std::span<const Id> ids) {
  const Range range{static_cast<Id>(program_.ids.size()), static_cast<Id>(ids.size())};
  program_.ids.insert(program_.ids.end(), ids.begin(), ids.end());
  return range;
}

Range Builder::list(std::span<const Value> values) {
  std::vector<Id> ids;
  ids.reserve(values.size());
  for (const Value& value : values) {
    if (!value.defined()) fail("an undefined value was used");
    if (&value.builder() != this) fail("values of two builders were mixed");
    ids.push_back(value.id());
  }
  return list(ids);
}

void Builder::append(Range& range, Id id) {
  if (range.first + range.count != program_.ids.size()) {
    const std::vector<Id> moved(program_.ids.begin() + range.first,
                                program_.ids.begin() + range.first + range.count);
    range = list(moved);
  }
  program_.ids.push_back(id);
  ++range.count;
}

Id Builder::axis(const Value& extent) {
  if (extent.dtype() != int64)
    fail("the extent of an axis must be int64, got " + named(extent.dtype()));
  program_.axes.push_back({extent.id()});
  return static_cast<Id>(program_.axes.size() - 1);
}

Value Builder::index(Id axis) {
  if (axis >= program_.axes.size()) fail("there is no axis " + std::to_string(axis));
  return make({.code = Code::axis, .type = int64, .bits = axis});
}

Id Builder::buffer(DType dtype, Buffer::Space space, std::span<const Value> extents,
                   std::span<const Value> strides, Facts facts) {
  if (extents.size() != strides.size()) fail("a buffer needs one stride per extent");
  const Range sizes = list(extents);
  program_.buffers.push_back(
      {.type = dtype, .space = space, .extents = sizes, .strides = list(strides), .facts = facts});
  return static_cast<Id>(program_.buffers.size() - 1);
}

Id Builder::row(DType dtype, std::span<const Value> extents) {
  std::vector<Value> strides(extents.size());
  Value stride = integer(1);
  for (std::size_t i = extents.size(); i-- > 0;) {
    strides[i] = stride;
    stride = stride * extents[i];
  }
  return buffer(dtype, Buffer::Space::row, extents, strides,
                {.aligned = true, .no_alias = true, .wide_index = false});
}

Id Builder::access(const Access& access) {
  // Equal accesses are one, so that equal loads are one.
  const auto same = [&](Id known) {
    const Access& other = program_.accesses[known];
    const auto a = program_.list(access.index);
    const auto b = program_.list(other.index);
    return access.buffer == other.buffer && access.guard == other.guard &&
           access.otherwise == other.otherwise &&
           std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  std::vector<Id>& bucket = accesses_of_[access.buffer];
  for (const Id known : bucket) {
    if (!same(known)) continue;
    program_.ids.resize(program_.ids.size() -
                        access.index.count);  // the last list, which nothing uses now
    return known;
  }
  const Id id = static_cast<Id>(program_.accesses.size());
  program_.accesses.push_back(access);
  bucket.push_back(id);
  return id;
}

Value Builder::load(Id buffer, std::span<const Value> index) { return load(buffer, index, {}, {}); }

Value Builder::load(Id buffer, std::span<const Value> index, const Value& guard,
                    const Value& otherwise) {
  if (buffer >= program_.buffers.size()) fail("there is no buffer " + std::to_string(buffer));
  const DType type = program_.buffers[buffer].type;
  if (guard.defined() && guard.dtype() != bool_)
    fail("a guard must be bool, got " + named(guard.dtype()));
  if (guard.defined() != otherwise.defined()) fail("a guarded load needs a value for otherwise");
  if (otherwise.defined() && otherwise.dtype() != type) {
    fail("a load of " + named(type) + " cannot give a " + named(otherwise.dtype()) + " otherwise");
  }
  if (guard.defined()) {
    const Expr& condition = expr_of(guard);
    if (condition.code == Code::constant)
      return condition.bits != 0 ? load(buffer, index, {}, {}) : otherwise;
  }
  const Id id = access({.buffer = buffer,
                        .index = list(index),
                        .guard = guard.defined() ? guard.id() : none,
                        .otherwise = otherwise.defined() ? otherwise.id() : none});
  return make({.code = Code::load, .type = type, .bits = id});
}

// ---- Stages -----------------------------------------------------------------------------------

void Builder::outer(std::span<const Id> axes) { program_.outer = list(axes); }

void Builder::stage(std::span<const Id> axes) {
  if (!program_.closing.empty()) fail("a stage after a closing one");
  program_.stages.push_back({.axes = list(axes), .folds = {}, .checks = {}, .stores = {}});
}

void Builder::closing(std::span<const Id> axes) {
  program_.closing.push_back({.axes = list(axes), .folds = {}, .checks = {}, .stores = {}});
}

Stage& Builder::last_stage() {
  if (!program_.closing.empty()) return program_.closing.back();
  if (program_.stages.empty()) stage({});
  return program_.stages.back();
}

std::vector<Value> Builder::fold(std::span<const Id> axes, const Folding& folding) {
  const Id id = static_cast<Id>(program_.folds.size());
  const std::size_t count = folding.init.size();
  if (count == 0 || count > 256)
    fail("a fold has 1 to 256 accumulators, got " + std::to_string(count));
  if (!folding.step) fail("a fold needs a step");
  const bool merges = folding.kind != Fold::Kind::sequence;
  if (merges && !folding.merge) fail("a reduction or scan needs a merge");
  // Two calls: the arguments of one would be evaluated in an order that compilers choose.
  const Range axis_range = list(axes);
  const Range init_range = list(folding.init);
  program_.folds.push_back(
      {.kind = folding.kind, .axes = axis_range, .init = init_range, .step = {}, .merge = {}});

  const auto leaves = [&](Code code, auto bits) {
    std::vector<Value> values;
    for (Id slot = 0; slot < count; ++slot) {
      values.push_back(
          make({.code = code, .type = folding.init[slot].dtype(), .bits = bits(slot)}));
    }
    return values;
  };
  const auto typed = [&](const std::vector<Value>& values, const char* part) {
    bool same = values.size() == count;
    for (std::size_t i = 0; same && i < count; ++i)
      same = values[i].dtype() == folding.init[i].dtype();
    if (!same) fail(std::string("the ") + part + " of a fold must give what its init has");
    return list(values);
  };

  const std::vector<Value> left =
      leaves(Code::accumulator, [&](Id slot) { return accumulator_bits(id, slot); });
  const Range step = typed(folding.step(left), "step");
  program_.folds[id].step = step;
  if (merges) {
    const std::vector<Value> right =
        leaves(Code::accumulator, [&](Id slot) { return accumulator_bits(id, slot, true); });
    const Range merge = typed(folding.merge(left, right), "merge");
    program_.folds[id].merge = merge;
  }
  append(last_stage().folds, id);
  return leaves(Code::result, [&](Id slot) { return std::uint64_t{id} << 8U | slot; });
}

void Builder::check(const Value& ok, std::uint16_t error, std::span<const Value> shown) {
  if (ok.dtype() != bool_) fail("a check needs a bool, got " + named(ok.dtype()));
  if (shown.size() > 4) fail("a check shows at most 4 numbers");
  program_.checks.push_back({.ok = ok.id(), .error = error, .shown = list(shown)});
  append(last_stage().checks, static_cast<Id>(program_.checks.size() - 1));
}

void Builder::store(Id buffer, std::span<const Value> index, const Value& value, Store::Mode mode,
                    bool unique, const Value& guard) {
  if (buffer >= program_.buffers.size()) fail("there is no buffer " + std::to_string(buffer));
  const DType type = program_.buffers[buffer].type;
  if (value.dtype() != type)
    fail("a " + named(value.dtype()) + " cannot be stored as " + named(type));
  if (mode != Store::Mode::set && combination(mode, type) == nullptr)
    fail("bool can only be stored by setting it");
  if (guard.defined() && guard.dtype() != bool_)
    fail("a guard must be bool, got " + named(guard.dtype()));
  const Access to{
      .buffer = buffer, .index = list(index), .guard = guard.defined() ? guard.id() : none};
  program_.stores.push_back({.to = to, .value = value.id(), .mode = mode, .unique = unique});
  append(last_stage().stores, static_cast<Id>(program_.stores.size() - 1));
}

// ---- The finished program ---------------------------------------------------------------------

bool Builder::depends(const Value& value, Id axis) const {
  if (!value.defined() || &value.builder() != this)
    fail("a value of another builder was asked about");
  std::vector<bool> seen(program_.exprs.size());
  std::vector<Id> open;
  const auto push = [&](Id id) {
    if (id != none && !seen[id]) {
      seen[id] = true;
      open.push_back(id);
    }
  };
  const auto push_all = [&](std::span<const Id> ids) {
    std::for_each(ids.begin(), ids.end(), push);
  };
  push(value.id());
  while (!open.empty()) {
    const Expr& expr = program_.exprs[open.back()];
    open.pop_back();
    push_all({expr.args.data(), expr.arity});
    if (expr.code == Code::axis) {
      if (expr.bits == axis) return true;
    } else if (expr.code == Code::load) {
      const Access& from = program_.accesses[expr.bits];
      if (program_.buffers[from.buffer].space == Buffer::Space::row)
        return true;  // written anew for each point
      push_all(program_.list(from.index));
      push(from.guard);
      push(from.otherwise);
    } else if (expr.code == Code::accumulator || expr.code == Code::result) {
      const Fold& fold = program_.folds[expr.bits >> (expr.code == Code::result ? 8U : 9U)];
      const auto own = program_.list(fold.axes);
      const bool looped = std::find(own.begin(), own.end(), axis) != own.end();
      const bool varies = expr.code == Code::accumulator || fold.kind == Fold::Kind::scan;
      if (varies && (looped || fold.step.count == 0))
        return true;  // without a step: still being written
      push_all(program_.list(fold.init));
      if (!looped) push_all(program_.list(fold.step));
    }
  }
  return false;
}

Program Builder::finish() const { return rewritten(program_, {}); }

}  // namespace rill::kernel
