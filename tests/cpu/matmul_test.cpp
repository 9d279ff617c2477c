#include "tests/catch.h"

#include <rill/cpu/allocator.h>
#include <rill/cpu/blas.h>
#include <rill/cpu/half_conversion.h>
#include <rill/cpu/matmul.h>
#include <rill/cpu/thread_pool.h>
#include <rill/tensor/error.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace rill::cpu;
namespace kernel = rill::kernel;
using rill::BFloat16;
using rill::DType;
using rill::Half;

namespace {

template <class T>
std::vector<T> random_numbers(std::int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> whole(-100, 100);
  std::vector<T> numbers(static_cast<std::size_t>(count));
  for (T& number : numbers) {
    if constexpr (std::is_integral_v<T>)
      number = static_cast<T>(whole(generator));
    else
      number = static_cast<T>(normal(generator));
  }
  return numbers;
}

template <class T>
std::vector<T> random_a(const kernel::MatmulShape& s) {
  return random_numbers<T>((s.broadcast_a ? 1 : s.batch) * s.m * s.k, 1);
}
template <class T>
std::vector<T> random_b(const kernel::MatmulShape& s) {
  return random_numbers<T>((s.broadcast_b ? 1 : s.batch) * s.k * s.n, 2);
}

template <class T>
void execute(const kernel::Plan& plan, const T* a, const T* b, T* c) {
  std::vector<std::max_align_t> workspace(plan.workspace() / sizeof(std::max_align_t) + 1);
  const std::byte* const inputs[] = {reinterpret_cast<const std::byte*>(a),
                                     reinterpret_cast<const std::byte*>(b)};
  std::byte* const outputs[] = {reinterpret_cast<std::byte*>(c)};
  plan.execute(inputs, outputs, reinterpret_cast<std::byte*>(workspace.data()));
}

template <class T>
std::vector<T> multiply(kernel::MatmulShape shape, const std::vector<T>& a, const std::vector<T>& b,
                        Level at = level()) {
  shape.dtype = rill::dtype_of<T>;
  std::vector<T> c(static_cast<std::size_t>(shape.batch * shape.m * shape.n), T(7.0F));
  execute(Matmul(shape, at), a.data(), b.data(), c.data());
  return c;
}

/// The sums of products and of their absolute values, in double.
template <class T>
struct Reference {
  std::vector<double> sum, magnitude;

  Reference(const kernel::MatmulShape& s, const std::vector<T>& a, const std::vector<T>& b) {
    for (std::int64_t q = 0; q < s.batch; ++q) {
      for (std::int64_t i = 0; i < s.m; ++i) {
        for (std::int64_t j = 0; j < s.n; ++j) {
          double total = 0;
          double absolute = 0;
          for (std::int64_t p = 0; p < s.k; ++p) {
            const auto x = static_cast<double>(
                a[static_cast<std::size_t>((s.broadcast_a ? 0 : q * s.m * s.k) +
                                           (s.transpose_a ? p * s.m + i : i * s.k + p))]);
            const auto y = static_cast<double>(
                b[static_cast<std::size_t>((s.broadcast_b ? 0 : q * s.k * s.n) +
                                           (s.transpose_b ? j * s.k + p : p * s.n + j))]);
            total += x * y;
            absolute += std::abs(x * y);
          }
          sum.push_back(total);
          magnitude.push_back(absolute);
        }
      }
    }
  }
};

template <class T>
void check_against_reference(const kernel::MatmulShape& shape, double epsilon, double rounding,
                             Level at = level()) {
  CAPTURE(shape.batch, shape.m, shape.n, shape.k, shape.transpose_a, shape.transpose_b,
          name_of(at));
  const auto a = random_a<T>(shape);
  const auto b = random_b<T>(shape);
  const auto c = multiply(shape, a, b, at);
  const Reference<T> reference(shape, a, b);
  int wrong = 0;
  for (std::size_t e = 0; e < c.size(); ++e) {
    const double bound = static_cast<double>(shape.k + 1) * epsilon * reference.magnitude[e] +
                         rounding * std::abs(reference.sum[e]) + 1e-7;
    if (!(std::abs(static_cast<double>(c[e]) - reference.sum[e]) <= bound)) ++wrong;
  }
  CHECK(wrong == 0);
}

kernel::MatmulShape shape_of(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k,
                             bool ta, bool tb) {
  return {.batch = batch, .m = m, .n = n, .k = k, .transpose_a = ta, .transpose_b = tb};
}

std::vector<kernel::MatmulShape> matmul_shapes() {
  std::vector<kernel::MatmulShape> all;
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const auto& [m, n, k] : std::vector<std::array<std::int64_t, 3>>{{1, 1, 1},
                                                                            {1, 1, 300},
                                                                            {2, 3, 4},
                                                                            {8, 8, 8},
                                                                            {7, 5, 3},
                                                                            {1, 50, 70},
                                                                            {50, 1, 70},
                                                                            {3, 100, 65},
                                                                            {17, 49, 33},
                                                                            {65, 97, 300},
                                                                            {100, 200, 513},
                                                                            {5, 6, 9000},
                                                                            {1, 3, 20000},
                                                                            {33, 1100, 40}}) {
        all.push_back(shape_of(1, m, n, k, ta, tb));
      }
      all.push_back(shape_of(5, 9, 20, 11, ta, tb));
      all.push_back(shape_of(5, 9, 20, 11, ta, tb));
      all.back().broadcast_a = true;
      all.push_back(shape_of(5, 9, 20, 11, ta, tb));
      all.back().broadcast_b = true;
      all.push_back(shape_of(3, 1, 20, 11, ta, tb));
      all.push_back(shape_of(3, 20, 1, 11, ta, tb));
    }
  }
  return all;
}

std::vector<Level> levels_here() {
  std::vector<Level> here;
  for (const Level l : levels) {
    if (l <= detected_level()) here.push_back(l);
  }
  return here;
}

}  // namespace

TEST_CASE("a product of small matrices", "[cpu][matmul]") {
  const std::vector<float> a{1, 2, 3, 4, 5, 6};
  const std::vector<float> b{1, 0, 2, 0, 1, 3};
  CHECK(multiply({.m = 2, .n = 2, .k = 3}, a, b) == std::vector<float>{8, 9, 20, 18});
  CHECK(multiply({.m = 2, .n = 2, .k = 3, .transpose_b = true}, a, b) ==
        std::vector<float>{7, 11, 16, 23});
  CHECK(multiply({.m = 2, .n = 2, .k = 3, .transpose_a = true}, a, b) ==
        std::vector<float>{12, 15, 16, 18});
  CHECK(multiply({.batch = 2, .m = 1, .n = 1, .k = 3, .broadcast_b = true}, a, {1, 1, 1}) ==
        std::vector<float>{6, 15});
}

TEST_CASE("empty products", "[cpu][matmul]") {
  CHECK(multiply<float>({.m = 2, .n = 2, .k = 0}, {}, {}) == std::vector<float>{0, 0, 0, 0});
  CHECK(multiply<double>({.m = 1, .n = 2, .k = 0}, {}, {}) == std::vector<double>{0, 0});
  CHECK(multiply<std::int32_t>({.m = 2, .n = 1, .k = 0}, {}, {}) ==
        std::vector<std::int32_t>{0, 0});
  CHECK(multiply<Half>({.m = 0, .n = 2, .k = 3}, {}, std::vector<Half>(6)).empty());
  CHECK(multiply<float>({.m = 2, .n = 0, .k = 3}, std::vector<float>(6), {}).empty());
  CHECK(multiply<float>({.batch = 0, .m = 2, .n = 2, .k = 3}, {}, {}).empty());
}

TEST_CASE("floating-point products stay within the classical error bound", "[cpu][matmul]") {
  for (const Level at : levels_here()) {
    for (const kernel::MatmulShape& shape : matmul_shapes()) {
      check_against_reference<float>(shape, 0x1p-24, 0, at);
      check_against_reference<double>(shape, 0x1p-53, 0, at);
    }
  }
}

TEST_CASE("half types accumulate in float32 and round once", "[cpu][matmul]") {
  for (const Level at : levels_here()) {
    for (const kernel::MatmulShape& shape : matmul_shapes()) {
      check_against_reference<Half>(shape, 0x1p-24, 0x1p-11, at);
      check_against_reference<BFloat16>(shape, 0x1p-24, 0x1p-8, at);
    }
  }
}

TEST_CASE("products of integers wrap", "[cpu][matmul]") {
  CHECK(multiply<std::int8_t>({.m = 1, .n = 1, .k = 2}, {100, 100}, {2, 1}) ==
        std::vector<std::int8_t>{44});
  CHECK(multiply<std::uint8_t>({.m = 1, .n = 1, .k = 1}, {200}, {2}) ==
        std::vector<std::uint8_t>{144});
  CHECK(multiply<std::uint16_t>({.m = 1, .n = 1, .k = 1}, {65535}, {65535}) ==
        std::vector<std::uint16_t>{1});
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  CHECK(multiply<std::int64_t>({.m = 1, .n = 1, .k = 2}, {most, 1}, {1, 1}) ==
        std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()});
}

TEST_CASE("integer products are exact in every layout", "[cpu][matmul]") {
  for (const kernel::MatmulShape& shape : matmul_shapes()) {
    const auto a = random_a<std::int32_t>(shape);
    const auto b = random_b<std::int32_t>(shape);
    const Reference<std::int32_t> reference(shape, a, b);
    CHECK(multiply(shape, a, b) ==
          std::vector<std::int32_t>(reference.sum.begin(), reference.sum.end()));
  }
}

TEST_CASE("a product of bools is true where any pair is", "[cpu][matmul]") {
  const bool a[] = {true, false, false, false};
  const bool b[] = {false, true, true, true};
  bool c[4] = {};
  execute(Matmul({.dtype = DType::bool_, .m = 2, .n = 2, .k = 2}), a, b, c);
  CHECK_FALSE(c[0]);
  CHECK(c[1]);
  CHECK_FALSE(c[2]);
  CHECK_FALSE(c[3]);
}

TEST_CASE("a product's bits do not depend on the number of threads", "[cpu][matmul]") {
  const int found = threads();
  for (kernel::MatmulShape shape : matmul_shapes()) {
    shape.m *= 3;
    const auto a = random_a<float>(shape);
    const auto b = random_b<float>(shape);
    set_threads(1);
    const auto expected = multiply(shape, a, b);
    for (const int count : {2, 7, 16}) {
      set_threads(count);
      const auto got = multiply(shape, a, b);
      CAPTURE(shape.m, shape.n, shape.k, count);
      CHECK(std::memcmp(expected.data(), got.data(), expected.size() * sizeof(float)) == 0);
    }
  }
  set_threads(found);
}

TEST_CASE("an epilogue sees every element of a product once, when it is there", "[cpu][matmul]") {
  const auto epilogue = [](const kernel::KernelArguments* arguments, std::int64_t begin,
                           std::int64_t end) {
    auto* const c = reinterpret_cast<float*>(arguments->buffers[0]);
    for (std::int64_t i = begin; i < end; ++i) c[i] = 2 * c[i] + static_cast<float>(i);
  };
  std::vector<kernel::MatmulShape> all = matmul_shapes();
  all.push_back(shape_of(1, 40, 5000, 300, false, false));  // columns in several chunks
  all.push_back(shape_of(1, 3000, 200, 40, false, true));   // rows in several pieces
  int with_epilogue = 0;
  for (const kernel::MatmulShape& shape : all) {
    const auto a = random_a<float>(shape);
    const auto b = random_b<float>(shape);
    std::vector<float> expected = multiply(shape, a, b);
    for (std::size_t i = 0; i < expected.size(); ++i)
      expected[i] = 2 * expected[i] + static_cast<float>(i);
    const Matmul product(shape);
    if (!product.takes_epilogue()) continue;
    ++with_epilogue;
    std::vector<float> c(expected.size());
    std::vector<std::max_align_t> workspace(product.workspace() / sizeof(std::max_align_t) + 1);
    const std::byte* const inputs[] = {reinterpret_cast<const std::byte*>(a.data()),
                                       reinterpret_cast<const std::byte*>(b.data())};
    std::byte* const outputs[] = {reinterpret_cast<std::byte*>(c.data())};
    product.execute(inputs, outputs, reinterpret_cast<std::byte*>(workspace.data()),
                    {epilogue, {outputs, nullptr, nullptr}});
    CAPTURE(shape.batch, shape.m, shape.n, shape.k, shape.transpose_a, shape.transpose_b);
    CHECK(std::memcmp(expected.data(), c.data(), c.size() * sizeof(float)) == 0);
  }
  CHECK(with_epilogue > 50);
}

TEST_CASE("half types take no epilogue", "[cpu][matmul]") {
  const Matmul product({.dtype = DType::float16, .m = 2, .n = 2, .k = 2});
  CHECK_FALSE(product.takes_epilogue());
  CHECK_THROWS_AS(
      Matmul({.dtype = DType::int32, .m = 1, .n = 1, .k = 1}).execute({}, {}, nullptr, {}),
      rill::InternalError);
}

/// Matrices [rows, columns] stored as [columns, rows].
template <class T>
std::vector<T> transposed(const std::vector<T>& from, std::int64_t rows, std::int64_t columns) {
  std::vector<T> to(from.size());
  const std::int64_t size = rows * columns;
  for (std::int64_t e = 0; e < std::ssize(from); ++e) {
    const std::int64_t in = e % size;
    to[static_cast<std::size_t>(e - in + in % columns * rows + in / columns)] =
        from[static_cast<std::size_t>(e)];
  }
  return to;
}

/// Of the ways to store the operands of a product, how many promise the bits of the first, and
/// whether all that do keep it.
template <class T>
int keeping_bits(kernel::MatmulShape shape) {
  shape.dtype = rill::dtype_of<T>;
  shape.transpose_a = shape.transpose_b = false;
  const auto a = random_a<T>(shape);
  const auto b = random_b<T>(shape);
  const auto expected = multiply(shape, a, b);
  const Matmul first(shape);
  int promised = 0;
  for (const int flags : {1, 2, 3}) {
    kernel::MatmulShape other = shape;
    other.transpose_a = (flags & 1) != 0;
    other.transpose_b = (flags & 2) != 0;
    if (!Matmul(other).same_bits_as(first)) continue;
    ++promised;
    const auto got = multiply(other, other.transpose_a ? transposed(a, shape.m, shape.k) : a,
                              other.transpose_b ? transposed(b, shape.k, shape.n) : b);
    CAPTURE(shape.batch, shape.m, shape.n, shape.k, flags);
    CHECK(std::memcmp(expected.data(), got.data(), expected.size() * sizeof(T)) == 0);
  }
  return promised;
}

TEST_CASE("a product whose operands are stored transposed has the bits that it promises",
          "[cpu][matmul]") {
  for (const kernel::MatmulShape& shape : matmul_shapes()) {
    keeping_bits<float>(shape);
    keeping_bits<double>(shape);
    keeping_bits<Half>(shape);
    CHECK(keeping_bits<std::int32_t>(shape) == 3);
  }
  CHECK(keeping_bits<float>({.m = 64, .n = 48, .k = 300}) == 3);
  CHECK(keeping_bits<float>({.batch = 3, .m = 5, .n = 2, .k = 300}) == 3);
  CHECK(keeping_bits<double>({.m = 6, .n = 7, .k = 20000}) == 3);
  // Few rows times rows are dot products, which add by lanes.
  CHECK(keeping_bits<float>({.m = 4, .n = 48, .k = 300}) == 2);
  CHECK(keeping_bits<float>({.m = 48, .n = 1, .k = 300}) == 1);
}

TEST_CASE("AVX2 and AVX-512 give the same bits", "[cpu][matmul]") {
  if (detected_level() < Level::avx512) return;
  for (const kernel::MatmulShape& shape : matmul_shapes()) {
    const auto a = random_a<float>(shape);
    const auto b = random_b<float>(shape);
    if (shape.k >= 8192) continue;  // such sums are cut by the number of tiles, which differs
    const auto narrow = multiply(shape, a, b, Level::avx2);
    const auto wide = multiply(shape, a, b, Level::avx512);
    CAPTURE(shape.m, shape.n, shape.k);
    CHECK(std::memcmp(narrow.data(), wide.data(), wide.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("infinities and NaN come through", "[cpu][matmul]") {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto c = multiply<float>({.m = 2, .n = 2, .k = 2}, {infinity, 1, 0, 1}, {1, 0, 2, 3});
  CHECK(c[0] == infinity);
  CHECK(std::isnan(c[1]));
  CHECK(c[2] == 2);
  CHECK(c[3] == 3);
}

TEST_CASE("executing a product allocates nothing", "[cpu][matmul]") {
  const kernel::MatmulShape shape{.m = 100, .n = 100, .k = 100, .transpose_b = true};
  const auto a = random_numbers<float>(10000, 1);
  const Matmul product(shape);
  std::vector<float> c(10000);
  const auto before = memory_statistics().allocations;
  execute(product, a.data(), a.data(), c.data());
  CHECK(memory_statistics().allocations == before);
}

TEST_CASE("half conversions of arrays agree with those of single numbers at every level",
          "[cpu][half_conversion]") {
  std::vector<Half> halves;
  std::vector<BFloat16> bfloats;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    halves.push_back(Half::from_bits(static_cast<std::uint16_t>(bits)));
    bfloats.push_back(BFloat16::from_bits(static_cast<std::uint16_t>(bits)));
  }
  const auto same = [](float x, float y) {
    return std::isnan(x) ? std::isnan(y)
                         : std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  };
  std::vector<float> wide(65536);
  std::vector<Half> back(65536);
  for (const Level at : levels_here()) {
    int wrong = 0;
    widen(halves.data(), wide.data(), 65536, at);
    for (std::size_t i = 0; i < 65536; ++i) wrong += !same(wide[i], halves[i]);
    // Numbers between two halves, too.
    for (float& x : wide) x *= 1.0003F;
    narrow(wide.data(), back.data(), 65536, at);
    for (std::size_t i = 0; i < 65536; ++i) wrong += !same(back[i], Half(wide[i]));
    widen(bfloats.data(), wide.data(), 65536, at);
    for (std::size_t i = 0; i < 65536; ++i) wrong += !same(wide[i], bfloats[i]);
    CHECK(wrong == 0);
  }
}

TEST_CASE("OpenBLAS is loaded with the kernels of the level and leaves the environment as it was",
          "[cpu][blas]") {
  const char* const before = std::getenv("OPENBLAS_CORETYPE");
  const blas::Information& information = blas::information();
  CHECK(std::getenv("OPENBLAS_CORETYPE") == before);
  if (!information.available) return;
  CHECK_THAT(information.configuration, Catch::Contains("OpenBLAS"));
  if (before == nullptr && !information.loaded_by_host) {
    const char* const expected[] = {"Prescott", "Haswell", "SkylakeX"};
    CHECK(information.core == expected[static_cast<int>(level())]);
  }
  const std::vector<double> a{1, 2, 3, 4};
  const std::vector<double> b{1, 1, 0, 1};
  std::vector<double> c(4);
  blas::gemm(2, 2, 2, {a.data(), 2}, {b.data(), 2}, {c.data(), 2});
  CHECK(c == std::vector<double>{1, 3, 3, 7});
  std::vector<double> y(2);
  blas::gemv(2, 2, {a.data(), 2, true}, b.data(), y.data());
  CHECK(y == std::vector<double>{4, 6});
}
