// The table of operators: one row per public operator, from which table_test.cpp generates its
// checks. Invariant: a row says what an operator means a second time, plainly, in loops over
// doubles; whatever can be derived (layouts, threads, gradients, symbolic sizes, undefined
// operands) is not said in rows.
//
// To add a family: a file in tests/ops/table/, a function declared below, a line in
// `all_families()`.
#pragma once

#include <rill/autograd/tape.h>
#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/tensor.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace rill::table {

using Sizes = std::vector<std::int64_t>;
using Tensors = std::span<const Tensor>;

/// What references compute with: doubles in row-major order.
struct Array {
  Sizes shape;
  std::vector<double> values;

  Array() = default;
  explicit Array(Sizes sizes, double value = 0);
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(values.size()); }
  [[nodiscard]] int rank() const { return static_cast<int>(shape.size()); }
  double& operator()(const Sizes& index);
  double operator()(const Sizes& index) const;
};
using Arrays = std::span<const Array>;

/// What calls are given that fail.
inline const Tensor matrix = zeros({2, 3});
inline const Tensor other_matrix = zeros({4, 5});
inline const Tensor images = zeros({1, 4, 4, 2});

/// Calls `f` with every index of the shape, in row-major order.
void for_each_index(const Sizes& shape, const std::function<void(const Sizes&)>& f);
/// An array whose element at each index is `f(index)`.
Array array_of(const Sizes& shape, const std::function<double(const Sizes&)>& f);
/// The element of `x` that broadcasting brings to `index`, an index of the result.
double broadcast_element(const Array& x, const Sizes& index);
Sizes broadcast_sizes(const Sizes& a, const Sizes& b);

/// An operand: numbers between `low` and `high`, drawn anew but equally on every run.
struct Input {
  Sizes shape;
  double low = -2;
  double high = 2;
  std::vector<double> values{};     ///< when given: these, repeated until the shape is full
  std::optional<DType> dtype = {};  ///< when given: in place of the one that the row is tried with
  bool integral = false;            ///< whole numbers, also where the dtype is a float
  [[nodiscard]] Tensor tensor(DType dtype, std::uint64_t seed) const;
};

struct Case {
  std::vector<Input> inputs;
  std::function<Tensor(Tensors)> apply;         ///< the public function
  std::function<Array(Arrays)> reference = {};  ///< none: only what needs no reference is checked
  std::string name = {};
  bool symbolic = true;        ///< also with names for sizes: false where attributes are sizes
  bool differentiable = true;  ///< where the row is: false at points without a derivative
  bool floats_only = false;    ///< the reference does not hold for integers: infinities, NaN
};

/// The operands of a case that is tried with a dtype.
std::vector<Tensor> operands(const std::vector<Input>& inputs, DType dtype);
/// Those that are floats, watched by the tape.
std::vector<Source> watched_floats(GradientTape& tape, const std::vector<Tensor>& values);

/// A call that must fail, the error's name, and its text up to `, at file:line`.
struct Bad {
  std::function<void()> call;
  std::string error;
  std::string text;
};

struct Row {
  std::string name;  ///< of the operator in the registry, or of a function composed of others
  std::vector<Case> cases{};
  std::vector<DType> dtypes{};
  DType (*result)(DType) = [](DType d) { return d; };  ///< the result's dtype, of the operands'
  int order = 0;  ///< of the gradients that are checked: 0, 1 or 2
  double epsilons =
      2;  ///< allowed error, in relative spacings of the dtype; half types get at least 1
  bool generated = true;  ///< false where a library computes: equal within one instruction set only
  bool scaled = false;  ///< the error is relative to the largest element of the result, as of sums
  std::vector<Bad> bad{};
  std::vector<Input> large{};       ///< operands for the first case on which threads share the work
  std::vector<std::string> also{};  ///< further public functions that this row covers
};

// ---- Dtypes and their results -----------------------------------------------------------------
extern const std::vector<DType> floats;    ///< float32 first
extern const std::vector<DType> integers;  ///< int64 first
extern const std::vector<DType> numbers;   ///< floats and integers
extern const std::vector<DType> everything;
DType same(DType dtype);
DType floating(DType dtype);  ///< integers and bool give float64
DType boolean(DType dtype);
DType widened(DType dtype);  ///< what sums have
DType index_type(DType dtype);

// ---- Rows of the usual kinds ------------------------------------------------------------------
/// One operand, element by element, in [low, high]; at special numbers too.
Row unary(std::string name, std::function<Tensor(const Tensor&)> apply, double (*reference)(double),
          std::vector<DType> dtypes = floats, double low = -2, double high = 2);
/// Two operands with broadcasting.
Row binary(std::string name, std::function<Tensor(const Tensor&, const Tensor&)> apply,
           double (*reference)(double, double), std::vector<DType> dtypes = numbers,
           double low = -2, double high = 2);

/// A function of floats, of which integers give float64.
Row real(std::string name, std::function<Tensor(const Tensor&)> apply, double (*reference)(double),
         double low = -2, double high = 2);

/// An operator that moves elements: `from` says, for an index of the result, where its element was.
Case moving(const Sizes& shape, std::function<Tensor(const Tensor&)> apply, const Sizes& result,
            const std::function<Sizes(const Sizes&)>& from, const char* what, bool symbolic = true);
/// The row of an operator that moves elements of any dtype and computes nothing.
Row rearrangement(std::string name, std::vector<Case> cases, std::vector<Bad> bad = {});

// The row, but for one thing.
Row with(Row row, int order, double epsilons = 2);
Row with(Row row, DType (*result)(DType));
Row with(Row row, std::vector<Bad> bad);

/// `op(a, b)` of an operator without a public function: the gradients of others.
Tensor call_named(const char* op, const Tensor& a, const Tensor& b);

/// An element's bits; every NaN has the same.
template <Element T>
std::uint64_t bits_of(const T& element) {
  if constexpr (!std::integral<T>) {
    if (std::isnan(static_cast<double>(element))) return ~std::uint64_t{0};
  }
  std::uint64_t bits = 0;
  std::memcpy(&bits, &element, sizeof(T));
  return bits;
}

/// `sum, the last axis, float32`: what messages call a case.
std::string title(const Row& row, const Case& c, DType dtype);

// ---- The families -----------------------------------------------------------------------------
/// A family of operators: ops/<name>.h, its table of operators (none where all are composed of
/// others), and their rows.
struct Family {
  std::string name;
  std::span<const Op> (*ops)();
  std::vector<Row> rows;
};
std::vector<Row> arithmetic_rows();
std::vector<Row> mathematics_rows();
std::vector<Row> activation_rows();
std::vector<Row> comparison_rows();
std::vector<Row> conversion_rows();
std::vector<Row> reduce_rows();
std::vector<Row> shape_rows();
std::vector<Row> join_rows();
std::vector<Row> index_rows();
std::vector<Row> creation_rows();
std::vector<Row> linalg_rows();
std::vector<Row> softmax_rows();
std::vector<Row> normalization_rows();
std::vector<Row> attention_rows();
std::vector<Row> convolution_rows();
std::vector<Row> pooling_rows();
std::vector<Row> recurrent_rows();
std::vector<Row> sort_rows();
/// The one list of them.
const std::vector<Family>& all_families();
/// The rows of all families.
const std::vector<Row>& rows();

}  // namespace rill::table
