#include <rill/ops/random.h>

#include <atomic>
#include <cmath>
#include <string>
#include <utility>

#include <rill/kernel/math.h>
#include <rill/kernel/philox.h>
#include <rill/ops/axes.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/check.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/families.h>
#include <rill/ops/infer.h>
#include <rill/ops/operators.h>
#include <rill/ops/shape.h>
#include <rill/ops/sort.h>
#include <rill/tensor/elements.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/rehearsal.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

/// What a draw looks like: flat, so that positions are numbered in row-major order whatever the
/// shape.
struct RandomAttributes {
  Shape count;
  DType dtype = float32;
  static constexpr auto fields() {
    return std::tuple{field("count", &RandomAttributes::count),
                      field("dtype", &RandomAttributes::dtype)};
  }
};

void random_rule(Infer& i, const RandomAttributes& a) {
  if (i.dtype(0) != uint64 || !(i.shape(0) == Shape{2}))
    i.fail<ValueError>("draws with a key, uint64[2]");
  if (a.count.rank() != 1) i.fail<ShapeError>("makes one axis, not " + a.count.text());
  i.out(a.dtype, a.count);
}

void float_rule(Infer& i, const RandomAttributes& a) {
  if (!is_float(a.dtype)) i.fail<DTypeError>("makes floats, not " + std::string(name(a.dtype)));
  random_rule(i, a);
}

std::array<Value, 4> words(Body& b) {
  return kernel::philox(b.in(0, {b.integer(0)}), kernel::cast(b.at(0), uint64),
                        b.in(0, {b.integer(1)}));
}

/// How many bits uniform numbers have: as many as keep them below 1 after rounding.
int unit_bits(DType dtype) {
  return dtype == float64 ? 53 : dtype == float32 ? 24 : dtype == float16 ? 11 : 8;
}

/// In [0, 1).
Value unit(const std::array<Value, 4>& words, DType dtype) {
  if (dtype == float64) return kernel::uniform_float64(words[1], words[0]);
  if (dtype == float32) return kernel::uniform_float32(words[0]);
  const int bits = unit_bits(dtype);
  return kernel::cast(words[0] >> (32 - bits), float32) * std::ldexp(1.0, -bits);
}

Value standard_normal(const std::array<Value, 4>& words, DType dtype) {
  return dtype == float64 ? kernel::normal_float64(words)[0]
                          : kernel::normal_float32(words[0], words[1])[0];
}

/// sqrt(2) erfinv(2 u - 1) for u uniform between the distribution function's values at -2 and 2.
Value truncated(const std::array<Value, 4>& words, DType dtype) {
  const Value u = dtype == float64 ? kernel::uniform_float64(words[1], words[0])
                                   : kernel::uniform_float32(words[0]);
  const double reach = std::erf(std::sqrt(2.0));  // P(|z| < 2)
  // The middle of each step, so that the ends are never met.
  const Value centred = (u * 2.0 - (1.0 - std::ldexp(1.0, dtype == float64 ? -53 : -24))) * reach;
  return kernel::math::erfinv(centred) * std::sqrt(2.0);
}

/// The upper 64 bits of a product of two uint64.
Value high_product(const Value& a, const Value& b) {
  const std::int64_t low_half = 0xffffffff;
  const Value a0 = a & low_half, a1 = a >> 32, b0 = b & low_half, b1 = b >> 32;
  const Value middle = a1 * b0 + (a0 * b0 >> 32);
  const Value other = a0 * b1 + (middle & low_half);
  return a1 * b1 + (middle >> 32) + (other >> 32);
}

Value bits(const std::array<Value, 4>& words) {
  return kernel::cast(words[0], uint64) | kernel::cast(words[1], uint64) << 32;
}

constexpr Op table[] = {
    {.name = "random_uniform",
     .peers = {.numpy = "random.random", .tensorflow = "random.uniform", .torch = "rand"},
     .rule = named<&float_rule>,
     .body = [](Body& b, const RandomAttributes& a) { b.out(unit(words(b), a.dtype)); }},
    {.name = "random_normal",
     .peers = {.numpy = "random.standard_normal", .tensorflow = "random.normal", .torch = "randn"},
     .rule = named<&float_rule>,
     .body = [](Body& b, const RandomAttributes& a) { b.out(standard_normal(words(b), a.dtype)); }},
    {.name = "random_truncated_normal",
     .peers = {.tensorflow = "random.truncated_normal", .torch = "nn.init.trunc_normal_"},
     .rule = named<&float_rule>,
     .body = [](Body& b, const RandomAttributes& a) { b.out(truncated(words(b), a.dtype)); }},
    {.name = "random_bits",
     .rule = named<&random_rule>,
     .body = [](Body& b, const RandomAttributes&) { b.out(bits(words(b))); }},
    // Inputs: key, lowest, how many there are.
    {.name = "random_integers",
     .peers = {.numpy = "random.integers", .tensorflow = "random.uniform", .torch = "randint"},
     .rule =
         [](Infer& i, const RandomAttributes& a) {
           if (!is_integer(a.dtype))
             i.fail<DTypeError>("makes integers, not " + std::string(name(a.dtype)));
           i.convert_from(1, int64);
           random_rule(i, a);
         },
     .body =
         [](Body& b, const RandomAttributes& a) {
           const Value offset = high_product(bits(words(b)), kernel::cast(b.in(2), uint64));
           b.out(kernel::cast(b.in(1) + kernel::cast(offset, int64), a.dtype));
         }},
};
template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

double rounded(double number, DType dtype) {
  return Scalar::from_bits(dtype, Scalar(number).bits(dtype)).real();
}

/// The element of `dtype` below `x`, which is one.
double before(double x, DType dtype) {
  if (x == 0) return -Scalar::from_bits(dtype, 1).real();
  const std::uint64_t bits = Scalar(x).bits(dtype);
  return Scalar::from_bits(dtype, x > 0 ? bits - 1 : bits + 1).real();
}

/// Uniform numbers stretched to [low, high). Rounding may bring the largest of them up to `high`.
struct Stretch {
  bool reaches_high;
  double last;  ///< the element of the dtype below `high`

  Stretch(double low, double high, DType dtype, Where where) {
    const double first = rounded(low, dtype), end = rounded(high, dtype);
    const double span = rounded(high - low, dtype);
    const bool proper = std::isfinite(first) && std::isfinite(end) && std::isfinite(span);
    if (!proper || !(first < end)) {
      throw ValueError("uniform: [" + Scalar(low).text() + ", " + Scalar(high).text() +
                       (proper ? ") holds no " : ") has no finite bounds and width in ") +
                       std::string(name(dtype)) + where.suffix());
    }
    last = before(end, dtype);
    // As the kernels compute it: each step is exact in double, or rounds twice without harm.
    const double unit = 1 - std::ldexp(1.0, -unit_bits(dtype));
    reaches_high = rounded(rounded(unit * span, dtype) + first, dtype) >= end;
  }
};

Tensor drawn(const Op& op, const Shape& shape, DType dtype, rng::Generator* generator,
             Where where) {
  detail::require_sizes(shape);
  const Tensor key = (generator != nullptr ? *generator : rng::default_generator()).draw(where);
  const RandomAttributes attributes{Shape{shape.size()}, dtype};
  return call_for<1>(op, {key}, attributes, where)[0].reshape(shape, where);
}

void require_broadcast(const Tensor& p, const Shape& shape, Where where) {
  if (!p.defined()) detail::fail_undefined("bernoulli", where);
  if (!stretches_to(p.shape(), shape)) {
    throw ShapeError("bernoulli: the probabilities " + p.type_text() + " do not broadcast to " +
                     shape.text() + where.suffix());
  }
}

}  // namespace

std::span<const Op> families::random() { return table; }

namespace rng {

namespace {

std::uint64_t next_generator_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

struct Generator::Stream {
  const std::uint64_t id = next_generator_id();
  std::atomic<std::uint64_t> seed;
  std::atomic<std::uint64_t> next{0};

  explicit Stream(std::uint64_t given) : seed(given) {}
};

Generator::Generator(std::uint64_t seed) : stream_(std::make_shared<Stream>(seed)) {}
Generator::Generator(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}

std::shared_ptr<Generator> Generator::shared() const {
  // NOLINTNEXTLINE(modernize-make-shared): the constructor is private
  return std::shared_ptr<Generator>(new Generator(stream_));
}

std::uint64_t Generator::id() const { return stream_->id; }
std::uint64_t Generator::draws() const { return stream_->next; }

void Generator::seed(std::uint64_t seed, Where where) {
  if (!Listeners::none()) Listeners::tell(&Listener::seed, SeedEvent{*this, "seed", where});
  if (Rehearsal::current() != nullptr) return;
  stream_->seed = seed;
  stream_->next = 0;
}

void Generator::skip_to(std::uint64_t draws, Where where) {
  if (!Listeners::none()) Listeners::tell(&Listener::seed, SeedEvent{*this, "skip_to", where});
  if (Rehearsal::current() != nullptr) return;
  stream_->next = draws;
}

Tensor Generator::draw(Where where) {
  Tensor key;
  if (Rehearsal::current() != nullptr) {
    key = Tensor::abstract({2}, uint64);
  } else {
    const std::array<std::uint64_t, 2> numbers = {stream_->seed.load(), stream_->next.fetch_add(1)};
    const Silence silence;  // heard as a draw, not as a constant
    key = tensor(numbers);
  }
  if (!Listeners::none()) Listeners::tell(&Listener::draw, DrawEvent{*this, key, where});
  return key;
}

Generator& default_generator() {
  static Generator& generator = *new Generator;  // used by threads that outlive static destruction
  return generator;
}

void seed(std::uint64_t seed, Where where) { default_generator().seed(seed, where); }

Tensor uniform(const Shape& shape, double low, double high, const RandomOptions& options,
               Where where) {
  const detail::UserCall scope("uniform", where);
  if (!is_float(options.dtype)) return uniform(shape, options, where);  // says what is wrong
  const Stretch stretch(low, high, options.dtype, where);
  const Tensor unit = uniform(shape, options, where);
  const Tensor x = add({multiply({unit, where}, high - low), where}, low);
  return stretch.reaches_high ? minimum({x, where}, stretch.last) : x;
}

Tensor uniform(const Shape& shape, const RandomOptions& options, Where where) try {
  return drawn(find<"random_uniform">, shape, options.dtype, options.generator, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("uniform", where);
}

Tensor normal(const Shape& shape, const RandomOptions& options, Where where) try {
  return drawn(find<"random_normal">, shape, options.dtype, options.generator, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("normal", where);
}

Tensor truncated_normal(const Shape& shape, const RandomOptions& options, Where where) try {
  return drawn(find<"random_truncated_normal">, shape, options.dtype, options.generator, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("truncated_normal", where);
}

Tensor randint(const Shape& shape, std::int64_t low, std::int64_t high,
               const RandintOptions& options, Where where) try {
  if (high <= low) {
    throw ValueError("randint: there is no integer in [" + std::to_string(low) + ", " +
                     std::to_string(high) + ")" + where.suffix());
  }
  detail::require_sizes(shape);
  for (std::int64_t end : {low, high - 1}) {
    if (is_integer(options.dtype))
      (void)Scalar(end).bits(options.dtype);  // throws when it does not fit
  }
  std::int64_t count = 0;
  if (__builtin_sub_overflow(high, low, &count)) {
    throw ValueError("randint: [" + std::to_string(low) + ", " + std::to_string(high) +
                     ") holds more than 2^63 integers" + where.suffix());
  }
  const Tensor key =
      (options.generator != nullptr ? *options.generator : default_generator()).draw(where);
  const RandomAttributes attributes{Shape{shape.size()}, options.dtype};
  return call_for<1>(find<"random_integers">, {key, Tensor::weak(low), Tensor::weak(count)},
                     attributes, where)[0]
      .reshape(shape, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("randint", where);
}

Tensor bernoulli(const Shape& shape, const Operand& p, const DrawOptions& options) {
  const detail::UserCall scope("bernoulli", p.where());
  const Where where = p.where();
  if (p.is_tensor()) {
    require_broadcast(p.tensor(), shape, where);
    check({(Operand(p.tensor(), where) >= 0) & (Operand(p.tensor(), where) <= 1), where},
          "bernoulli takes probabilities in [0, 1]");
  } else if (const bool proper = p.scalar().real() >= 0 && p.scalar().real() <= 1; !proper) {
    throw ValueError("bernoulli: a probability is in [0, 1], not " + p.scalar().text() +
                     where.suffix());
  }
  return Operand(uniform(shape, {.generator = options.generator}, where), where) < p;
}

Tensor permutation(std::int64_t n, const DrawOptions& options, Where where) try {
  if (n < 0) throw ValueError("permutation: of " + std::to_string(n) + " numbers" + where.suffix());
  return argsort({drawn(find<"random_bits">, Shape{n}, uint64, options.generator, where), where});
} catch (const detail::Unnamed& error) {
  error.rethrow("permutation", where);
}

}  // namespace rng

Tensor dropout(const Operand& x, double rate, const DropoutOptions& options) {
  const Where where = x.where();
  const detail::UserCall scope("dropout", where);
  const Tensor& t = x.tensor();
  if (!t.defined()) detail::fail_undefined("dropout", where);
  if (const bool proper = rate >= 0 && rate < 1; !proper) {
    throw ValueError("dropout: the rate is in [0, 1), not " + Scalar(rate).text() + where.suffix());
  }
  if (!options.training || rate == 0) return t;
  const Tensor kept =
      rng::bernoulli(t.shape(), {1 - rate, where}, {.generator = options.generator});
  return rill::where({kept, where}, multiply(x, 1 / (1 - rate)), 0);
}

}  // namespace rill
