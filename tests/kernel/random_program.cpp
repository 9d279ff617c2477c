#include "tests/kernel/random_program.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <utility>

#include <rill/kernel/builder.h>

namespace rill::kernel {
namespace {

constexpr std::array all_types = {bool_,  int8,   int16,   int32,    int64,   uint8,  uint16,
                                  uint32, uint64, float16, bfloat16, float32, float64};

bool is_numeric(DType type) { return type != bool_ && !is_half(type); }
bool is_computed_float(DType type) { return type == float32 || type == float64; }

/// A loop variable, its extent as an expression and as the number that it will be.
struct Loop {
  Id id;
  Value extent;
  std::int64_t number;
};

/// A row buffer that an earlier stage has filled.
struct FilledRow {
  Id buffer;
  std::vector<Loop> loops;
};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  RandomProgram make() {
    // Most programs are small; some reduce rows of several chunks, a few enough to be split over
    // threads.
    const bool huge = one_in(50);
    const bool long_rows = huge || one_in(4);
    std::int64_t budget = huge ? 3 : long_rows ? 20 : 600;
    for (std::uint64_t rank = below(4); rank > 0; --rank) outer_.push_back(loop(budget));
    budget = long_rows ? 1700 : 80;
    if (huge) {
      inner_.push_back(loop_of(split_block + static_cast<std::int64_t>(below(2 * split_block))));
    } else {
      for (std::uint64_t rank = below(3); rank > 0; --rank) inner_.push_back(loop(budget));
    }
    b_.outer(ids(outer_));
    for (const Loop& loop : outer_) made_.points *= loop.number;
    const std::uint64_t stages = inner_.empty() || huge ? 1 : 1 + below(4);
    for (std::uint64_t i = 0; i < stages; ++i) stage(i + 1 == stages);
    made_.program = b_.finish();
    return std::move(made_);
  }

 private:
  // ---- Choices --------------------------------------------------------------------------------

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <class Pool>
  auto& some(Pool& pool) {
    return pool[below(std::size(pool))];
  }
  template <class T, std::size_t n>
  T one_of(const T (&choices)[n]) {
    return choices[below(n)];
  }

  // ---- Loops and memory -----------------------------------------------------------------------

  Value size(std::int64_t number) {
    if (one_in(4)) return b_.integer(number);
    made_.sizes.push_back(number);
    return b_.size();
  }

  Loop loop(std::int64_t& budget) {
    constexpr std::int64_t sizes[] = {1,  2,  3,  5,   7,   15,  16,  17,   31,  32,
                                      33, 64, 65, 100, 511, 512, 513, 1025, 1600};
    std::int64_t number = one_in(60) ? 0 : some(sizes);
    if (number > budget)
      number = 1 + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(budget)));
    budget = std::max<std::int64_t>(1, budget / std::max<std::int64_t>(1, number));
    return loop_of(number);
  }

  Loop loop_of(std::int64_t number) {
    const Value extent = size(number);
    return {b_.axis(extent), extent, number};
  }

  static std::vector<Id> ids(const std::vector<Loop>& loops) {
    std::vector<Id> list;
    for (const Loop& loop : loops) list.push_back(loop.id);
    return list;
  }

  std::vector<Value> indices(const std::vector<Loop>& loops) {
    std::vector<Value> list;
    for (const Loop& loop : loops) list.push_back(b_.index(loop.id));
    return list;
  }

  struct Extent {
    Value value;
    std::int64_t number;
  };

  /// A buffer of the launch and its memory. Elements of what is written lie apart.
  Id buffer(DType type, Buffer::Space space, const std::vector<Extent>& extents) {
    const bool written = space != Buffer::Space::input;
    std::vector<std::size_t> order(extents.size());
    for (std::size_t d = 0; d < order.size(); ++d) order[d] = d;
    if (one_in(3)) std::shuffle(order.begin(), order.end(), random_);
    std::vector<std::int64_t> strides(extents.size());
    std::int64_t step = one_in(5) ? 2 : 1;
    for (std::size_t k = order.size(); k-- > 0;) {
      strides[order[k]] = one_in(8) ? -step : step;
      step *= std::max<std::int64_t>(1, extents[order[k]].number);
      if (!written && one_in(8)) strides[order[k]] = 0;
    }
    std::int64_t lowest = 0;
    std::int64_t highest = 0;
    std::vector<Value> extent_values;
    std::vector<Value> stride_values;
    for (std::size_t d = 0; d < extents.size(); ++d) {
      const std::int64_t reach = std::max<std::int64_t>(0, extents[d].number - 1) * strides[d];
      (reach < 0 ? lowest : highest) += reach;
      extent_values.push_back(extents[d].value);
      const bool known = (strides[d] == 0 || strides[d] == 1 || strides[d] == -1) && !one_in(4);
      if (!known) made_.sizes.push_back(strides[d]);
      stride_values.push_back(known ? b_.integer(strides[d]) : b_.size());
    }
    RandomProgram::Memory memory;
    memory.type = type;
    memory.first = static_cast<std::size_t>(-lowest) * size_of(type);
    memory.bytes.resize(static_cast<std::size_t>(highest - lowest + 1) * size_of(type));
    fill(memory, !one_in(4));
    made_.memories.push_back(std::move(memory));
    Facts facts;
    facts.no_alias = one_in(2);
    facts.wide_index = one_in(2);
    return b_.buffer(type, space, extent_values, stride_values, facts);
  }

  void fill(RandomProgram::Memory& memory, bool tame) {
    const std::size_t width = size_of(memory.type);
    for (std::size_t at = 0; at < memory.bytes.size(); at += width) {
      const std::uint64_t bits = element(memory.type, tame);
      std::memcpy(memory.bytes.data() + at, &bits, width);
    }
  }

  std::uint64_t element(DType type, bool tame) {
    if (type == bool_) return tame ? below(2) : below(4);  // any byte but 0 is true
    if (!is_float(type)) return one_in(tame ? 10 : 3) ? random_() >> below(64) : below(13) - 6;
    double number = static_cast<double>(static_cast<std::int64_t>(below(2001)) - 1000) / 64;
    if (one_in(8)) number = std::ldexp(number, static_cast<int>(below(40)) - 20);
    if (!tame && one_in(4)) {
      number = one_of(
          {0.0, -0.0, 1.0, -1.0, 0.5, 2.5, 1e-45, -1e-40, 1e-310, 65504.0, 65520.0, 3e38, -1e39,
           1e300, 2147483648.0, -9223372036854775808.0, std::numeric_limits<double>::infinity(),
           -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()});
    }
    switch (type) {
      case float16:
        return Half(static_cast<float>(number)).bits();
      case bfloat16:
        return BFloat16(static_cast<float>(number)).bits();
      case float32:
        return std::bit_cast<std::uint32_t>(static_cast<float>(number));
      default:
        return std::bit_cast<std::uint64_t>(number);
    }
  }

  // ---- Values ---------------------------------------------------------------------------------

  Value constant(DType type) { return b_.constant_bits(type, element(type, !one_in(4))); }

  /// A value of some type that is there, or a constant or parameter.
  Value value(DType type, const std::vector<Value>& pool) {
    std::vector<Value> fitting;
    for (const Value& known : pool) {
      if (known.dtype() == type) fitting.push_back(known);
    }
    if (!fitting.empty() && !one_in(12)) return one_in(2) ? fitting.back() : some(fitting);
    if (one_in(4)) {
      made_.parameters.push_back(element(type, true));
      return b_.parameter(type);
    }
    return constant(type);
  }

  /// An index into one dimension of a buffer, and the dimension's extent.
  std::pair<Value, Extent> dimension(const Loop& loop, const std::vector<Loop>& loops) {
    const Value at = b_.index(loop.id);
    const std::int64_t n = loop.number;
    switch (below(14)) {
      case 0:
        return {loop.extent - 1 - at, {loop.extent, n}};
      case 1:
        return {b_.integer(0), {size(1), 1}};
      case 2:
        return {at / 2, {size((n + 1) / 2), (n + 1) / 2}};
      case 3:
        return {at % 3, {b_.integer(3), 3}};
      case 4:
        return {at * 2 + 1, {size(2 * n + 1), 2 * n + 1}};
      case 5: {
        const Loop& other = some(loops);
        if (other.number > 100) break;  // two long dimensions would make a huge buffer
        return {at + b_.index(other.id), {size(n + other.number), n + other.number}};
      }
      case 6: {
        const std::int64_t limit = 1 + static_cast<std::int64_t>(below(9));
        const Value extent = size(limit);
        const Id table =
            buffer(one_in(2) ? int64 : int32, Buffer::Space::input, {{loop.extent, n}});
        const Value loaded = cast(b_.load(table, std::array{at}), int64);
        return {maximum(minimum(loaded, extent - 1), 0), {extent, limit}};
      }
      default:
        break;
    }
    return {at, {loop.extent, n}};
  }

  /// A load from a buffer of its own, along some of the loops.
  Value load(DType type, const std::vector<Loop>& loops, const std::vector<Value>& pool) {
    std::vector<Value> index;
    std::vector<Extent> extents;
    for (const Loop& loop : loops) {
      if (one_in(5)) continue;
      const auto [at, extent] = dimension(loop, loops);
      index.push_back(at);
      extents.push_back(extent);
    }
    const Id from = buffer(type, Buffer::Space::input, extents);
    if (loops.empty() || index.empty() || !one_in(6)) return b_.load(from, index);
    // A window that may stand out at both ends.
    const std::size_t d = below(index.size());
    index[d] = index[d] + (one_in(2) ? 1 : -1);
    const Value inside = (b_.integer(0) <= index[d]) & (index[d] < extents[d].value);
    return b_.load(from, index, inside, value(type, pool));
  }

  DType type() { return some(all_types); }
  DType numeric() {
    return one_of({int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float32,
                   float32, float64, float64});
  }

  std::vector<Value> loads(const std::vector<Loop>& loops) {
    std::vector<Value> pool;
    for (const Loop& loop : loops) {
      if (one_in(3)) pool.push_back(b_.index(loop.id));
    }
    for (std::uint64_t count = 1 + below(3); count > 0; --count) {
      pool.push_back(load(one_in(3) ? type() : float32, loops, pool));
    }
    for (const FilledRow& row : rows_) {
      const bool visible = std::all_of(row.loops.begin(), row.loops.end(), [&](const Loop& wanted) {
        return std::any_of(loops.begin(), loops.end(),
                           [&](const Loop& loop) { return loop.id == wanted.id; });
      });
      if (!visible) continue;
      std::vector<Value> index;
      for (const Loop& loop : row.loops) {
        index.push_back(one_in(4) ? loop.extent - 1 - b_.index(loop.id) : b_.index(loop.id));
      }
      pool.push_back(b_.load(row.buffer, index));
    }
    return pool;
  }

  Value operated(const std::vector<Value>& pool) {
    const DType t = one_in(3) ? numeric() : one_in(2) ? float32 : numeric_in(pool);
    const auto any = [&](DType of) { return value(of, pool); };
    const Value a = any(t);
    const Value c =
        any(t);  // drawn one after the other: arguments would be in an order that compilers choose
    if (one_in(6)) return converted(some_of(pool));
    if (one_in(8)) return compared(pool);
    if (one_in(10)) return select(any(bool_), a, c);
    if (is_computed_float(t) && one_in(3)) {
      switch (below(8)) {
        case 0:
          return sqrt(a);
        case 1:
          return floor(a);
        case 2:
          return ceil(a);
        case 3:
          return trunc(a);
        case 4:
          return round_even(a);
        // Of a NaN the sign is open: only numbers give theirs.
        case 5:
          return copysign(a, numbers(c));
        default:
          return fma(a, c, any(t));
      }
    }
    if (is_integer(t) && one_in(3)) {
      switch (below(7)) {
        case 0:
          return a % c;
        case 1:
          return a & c;
        case 2:
          return a | c;
        case 3:
          return a ^ c;
        case 4:
          return ~a;
        case 5:
          return a << (one_in(2) ? c : constant_small(t));
        default:
          return a >> (one_in(2) ? c : constant_small(t));
      }
    }
    switch (below(8)) {
      case 0:
        return a - c;
      case 1:
        return a * c;
      case 2:
        return a / c;
      case 3:
        return minimum(a, c);
      case 4:
        return maximum(a, c);
      case 5:
        return -a;
      case 6:
        return abs(a);
      default:
        return a + c;
    }
  }

  Value constant_small(DType t) { return b_.constant_bits(t, below(10)); }
  Value some_of(const std::vector<Value>& pool) {
    return pool.empty() ? constant(type()) : pool[below(pool.size())];
  }
  DType numeric_in(const std::vector<Value>& pool) {
    const DType found = some_of(pool).dtype();
    return is_numeric(found) ? found : float32;
  }

  /// 0 in the place of NaN.
  Value numbers(const Value& a) {
    const Value compared = is_half(a.dtype()) ? cast(a, float32) : a;
    return select(compared == compared, a, constant_bits(a, 0));
  }

  Value converted(const Value& a) {
    constexpr DType same_width[][2] = {{float32, uint32}, {float32, int32},  {float64, int64},
                                       {float16, uint16}, {bfloat16, int16}, {uint8, int8},
                                       {uint64, float64}, {int32, float32}};
    if (one_in(3)) {
      for (const auto& [from, to] : same_width) {
        if (a.dtype() == from) return bitcast(is_float(from) ? numbers(a) : a, to);
      }
    }
    return cast(a, type());
  }

  Value compared(const std::vector<Value>& pool) {
    if (one_in(4)) {
      const Value a = value(bool_, pool);
      const Value c = value(bool_, pool);
      switch (below(5)) {
        case 0:
          return a | c;
        case 1:
          return a ^ c;
        case 2:
          return ~a;
        case 3:
          return a == c;
        default:
          return a & c;
      }
    }
    const DType t = numeric_in(pool);
    const Value a = value(t, pool);
    const Value c = value(t, pool);
    switch (below(4)) {
      case 0:
        return a == c;
      case 1:
        return a != c;
      case 2:
        return a < c;
      default:
        return a <= c;
    }
  }

  void grow(std::vector<Value>& pool, std::uint64_t count) {
    for (; count > 0; --count) pool.push_back(operated(pool));
  }

  /// Something of the wanted type made from the pool.
  Value wanted(DType t, const std::vector<Value>& pool) {
    const Value last = some_of(pool);
    return last.dtype() == t ? last : cast(last, t);
  }

  // ---- Folds ----------------------------------------------------------------------------------

  using Pair = std::span<const Value>;

  Value lowest(DType t, bool highest) {
    if (is_float(t))
      return b_.constant(t, highest ? std::numeric_limits<double>::infinity()
                                    : -std::numeric_limits<double>::infinity());
    const std::uint64_t ones = ~std::uint64_t{0} >> (64 - size_of(t) * 8);
    if (is_unsigned(t)) return b_.constant_bits(t, highest ? ones : 0);
    const std::uint64_t top = std::uint64_t{1} << (size_of(t) * 8 - 1);
    return b_.constant_bits(t, highest ? top - 1 : top);
  }

  Folding folding(const Value& x, const std::vector<Loop>& loops, Fold::Kind kind) {
    const DType t = x.dtype();
    const auto of_two = [&](const Value& init,
                            std::function<Value(const Value&, const Value&)> join) {
      return Folding{.kind = kind,
                     .init = {init},
                     .step = [=](Pair a) { return std::vector{join(a[0], x)}; },
                     .merge = [=](Pair l, Pair r) { return std::vector{join(l[0], r[0])}; }};
    };
    if (t == bool_) {
      if (one_in(2))
        return of_two(b_.constant(bool_, 0), [](const Value& a, const Value& c) { return a | c; });
      return of_two(b_.constant(bool_, 1), [](const Value& a, const Value& c) { return a & c; });
    }
    switch (below(8)) {
      case 0:
        return of_two(b_.constant(t, 1), [](const Value& a, const Value& c) { return a * c; });
      case 1:
        return of_two(lowest(t, false),
                      [](const Value& a, const Value& c) { return maximum(a, c); });
      case 2:
        return of_two(lowest(t, true),
                      [](const Value& a, const Value& c) { return minimum(a, c); });
      case 3: {
        // The position of the largest, the first of equals.
        const auto better = [](const Value& v, const Value& at, const Value& w,
                               const Value& other) {
          const Value take = (v < w) | ((v == w) & (other < at));
          return std::vector{select(take, w, v), select(take, other, at)};
        };
        const Value at = loops.empty() ? b_.integer(0) : b_.index(loops.back().id);
        return {.kind = kind,
                .init = {lowest(t, false), b_.integer(std::numeric_limits<std::int64_t>::max())},
                .step = [=](Pair a) { return better(a[0], a[1], x, at); },
                .merge = [=](Pair l, Pair r) { return better(l[0], l[1], r[0], r[1]); }};
      }
      case 4: {
        // Count and mean, merged by weight.
        if (!is_computed_float(t)) break;
        const auto join = [](const Value& n, const Value& mean, const Value& m,
                             const Value& other) {
          const Value all = n + m;
          return std::vector{all, select(all == 0.0, mean, mean + (other - mean) * (m / all))};
        };
        return {.kind = kind,
                .init = {b_.constant(t, 0), b_.constant(t, 0)},
                .step = [=, this](Pair a) { return join(a[0], a[1], b_.constant(t, 1), x); },
                .merge = [=](Pair l, Pair r) { return join(l[0], l[1], r[0], r[1]); }};
      }
      case 5: {
        // The maximum, and a sum that is scaled as it moves; the two swap places on the way.
        if (!is_computed_float(t)) break;
        const auto join = [](const Value& sum, const Value& top, const Value& more,
                             const Value& other) {
          const Value now = maximum(top, other);
          return std::vector{
              select(top == now, sum, sum * 0.5) + select(other == now, more, more * 0.5), now};
        };
        return {.kind = kind,
                .init = {b_.constant(t, 0), lowest(t, false)},
                .step = [=, this](Pair a) { return join(a[0], a[1], b_.constant(t, 1), x); },
                .merge = [=](Pair l, Pair r) { return join(l[0], l[1], r[0], r[1]); }};
      }
      default:
        break;
    }
    return of_two(b_.constant(t, 0), [](const Value& a, const Value& c) { return a + c; });
  }

  /// A loop whose step may be anything.
  Folding sequence(const std::vector<Value>& pool) {
    std::vector<Value> init;
    for (std::uint64_t count = 1 + below(3); count > 0; --count)
      init.push_back(constant(one_in(3) ? type() : float32));
    return {.kind = Fold::Kind::sequence,
            .init = init,
            .step =
                [this, init, pool](Pair accumulators) {
                  std::vector<Value> all = pool;
                  all.insert(all.end(), accumulators.begin(), accumulators.end());
                  grow(all, 1 + below(4));
                  std::vector<Value> next;
                  for (const Value& start : init) {
                    next.push_back(
                        one_in(5) ? value(start.dtype(), {accumulators.begin(), accumulators.end()})
                                  : wanted(start.dtype(), all));
                  }
                  return next;
                },
            .merge = {}};
  }

  // ---- Stages ---------------------------------------------------------------------------------

  std::vector<Loop> together(const std::vector<Loop>& more) const {
    std::vector<Loop> loops = outer_;
    loops.insert(loops.end(), more.begin(), more.end());
    return loops;
  }

  std::vector<Value> scope(const std::vector<Loop>& loops) {
    std::vector<Value> pool = loads(loops);
    pool.insert(pool.end(), results_.begin(), results_.end());
    return pool;
  }

  void stage(bool last) {
    const std::uint64_t kind = inner_.empty() ? 0 : below(last ? 7 : 5);
    if (kind <= 2) {
      // Folds at the points of the outer axes, whose results later stages see.
      b_.stage({});
      std::vector<Value> pool = scope(outer_);
      for (std::uint64_t count = inner_.empty() ? 0 : below(3); count > 0; --count) {
        const std::vector<Value> results =
            fold(pool, outer_, one_in(5) ? std::vector<Loop>{inner_.back()} : inner_);
        results_.insert(results_.end(), results.begin(), results.end());
      }
      if (last || one_in(3)) finish(pool, outer_, last);
    } else if (kind == 3 && inner_.size() == 2) {
      // A fold at each point of the stage's own axis.
      b_.stage(std::array{inner_[0].id});
      const std::vector<Loop> loops = together({inner_[0]});
      std::vector<Value> pool = scope(loops);
      for (std::uint64_t count = 1 + below(2); count > 0; --count) fold(pool, loops, {inner_[1]});
      if (last || one_in(3)) finish(pool, loops, last);
    } else if (kind <= 4) {
      b_.stage(ids(inner_));
      const std::vector<Loop> loops = together(inner_);
      std::vector<Value> pool = scope(loops);
      if (!last) {
        grow(pool, 1 + below(5));
        row(pool);
      }
      if (last || one_in(4)) finish(pool, loops, last);
    } else {
      scan();
    }
  }

  /// A fold inside some loops; `pool` takes its results.
  std::vector<Value> fold(std::vector<Value>& pool, const std::vector<Loop>& around,
                          const std::vector<Loop>& over) {
    std::vector<Loop> loops = around;
    loops.insert(loops.end(), over.begin(), over.end());
    std::vector<Value> inside = scope(loops);
    inside.insert(inside.end(), pool.begin(), pool.end());
    grow(inside, below(5));
    std::vector<Value> results;
    if (one_in(4)) {
      results = b_.fold(ids(over), sequence(inside));
    } else {
      const DType t = one_in(6) ? bool_ : one_in(2) ? float32 : numeric();
      results = b_.fold(ids(over), folding(wanted(t, inside), over, Fold::Kind::reduce));
    }
    pool.insert(pool.end(), results.begin(), results.end());
    return results;
  }

  void scan() {
    b_.stage({});
    const std::vector<Loop> loops = together(inner_);
    std::vector<Value> inside = scope(loops);
    grow(inside, below(5));
    const auto prefix =
        b_.fold(ids(inner_), folding(wanted(numeric(), inside), inner_, Fold::Kind::scan));
    std::vector<Value> pool = scope(loops);
    pool.insert(pool.end(), prefix.begin(), prefix.end());
    grow(pool, below(3));
    pool.insert(pool.end(), prefix.begin(), prefix.end());
    store(pool, loops);
  }

  void row(const std::vector<Value>& pool) {
    std::vector<Value> extents;
    for (const Loop& loop : inner_) extents.push_back(loop.extent);
    const Value kept = pool.back();
    const Id buffer = b_.row(kept.dtype(), extents);
    b_.store(buffer, indices(inner_), kept);
    rows_.push_back({buffer, inner_});
  }

  void finish(std::vector<Value>& pool, const std::vector<Loop>& loops, bool last) {
    grow(pool, 1 + below(8));
    for (std::uint64_t count = one_in(4) ? 1 + below(2) : 0; count > 0; --count) {
      const Value number = wanted(int64, pool);
      b_.check(one_in(2) ? number < 100000 : compared(pool), 7, std::array{number, b_.integer(5)});
    }
    if (last && !loops.empty() && one_in(5))
      scatter(pool, loops);
    else
      store(pool, loops);
    if (one_in(5)) store(pool, loops);
  }

  void store(const std::vector<Value>& pool, const std::vector<Loop>& loops) {
    const Value result = one_in(3) ? some_of(pool) : pool.back();
    std::vector<Extent> extents;
    for (const Loop& loop : loops) extents.push_back({loop.extent, loop.number});
    const bool combines = one_in(6) && result.dtype() != bool_;
    const Id to =
        buffer(result.dtype(), combines ? Buffer::Space::in_out : Buffer::Space::output, extents);
    const auto mode = combines ? static_cast<Store::Mode>(1 + below(4)) : Store::Mode::set;
    const Value guard = one_in(6) ? compared(pool) : Value{};
    b_.store(to, indices(loops), result, mode, true, guard);
  }

  /// Several iterations may write one element.
  void scatter(const std::vector<Value>& pool, const std::vector<Loop>& loops) {
    const Value result = pool.back();
    const std::int64_t limit = 1 + static_cast<std::int64_t>(below(40));
    const Value extent = size(limit);
    const Id table =
        buffer(int64, Buffer::Space::input, {{loops.back().extent, loops.back().number}});
    const Value loaded = b_.load(table, std::array{b_.index(loops.back().id)});
    const Value at = one_in(2) ? loaded % extent : maximum(minimum(loaded, extent - 1), 0);
    const Id to = buffer(result.dtype(), Buffer::Space::in_out, {{extent, limit}});
    const auto mode =
        result.dtype() == bool_ ? Store::Mode::set : static_cast<Store::Mode>(below(5));
    b_.store(to, std::array{at}, result, mode, false, one_in(4) ? compared(pool) : Value{});
  }

  std::mt19937_64 random_;
  Builder b_;
  RandomProgram made_;
  std::vector<Loop> outer_;
  std::vector<Loop> inner_;
  std::vector<FilledRow> rows_;
  std::vector<Value> results_;  ///< of the folds so far
};

/// A float's bits with one NaN in the place of all.
template <class T>
std::uint64_t comparable(const std::byte* at) {
  T value{};
  std::memcpy(&value, at, sizeof value);
  if constexpr (is_float(dtype_of<T>)) {
    const auto number = static_cast<double>(value);
    if (number != number) return ~std::uint64_t{0};
  }
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, sizeof value);
  return bits;
}

}  // namespace

RandomProgram random_program(std::uint64_t seed) { return Maker(seed).make(); }

std::string difference(const RandomProgram::Memory& expected, const RandomProgram::Memory& got) {
  return visit(expected.type, [&](auto zero) -> std::string {
    using T = decltype(zero);
    for (std::size_t at = 0; at < expected.bytes.size(); at += sizeof(T)) {
      const std::uint64_t a = comparable<T>(expected.bytes.data() + at);
      const std::uint64_t b = comparable<T>(got.bytes.data() + at);
      if (a == b) continue;
      char text[120];
      std::snprintf(text, sizeof text, "element %zu of %zu of %s: expected 0x%llx, got 0x%llx",
                    at / sizeof(T), expected.bytes.size() / sizeof(T),
                    std::string(name(expected.type)).c_str(), static_cast<unsigned long long>(a),
                    static_cast<unsigned long long>(b));
      return text;
    }
    return {};
  });
}

}  // namespace rill::kernel
