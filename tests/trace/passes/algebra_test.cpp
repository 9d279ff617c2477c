// The rules of arithmetic: each exact one on every value of the half types, and where they apply.
#include <rill/ops/call.h>
#include <rill/trace/listing.h>
#include <rill/trace/passes/algebra.h>
#include <rill/trace/passes/dead_code.h>
#include <rill/trace/passes/pattern.h>
#include <rill/trace/passes/rules.h>
#include <rill/trace/same_bits.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "tests/catch.h"
#include "tests/trace/recorded.h"
#include "tests/trace/reloaded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;
using Letters = std::map<char, Tensor>;

/// What a rule says, computed eagerly.
Tensor evaluate(const Pattern& pattern, const Letters& letters, bool integers = false) {
  if (pattern.kind == Pattern::Kind::literal)
    return Tensor::weak(integers ? Scalar(static_cast<std::int64_t>(pattern.literal.real()))
                                 : pattern.literal);
  if (pattern.kind != Pattern::Kind::op) return letters.at(pattern.name);
  if (pattern.is_number()) {  // of weak numbers, which operators would make tensors of
    const double a = evaluate(pattern.operands[0], letters).body().scalar.real();
    if (pattern.op->name == "negative") return Tensor::weak(-a);
    const double b = evaluate(pattern.operands[1], letters).body().scalar.real();
    return Tensor::weak(pattern.op->name == "divide"     ? a / b
                        : pattern.op->name == "multiply" ? a * b
                        : pattern.op->name == "add"      ? a + b
                                                         : a - b);
  }
  Tensors operands;
  for (const Pattern& each : pattern.operands)
    operands.push_back(evaluate(each, letters, integers));
  return call_for<1>(*pattern.op, operands, {}, {})[0];
}

void collect(const Pattern& pattern, std::string& letters) {
  if (pattern.name != 0 && letters.find(pattern.name) == std::string::npos) letters += pattern.name;
  for (const Pattern& each : pattern.operands) collect(each, letters);
}
std::string letters_of(const AlgebraRule& rule) {
  std::string letters;
  collect(parse_pattern(rule.from), letters);
  return letters;
}
bool is_condition(const AlgebraRule& rule, char letter) {
  return letter == 'c' && rule.from.find("(c") != std::string_view::npos &&
         rule.from.find("equal") == std::string_view::npos;
}

/// Every value of a type of two bytes, or of one; of others many, the special ones among them.
Tensor values_of(DType dtype) {
  if (dtype == bool_) return tensor({0, 1}).to(bool_);
  if (size_of(dtype) <= 2) {
    const std::int64_t count = std::int64_t{1} << (8 * size_of(dtype));
    Tensor made = Tensor::empty({count}, dtype);
    for (std::int64_t i = 0; i < count; ++i)
      std::memcpy(made.body().data + i * static_cast<std::int64_t>(size_of(dtype)), &i,
                  size_of(dtype));
    return made;
  }
  if (is_integer(dtype)) {
    return concat({tensor({0, 1, 2, 3}).to(dtype), rng::randint({4096}, 0, 1 << 30).to(dtype),
                   Tensor::weak(-1).to(int64).to(dtype).reshape({1}), (tensor({1}).to(dtype) << 31),
                   (tensor({1}).to(dtype) << 63)},
                  0);
  }
  const double inf = std::numeric_limits<double>::infinity();
  return concat(
      {tensor({0.0, -0.0, 1.0, -1.0, inf, -inf, std::nan(""), 1e-45, -1e-40, 3e38, -3e38})
           .to(dtype),
       rng::normal({4096}, {.dtype = dtype}), exp(rng::normal({4096}, {.dtype = dtype}) * 30)},
      0);
}

/// A few that meet all the others.
Tensor few_values_of(DType dtype) {
  if (!is_float(dtype)) return values_of(dtype)(slice(0, 200));
  const double inf = std::numeric_limits<double>::infinity();
  return tensor({0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -2.75, 65504.0, -65504.0, 6e-8, -6e-5, 1e-30, 1e30,
                 inf, -inf, std::nan("")})
      .to(dtype);
}

/// Numbers that a letter may be: powers of two for `p`.
std::vector<double> numbers_for(char letter, DType dtype) {
  if (letter != 'p') return {0.0, -0.0, 1.0, -3.0, 0.1, 1e-7, 65504.0, -1e30};
  const int most = dtype == float16 ? 14 : dtype == float64 ? 1000 : 126;
  std::vector<double> powers;
  for (int k = -most; k <= most; k += dtype == float64 ? 50 : 1) {
    powers.push_back(std::ldexp(1.0, k));
    powers.push_back(-std::ldexp(1.0, k));
  }
  return powers;
}

constexpr std::array all_dtypes = {bool_,  int8,   int16,   int32,    int64,   uint8,  uint16,
                                   uint32, uint64, float16, bfloat16, float32, float64};

/// Calls `f(letters)` with whatever the letters of a rule may be.
template <class F>
void for_all_letters(const AlgebraRule& rule, DType dtype, const F& f) {
  Letters letters;
  char number = 0;
  int values = 0;
  for (const char letter : letters_of(rule)) {
    if (letter == 'n' || letter == 'm' || letter == 'p') {
      number = letter;
    } else if (is_condition(rule, letter)) {
      letters[letter] = tensor({0, 1}).to(bool_).reshape({2, 1, 1});
    } else {
      const Tensor all = values++ == 0 ? values_of(dtype) : few_values_of(dtype);
      letters[letter] = values == 1 ? all : all.reshape({-1, 1});
    }
  }
  if (number == 0) return f(letters);
  for (const double value : numbers_for(number, dtype)) {
    letters[number] = Tensor::weak(value);
    f(letters);
  }
}

TEST_CASE("every exact rule keeps the bits of every value") {
  for (const AlgebraRule& rule : exact_rules()) {
    const Pattern from = parse_pattern(rule.from);
    const Pattern to = parse_pattern(rule.to);
    for (const DType dtype : all_dtypes) {
      const bool of_any =
          rule.dtypes == AlgebraRule::booleans && rule.from.find("equal") != std::string_view::npos;
      if (of_any ? dtype == bool_ : !rule.takes(dtype)) continue;
      INFO(rule.from << " -> " << rule.to << " of " << name(dtype));
      for_all_letters(rule, dtype, [&](const Letters& letters) {
        const bool integers = !is_float(dtype);
        const Tensor before = evaluate(from, letters, integers);
        Tensor after = evaluate(to, letters, integers);
        if (to.is_number())
          after = full(before.shape(), after.body().scalar.real(), before.dtype());
        if (!(after.shape() == before.shape())) after = broadcast_to(after, before.shape());
        if (!same_bits(before, after)) CHECK(same_bits(before, after));
      });
    }
  }
}

TEST_CASE("every rule applies to what it says") {
  for (const bool fast : {false, true}) {
    for (const AlgebraRule& rule : fast ? fast_math_rules() : exact_rules()) {
      INFO(rule.from << " -> " << rule.to);
      const DType dtype = rule.takes(float32) ? float32 : rule.takes(int32) ? int32 : bool_;
      std::string letters = letters_of(rule);
      std::erase_if(letters, [](char c) { return c == 'n' || c == 'm' || c == 'p'; });
      Tensors inputs;
      for (const char letter : letters)
        inputs.push_back(ones({3}, is_condition(rule, letter) ? bool_ : dtype));
      const auto record = [&](std::string_view text) {
        return recorded(inputs, [&](const Tensors& x) -> Tensors {
          Letters values = {
              {'n', Tensor::weak(3.0)}, {'m', Tensor::weak(5.0)}, {'p', Tensor::weak(4.0)}};
          for (std::size_t i = 0; i < letters.size(); ++i) values[letters[i]] = x[i];
          const Tensor made = evaluate(parse_pattern(text), values, !is_float(dtype));
          // Not a result itself: what is a result stays apart from what it is equal to.
          return {where(made == made, made, made)};
        });
      };
      Function function = *record(rule.from);
      function.fast_math = fast;
      Changes changes(true);
      const Function made = simplify(function, changes);
      bool found = false;
      const std::string said = std::string(rule.from) + " -> " + std::string(rule.to);
      for (const std::string& line : changes.lines())
        found = found || line.find(said) != std::string::npos;
      INFO(listing(function));
      INFO(listing(made));
      CHECK(found);
    }
  }
}

TEST_CASE("rules leave what would change dtype, shape, or a number's dtype") {
  const auto function =
      recorded({ones({3}, float16), ones({3}, int32)}, [](const Tensors& x) -> Tensors {
        return {exp(x[0] * ones({3})),     // float32
                exp(x[0] * ones({2, 3})),  // stretched
                exp(x[1] / 1),             // float64
                exp(x[0] / 3.0),           // 1/3 is not exact
                exp(x[0] / 65536.0),       // its reciprocal is not a normal float16
                exp(x[0] + 0.0)};          // of -0 it is +0
      });
  Changes changes;
  CHECK(listing(simplify(*function, changes)) == listing(*function));
}

TEST_CASE("what is not exact is done by fast_math only") {
  const auto function = recorded({ones({3}), ones({3})}, [](const Tensors& x) -> Tensors {
    return {x[0] * x[1] + x[0] / 3.0, (x[0] + 0.0) * 2.0 * 3.0};
  });
  Changes changes;
  CHECK(listing(simplify(*function, changes)) == listing(*function));
  Function fast = *function;
  fast.fast_math = true;
  CHECK(listing(remove_dead_code(simplify(fast, changes), changes)) ==
        R"(x0: float32[3]
x1: float32[3]
divide/number = 0.3333333333333333
divide = multiply(x0, divide/number) float32[3]
add = fma(x0, x1, divide) float32[3]
multiply_2/number = 6
multiply_2 = multiply(x0, multiply_2/number) float32[3]
return add, multiply_2
)");
}

TEST_CASE("a saved graph is as fast as the function that it comes from") {
  const auto f = trace([](const Tensor& x) { return x * 0 + 1; }, {.fast_math = true});
  const Tensor x = tensor({1.0, std::numeric_limits<double>::infinity()});
  (void)f(x);
  CHECK(f.graph().text().find("\"fast_math\": true") != std::string::npos);
  const Graph again = reloaded(f.graph());
  CHECK(equal(again(x), ones({2})));
  CHECK(equal(f(x), ones({2})));
}

TEST_CASE("verify and fast_math exclude each other") {
  CHECK_THROWS_WITH(
      trace([](const Tensor& x) { return x + 1; }, {.verify = true, .fast_math = true}),
      Catch::StartsWith("trace: verify compares bits, which fast_math does not keep: choose one"));
}

TEST_CASE("an operator that a rule has made keeps its name and the user's line") {
  const auto function =
      recorded({ones({3})}, [](const Tensors& x) -> Tensors { return {x[0] / 4.0}; });
  Changes changes(true);
  const Function made = simplify(*function, changes);
  CHECK(changes.lines() ==
        std::vector<std::string>{"divide: x / p -> x * (1 / p), at algebra_test.cpp:241"});
  CHECK(listing(made) ==
        R"(x: float32[3]
number = 4
divide/number = 0.25
divide = multiply(x, divide/number) float32[3]
return divide
)");
  CHECK(made.nodes.back().where.text() == "algebra_test.cpp:241");
}

}  // namespace
}  // namespace rill
