#include "tests/kernel/programs.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace rill::kernel {

Id line(Builder& b, DType type, Space space, const Value& extent) {
  return b.buffer(type, space, std::array{extent}, std::array{b.integer(1)});
}

Id matrix(Builder& b, DType type, Space space, const Value& n, const Value& m, bool rows) {
  return b.buffer(type, space, std::array{n, m},
                  rows ? std::array{m, b.integer(1)} : std::array{b.integer(1), n});
}

std::vector<Value> added(std::span<const Value> l, std::span<const Value> r) {
  return {l[0] + r[0]};
}

Folding summing(Builder& b, DType type, std::function<Value()> term, Fold::Kind kind) {
  return {.kind = kind,
          .init = {b.constant(type, 0)},
          .step = [=](std::span<const Value> a) { return std::vector{a[0] + term()}; },
          .merge = added};
}

Program addition() {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id x = line(b, float32, Space::input, n);
  const Id y = line(b, float32, Space::input, n);
  const Id z = line(b, float32, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const std::array at{b.index(i)};
  b.store(z, at, b.load(x, at) + b.load(y, at));
  return b.finish();
}

Program sums(DType type, bool rows) {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id x = matrix(b, type, Space::input, n, m, rows);
  const Id out = line(b, type, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const auto total =
      b.fold(std::array{j},
             summing(b, type, [&] { return b.load(x, std::array{b.index(i), b.index(j)}); }));
  b.store(out, std::array{b.index(i)}, total[0]);
  return b.finish();
}

Program shares(bool rows) {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id k = b.axis(m);
  const Id x = matrix(b, float32, Space::input, n, m, rows);
  const Id out = matrix(b, float32, Space::output, n, m, rows);
  b.outer(std::array{i});
  b.stage({});
  const auto total =
      b.fold(std::array{j},
             summing(b, float32, [&] { return b.load(x, std::array{b.index(i), b.index(j)}); }));
  b.stage(std::array{k});
  const std::array at{b.index(i), b.index(k)};
  b.store(out, at, b.load(x, at) / total[0]);
  return b.finish();
}

Program adding_rows() {
  Builder b;
  const Value n = b.size();
  const Value w = b.size();
  const Value limit = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(w);
  const Id where = line(b, int64, Space::input, n);
  const Id x = b.buffer(float32, Space::input, std::array{n, w}, std::array{w, b.integer(1)});
  const Id out =
      b.buffer(float32, Space::in_out, std::array{limit, w}, std::array{w, b.integer(1)});
  b.outer(std::array{i, j});
  b.stage({});
  b.store(out, std::array{b.load(where, std::array{b.index(i)}), b.index(j)},
          b.load(x, std::array{b.index(i), b.index(j)}), Store::Mode::add, false);
  return b.finish();
}

Program shares_and_totals() {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id x = matrix(b, float32, Space::input, n, m, true);
  const Id w = line(b, float32, Space::input, m);
  const Id out = matrix(b, float32, Space::output, n, m, true);
  const Id totals = line(b, float32, Space::output, m);
  const Id largest = line(b, float32, Space::output, m);
  const Id first = line(b, int64, Space::output, m);
  const Id all = line(b, float32, Space::output, b.integer(1));
  const Id row = b.row(float32, std::array{m});
  const std::array here{b.index(i), b.index(j)};
  const std::array column{b.index(j)};
  b.outer(std::array{i});
  b.stage({});
  const Value sum = b.fold(std::array{j}, summing(b, float32, [&] { return b.load(x, here); }))[0];
  b.stage(std::array{j});
  const Value share = b.load(x, here) / sum;
  b.store(row, column, share);
  b.store(out, here, share);
  b.closing(std::array{j});
  const Value total =
      b.fold(std::array{i}, summing(b, float32, [&] { return b.load(row, column); }))[0];
  const auto better = [](const Value& a, const Value& at, const Value& other,
                         const Value& other_at) {
    const Value take = other > a || (other == a && other_at < at);
    return std::vector{select(take, other, a), select(take, other_at, at)};
  };
  const auto found = b.fold(
      std::array{i},
      Folding{.init = {b.constant(float32, -std::numeric_limits<double>::infinity()),
                       b.integer(std::numeric_limits<std::int64_t>::max())},
              .step =
                  [&](std::span<const Value> a) {
                    return better(a[0], a[1], b.load(x, here), b.index(i));
                  },
              .merge = [&](std::span<const Value> l,
                           std::span<const Value> r) { return better(l[0], l[1], r[0], r[1]); }});
  b.store(totals, column, b.load(w, column) + total);
  b.store(largest, column, found[0]);
  b.store(first, column, found[1]);
  b.closing({});
  b.store(all, std::array{b.integer(0)},
          b.fold(std::array{i}, summing(b, float32, [&] { return sum; }))[0]);
  return b.finish();
}

std::vector<float> uneven(std::size_t count) {
  std::vector<float> x(count);
  std::uint32_t state = 1;
  for (float& value : x) {
    state = state * 1664525U + 1013904223U;
    value =
        std::ldexp(static_cast<float>(state >> 8U) - 8388608.0F, -static_cast<int>(state % 30U));
  }
  return x;
}

}  // namespace rill::kernel
