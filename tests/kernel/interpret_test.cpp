#include "tests/catch.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include <rill/kernel/builder.h>
#include <rill/kernel/interpret.h>
#include <rill/kernel/program.h>
#include <rill/tensor/error.h>

#include "tests/kernel/launch.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/random_program.h"

namespace rill::kernel {
namespace {

/// The contract's order, written as plainly as it reads.
float sum_in_order(const std::vector<float>& x) {
  std::vector<float> chunks;
  for (std::size_t first = 0; first < x.size(); first += 512) {
    std::array<float, 16> lanes{};
    for (std::size_t j = 0; j < 512 && first + j < x.size(); ++j) lanes[j % 16] += x[first + j];
    for (std::size_t half : {8U, 4U, 2U, 1U}) {
      for (std::size_t lane = 0; lane < half; ++lane)
        lanes[lane] = lanes[lane] + lanes[lane + half];
    }
    chunks.push_back(lanes[0]);
  }
  while (chunks.size() > 1) {
    std::vector<float> next;
    for (std::size_t i = 0; i + 1 < chunks.size(); i += 2)
      next.push_back(chunks[i] + chunks[i + 1]);
    if (chunks.size() % 2 == 1) next.push_back(chunks.back());
    chunks = next;
  }
  return chunks.empty() ? 0 : chunks[0];
}

TEST_CASE("a sum has the documented order, whatever the number of points") {
  const Program program = sums(float32, true);
  for (const std::size_t inner :
       {0U, 1U, 15U, 16U, 33U, 511U, 512U, 513U, 1537U, 5 * 512U, 20000U}) {
    for (const std::size_t outer : {1U, 3U, 20U}) {
      std::vector<float> x = uneven(outer * inner);
      std::vector<float> y(outer, 7);
      Launch launch;
      launch.sizes = {static_cast<std::int64_t>(outer), static_cast<std::int64_t>(inner)};
      launch.add(x), launch.add(y);
      CHECK(launch.interpret(program).error == 0);
      for (std::size_t i = 0; i < outer; ++i) {
        const auto row = x.begin() + static_cast<std::ptrdiff_t>(i * inner);
        CHECK(y[i] == sum_in_order({row, row + static_cast<std::ptrdiff_t>(inner)}));
      }
    }
  }
}

TEST_CASE("a fold over two axes numbers its elements in row-major order") {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id x = b.buffer(float32, Space::input, std::array{n, m}, std::array{m, b.integer(1)});
  const Id y = b.buffer(float32, Space::output, {}, {});
  const auto sum =
      b.fold(std::array{i, j},
             summing(b, float32, [&] { return b.load(x, std::array{b.index(i), b.index(j)}); }));
  b.store(y, {}, sum[0]);
  std::vector<float> x_data = uneven(77 * 91);
  std::vector<float> y_data(1);
  Launch launch;
  launch.sizes = {77, 91};
  launch.add(x_data), launch.add(y_data);
  CHECK(launch.interpret(b.finish()).error == 0);
  CHECK(y_data[0] == sum_in_order(x_data));
}

TEST_CASE("argmax keeps two accumulators and takes the first of equals") {
  Builder b;
  const Value n = b.size();
  const Id j = b.axis(n);
  const Id x = line(b, float32, Space::input, n);
  const Id y = line(b, int64, Space::output, b.integer(1));
  const auto better = [](std::span<const Value> a, const Value& value, const Value& at) {
    const Value take = (a[0] < value) | ((a[0] == value) & (at < a[1]));
    return std::vector{select(take, value, a[0]), select(take, at, a[1])};
  };
  const auto best = b.fold(
      std::array{j}, {.init = {b.constant(float32, -std::numeric_limits<double>::infinity()),
                               b.integer(std::numeric_limits<std::int64_t>::max())},
                      .step =
                          [&](std::span<const Value> a) {
                            return better(a, b.load(x, std::array{b.index(j)}), b.index(j));
                          },
                      .merge = [&](std::span<const Value> l,
                                   std::span<const Value> r) { return better(l, r[0], r[1]); }});
  b.store(y, std::array{b.integer(0)}, best[1]);
  std::vector<float> x_data(1000, 1.0F);
  x_data[700] = x_data[300] = x_data[999] = 5.0F;
  std::vector<std::int64_t> y_data(1);
  Launch launch;
  launch.sizes = {1000};
  launch.add(x_data), launch.add(y_data);
  launch.interpret(b.finish());
  CHECK(y_data[0] == 300);
}

TEST_CASE("a scan carries chunk totals sequentially") {
  Builder b;
  const Value n = b.size();
  const Id j = b.axis(n);
  const Id x = line(b, float32, Space::input, n);
  const Id y = line(b, float32, Space::output, n);
  const auto prefix = b.fold(
      std::array{j},
      summing(b, float32, [&] { return b.load(x, std::array{b.index(j)}); }, Fold::Kind::scan));
  b.store(y, std::array{b.index(j)}, prefix[0]);
  std::vector<float> x_data = uneven(1300);
  std::vector<float> y_data(1300);
  Launch launch;
  launch.sizes = {1300};
  launch.add(x_data), launch.add(y_data);
  launch.interpret(b.finish());

  std::vector<float> expected;
  float before = 0;
  float prefix_in_chunk = 0;
  for (std::size_t k = 0; k < x_data.size(); ++k) {
    if (k != 0 && k % 512 == 0) {
      before = k == 512 ? prefix_in_chunk : before + prefix_in_chunk;
      prefix_in_chunk = 0;
    }
    prefix_in_chunk += x_data[k];
    expected.push_back(k < 512 ? prefix_in_chunk : before + prefix_in_chunk);
  }
  CHECK(y_data == expected);
}

TEST_CASE("a sequence takes element after element: a bounded loop") {
  // The position of the first number above a limit, by halving: 5 steps for 20 numbers.
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id step = b.axis(b.integer(5));
  const Id limits = line(b, float32, Space::input, n);
  const Id sorted = line(b, float32, Space::input, b.integer(20));
  const Id y = line(b, int64, Space::output, n);
  b.outer(std::array{i});
  const Value limit = b.load(limits, std::array{b.index(i)});
  const auto found = b.fold(std::array{step},
                            {.kind = Fold::Kind::sequence,
                             .init = {b.integer(0), b.integer(20)},
                             .step =
                                 [&](std::span<const Value> a) {
                                   const Value middle = (a[0] + a[1]) / 2;
                                   const Value open = a[0] < a[1];
                                   const Value at = b.load(sorted, std::array{middle}, open, limit);
                                   const Value right = open & (at <= limit);
                                   return std::vector{select(right, middle + 1, a[0]),
                                                      select(right, a[1], middle)};
                                 },
                             .merge = {}});
  b.store(y, std::array{b.index(i)}, found[0]);
  std::vector<float> limits_data = {-1, 0, 3.5, 19, 100};
  std::vector<float> sorted_data(20);
  for (std::size_t k = 0; k < 20; ++k) sorted_data[k] = static_cast<float>(k);
  std::vector<std::int64_t> y_data(5);
  Launch launch;
  launch.sizes = {5};
  launch.add(limits_data), launch.add(sorted_data), launch.add(y_data);
  CHECK(launch.interpret(b.finish()).error == 0);
  CHECK(y_data == std::vector<std::int64_t>{0, 1, 4, 20, 20});
}

TEST_CASE("stages share the outer axes, rows and results: softmax is one program") {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id k = b.axis(m);
  const Id l = b.axis(m);
  const Id x = b.buffer(float32, Space::input, std::array{n, m}, std::array{m, b.integer(1)});
  const Id y = b.buffer(float32, Space::output, std::array{n, m}, std::array{m, b.integer(1)});
  const Id row = b.row(float32, std::array{m});
  b.outer(std::array{i});
  const auto top = b.fold(
      std::array{j},
      {.init = {b.constant(float32, -std::numeric_limits<double>::infinity())},
       .step =
           [&](std::span<const Value> a) {
             return std::vector{maximum(a[0], b.load(x, std::array{b.index(i), b.index(j)}))};
           },
       .merge = [](std::span<const Value> a,
                   std::span<const Value> r) { return std::vector{maximum(a[0], r[0])}; }});
  b.stage(std::array{k});
  const Value shifted = b.load(x, std::array{b.index(i), b.index(k)}) - top[0];
  b.store(row, std::array{b.index(k)}, shifted * shifted + 1);
  b.stage({});
  const auto sum = b.fold(std::array{j},
                          summing(b, float32, [&] { return b.load(row, std::array{b.index(j)}); }));
  b.stage(std::array{l});
  b.store(y, std::array{b.index(i), b.index(l)}, b.load(row, std::array{b.index(l)}) / sum[0]);
  const Program program = b.finish();

  for (const std::int64_t rows : {1, 2, 300}) {
    std::vector<float> x_data;
    for (std::int64_t r = 0; r < rows; ++r) x_data.insert(x_data.end(), {1.0F, 3.0F, 2.0F});
    std::vector<float> y_data(x_data.size());
    Launch launch;
    launch.sizes = {rows, 3};
    launch.add(x_data), launch.add(y_data);
    CHECK(launch.interpret(program).error == 0);
    for (std::size_t r = 0; r < y_data.size(); r += 3) {
      CHECK(y_data[r] == 0.625F);
      CHECK(y_data[r + 1] == 0.125F);
      CHECK(y_data[r + 2] == 0.25F);
    }
  }
}

TEST_CASE("a guarded load gives its otherwise and touches nothing") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n + 2);
  const Id x = line(b, int32, Space::input, n);
  const Id y = line(b, int32, Space::output, n + 2);
  b.outer(std::array{i});
  const Value at = b.index(i) - 1;
  b.store(y, std::array{b.index(i)},
          b.load(x, std::array{at}, (b.integer(0) <= at) & (at < n), b.constant(int32, -7)));
  std::vector<std::int32_t> x_data = {1, 2, 3};
  std::vector<std::int32_t> y_data(5);
  Launch launch;
  launch.sizes = {3};
  launch.add(x_data), launch.add(y_data);
  CHECK(launch.interpret(b.finish()).error == 0);
  CHECK(y_data == std::vector<std::int32_t>{-7, 1, 2, 3, -7});
}

TEST_CASE("strides may be negative or zero") {
  Builder b;
  const Value n = b.size();
  const Value sx = b.size();
  const Value sy = b.size();
  const Id i = b.axis(n);
  const Id x = b.buffer(float64, Space::input, std::array{n}, std::array{sx});
  const Id y = b.buffer(float64, Space::input, std::array{n}, std::array{sy});
  const Id z = line(b, float64, Space::output, n);
  b.outer(std::array{i});
  b.store(z, std::array{b.index(i)},
          b.load(x, std::array{b.index(i)}) - b.load(y, std::array{b.index(i)}));
  std::vector<double> x_data = {1, 2, 3, 4};
  std::vector<double> y_data = {10};
  std::vector<double> z_data(4);
  Launch launch;
  launch.sizes = {4, -1, 0};
  launch.add(x_data, 3), launch.add(y_data), launch.add(z_data);
  CHECK(launch.interpret(b.finish()).error == 0);
  CHECK(z_data == std::vector<double>{-6, -7, -8, -9});
}

TEST_CASE("a scatter that meets an element twice applies its updates in index order") {
  const auto scattered = [](Store::Mode mode) {
    Builder b;
    const Value n = b.size();
    const Id i = b.axis(n);
    const Id index = line(b, int64, Space::input, n);
    const Id x = line(b, float32, Space::input, n);
    const Id y = line(b, float32, Space::in_out, b.integer(3));
    b.outer(std::array{i});
    b.store(y, std::array{b.load(index, std::array{b.index(i)})}, b.load(x, std::array{b.index(i)}),
            mode, false);
    std::vector<std::int64_t> index_data = {0, 2, 0, 2, 0};
    std::vector<float> x_data = {1e8F, 2, -1e8F, 3, 1};
    std::vector<float> y_data = {1, 10, 100};
    Launch launch;
    launch.sizes = {5};
    launch.add(index_data), launch.add(x_data), launch.add(y_data);
    CHECK(launch.interpret(b.finish()).error == 0);
    return y_data;
  };
  CHECK(scattered(Store::Mode::set) == std::vector<float>{1, 10, 3});
  CHECK(scattered(Store::Mode::add) == std::vector<float>{1, 10, 105});  // (1 + 1e8) - 1e8 is 0
  CHECK(scattered(Store::Mode::multiply) == std::vector<float>{-1e16F, 10, 600});
  CHECK(scattered(Store::Mode::minimum) == std::vector<float>{-1e8F, 10, 2});
  CHECK(scattered(Store::Mode::maximum) == std::vector<float>{1e8F, 10, 100});
}

TEST_CASE("the earliest failed check is reported, with what it shows") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id index = line(b, int64, Space::input, n);
  const Id y = line(b, int64, Space::output, n);
  b.outer(std::array{i});
  const Value at = b.load(index, std::array{b.index(i)});
  b.check(at < 100, 11, std::array{at, n});
  b.check(b.integer(0) <= at, 12, std::array{at});
  b.store(y, std::array{b.index(i)}, maximum(at, 0));
  std::vector<std::int64_t> index_data(1000, 5);
  index_data[800] = 100;
  index_data[600] = -3;
  std::vector<std::int64_t> y_data(1000);
  Launch launch;
  launch.sizes = {1000};
  launch.add(index_data), launch.add(y_data);
  const Program program = b.finish();
  const Failure failure = launch.interpret(program);
  CHECK(failure.error == 2);
  CHECK(program.checks[failure.error - 1].error == 12);
  CHECK(failure.position == 600);
  CHECK(failure.shown_count == 1);
  CHECK(failure.shown[0] == -3);
  CHECK(y_data[600] == 0);
  CHECK(y_data[999] == 5);
}

TEST_CASE("an access outside its buffer is reported and touches nothing") {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Id i = b.axis(n);
  const Id x = line(b, float32, Space::input, m);
  const Id y = line(b, float32, Space::output, m);
  b.outer(std::array{i});
  b.store(y, std::array{b.index(i) - 1}, b.load(x, std::array{b.index(i)}) + 1);
  std::vector<float> x_data = {1, 2, 3};
  std::vector<float> y_data = {0, 0, 0};
  Launch launch;
  launch.sizes = {6, 3};
  launch.add(x_data), launch.add(y_data);
  const Failure failure = launch.interpret(b.finish());
  CHECK(failure.error == Failure::bounds);
  CHECK(failure.position == 0);
  CHECK(y_data == std::vector<float>{3, 4, 1});
}

TEST_CASE("ranges of points add up to the whole") {
  const Interpreter interpreter(sums(float32, true));
  std::vector<float> x = uneven(700 * 5);
  std::vector<float> whole(700);
  std::vector<float> pieces(700);
  Launch launch;
  launch.sizes = {700, 5};
  launch.add(x), launch.add(whole);
  CHECK(interpreter.points(launch.sizes.data()) == 700);
  interpreter.run(launch.arguments(), 0, 700);
  launch.buffers.pop_back();
  launch.add(pieces);
  interpreter.run(launch.arguments(), 0, 1);
  interpreter.run(launch.arguments(), 1, 400);
  interpreter.run(launch.arguments(), 400, 1000);
  CHECK(pieces == whole);
}

TEST_CASE("random programs give the same bits whole and in pieces") {
  // Whole, many points are taken together; one point alone takes the chunks of its folds together.
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomProgram whole = random_program(seed);
    const bool scatters = std::any_of(whole.program.stores.begin(), whole.program.stores.end(),
                                      [](const Store& store) { return !store.unique; });
    if (scatters) continue;
    const Interpreter interpreter(whole.program);
    CHECK(interpreter.points(whole.sizes.data()) == whole.points);
    RandomProgram pieces = whole;
    const auto run = [&](RandomProgram& on, std::int64_t step) {
      std::vector<std::byte*> buffers;
      for (auto& memory : on.memories) buffers.push_back(memory.bytes.data() + memory.first);
      Failure failure;
      const KernelArguments arguments{buffers.data(), on.sizes.data(), on.parameters.data(),
                                      nullptr,        nullptr,         &failure};
      for (std::int64_t begin = 0; begin < on.points; begin += step) {
        interpreter.run(arguments, begin, std::min(on.points, begin + step));
      }
      return failure;
    };
    const Failure expected = run(whole, whole.points + 1);
    const Failure failure = run(pieces, 1);
    CHECK(expected.error != Failure::bounds);
    CHECK(failure.error == expected.error);
    CHECK(failure.position == expected.position);
    CHECK(failure.shown == expected.shown);
    for (std::size_t m = 0; m < whole.memories.size(); ++m) {
      const std::string difference = kernel::difference(whole.memories[m], pieces.memories[m]);
      if (!difference.empty())
        FAIL_CHECK("seed " << seed << ", buffer " << m << ": " << difference);
    }
  }
}

TEST_CASE("extents that overflow are refused") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(n);
  b.outer(std::array{i, j});
  const Id y = b.buffer(int64, Space::output, std::array{n, n}, std::array{n, b.integer(1)});
  b.store(y, std::array{b.index(i), b.index(j)}, b.index(j));
  std::vector<std::int64_t> y_data(1);
  Launch launch;
  launch.sizes = {std::int64_t{1} << 40U};
  launch.add(y_data);
  CHECK_THROWS_AS(launch.interpret(b.finish()), InternalError);
  launch.sizes = {-1};
  CHECK(launch.interpret(b.finish()).error == 0);
}

}  // namespace
}  // namespace rill::kernel
