#include <rill/ops/linalg.h>

#include <string>

#include <rill/ops/axes.h>
#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/join.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/preparation.h>
#include <rill/ops/shape.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

struct MatmulAttributes {
  bool transpose_a = false;
  bool transpose_b = false;
  static constexpr auto fields() {
    return std::tuple{field("transpose_a", &MatmulAttributes::transpose_a),
                      field("transpose_b", &MatmulAttributes::transpose_b)};
  }
};

/// The sizes of a matrix product whose operands are tensors of at least two axes.
struct Sizes {
  Dim m, n, k_a, k_b;

  Sizes(const Shape& a, const Shape& b, const MatmulAttributes& attributes) {
    const int last_a = a.rank() - 1;
    const int last_b = b.rank() - 1;
    m = a[attributes.transpose_a ? last_a : last_a - 1];
    k_a = a[attributes.transpose_a ? last_a - 1 : last_a];
    k_b = b[attributes.transpose_b ? last_b : last_b - 1];
    n = b[attributes.transpose_b ? last_b - 1 : last_b];
  }
};

Shape leading(const Shape& shape) {
  Shape batch = shape;
  batch.erase(batch.rank() - 1);
  batch.erase(batch.rank() - 1);
  return batch;
}

void matmul_rule(Infer& i, const MatmulAttributes& attributes) {
  const DType dtype = i.promoted();
  i.require_dtype(dtype != bool_, "takes numbers, not bool: convert with .to(float32)");
  i.convert(dtype);
  if (i.rank(0) < 2 || i.rank(1) < 2) i.fail<ShapeError>("takes matrices, or batches of them");
  const Shape batch_a = leading(i.shape(0));
  const Shape batch_b = leading(i.shape(1));
  if (batch_a.rank() > 0 && batch_b.rank() > 0 && !equal_sizes(batch_a, batch_b))
    i.fail<ShapeError>("batches differ");
  const Sizes sizes(i.shape(0), i.shape(1), attributes);
  if (!equal_sizes(sizes.k_a, sizes.k_b)) {
    i.fail<ShapeError>("inner sizes differ (" + sizes.k_a.text() + " vs " + sizes.k_b.text() + ")");
  }
  Shape shape = batch_a.rank() > 0 ? batch_a : batch_b;
  shape.push_back(sizes.m);
  shape.push_back(sizes.n);
  i.out(dtype, shape);
}

void matmul_plan(Preparation& p, const MatmulAttributes& attributes) {
  const Shape& a = p.in(0).shape;
  const Shape& b = p.in(1).shape;
  const Sizes sizes(a, b, attributes);
  kernel::MatmulShape shape{.dtype = p.in(0).dtype,
                            .batch = leading(p.out().shape).size().value(),
                            .m = sizes.m.value(),
                            .n = sizes.n.value(),
                            .k = sizes.k_a.value(),
                            .transpose_a = attributes.transpose_a,
                            .transpose_b = attributes.transpose_b,
                            .broadcast_a = a.rank() < b.rank(),
                            .broadcast_b = b.rank() < a.rank()};
  if (shape.broadcast_b && !shape.transpose_a) {  // rows of all matrices are rows of one
    shape.m *= shape.batch;
    shape.batch = 1;
    shape.broadcast_b = false;
  }
  p.plan(p.backend().matmul(shape));
}

Tensor product(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  return matmul(a, b, {.transpose_a = transpose_a, .transpose_b = transpose_b});
}

void matmul_gradient(Grad& g, const MatmulAttributes& attributes) {
  const bool ta = attributes.transpose_a;
  const bool tb = attributes.transpose_b;
  const Tensor dy = g.dy();
  if (g.wants(0)) g.to(0, ta ? product(g.x(1), dy, tb, true) : product(dy, g.x(1), false, !tb));
  if (!g.wants(1)) return;
  if (g.shape(1).rank() == 2 && g.shape(0).rank() > 2 && !ta) {
    // One matrix for the whole batch: its gradient is one product over all rows, not a sum of many.
    const Tensor x = rows_of(g.x(0));
    const Tensor d = rows_of(dy);
    g.to(1, tb ? product(d, x, true, false) : product(x, d, true, false));
    return;
  }
  g.to(1, tb ? product(dy, g.x(0), true, ta) : product(g.x(0), dy, !ta, false));
}

void matmul_form(OnnxForm& o, const MatmulAttributes& a) {
  const Tensor &x = o.in(0), &y = o.in(1);
  const bool matrices = x.rank() == 2 && y.rank() == 2 && is_float(x.dtype());
  if (matrices && (a.transpose_a || a.transpose_b)) {
    const std::int64_t turn_a = a.transpose_a ? 1 : 0, turn_b = a.transpose_b ? 1 : 0;
    return o.out(o.node("Gemm", {x, y}, {{"transA", turn_a}, {"transB", turn_b}}));
  }
  const auto turned = [](const Tensor& t, bool turn) { return turn ? swapaxes(t, -1, -2) : t; };
  o.out(o.node("MatMul", {turned(x, a.transpose_a), turned(y, a.transpose_b)}));
}

constexpr Op table[] = {
    {.name = "matmul",
     .peers =
         {.numpy = "matmul", .tensorflow = "linalg.matmul", .torch = "matmul", .onnx = "MatMul"},
     .rule = named<&matmul_rule>,
     .library = named<&matmul_plan>,
     .grad = named<&matmul_gradient>,
     .onnx = named<&matmul_form>},
};
template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

[[noreturn]] void fail_shape(std::string_view operation, const Tensor& a, const Tensor& b,
                             std::string_view rule, Where where) {
  throw detail::UnnamedError<ShapeError>(
      operation, std::string(rule) + ": " + a.type_text() + " @ " + b.type_text(), where);
}

/// Of operands of at least two axes, whose batches are equal or that share one matrix. `given_a`
/// and `given_b` are what the user wrote.
Tensor matrix_product(const Operand& a, const Operand& b, const Tensor& given_a,
                      const Tensor& given_b, const MatmulAttributes& attributes) {
  const Sizes sizes(a.tensor().shape(), b.tensor().shape(), attributes);
  if (!equal_sizes(sizes.k_a, sizes.k_b)) {
    fail_shape("matmul", given_a, given_b,
               "inner sizes differ (" + sizes.k_a.text() + " vs " + sizes.k_b.text() + ")",
               a.where());
  }
  return call(find<"matmul">, a, b, attributes);
}

/// Of vectors, and of batches that are stretched to fit each other.
Tensor general_product(const Tensor& a, const Tensor& b, const MatmulAttributes& attributes,
                       Where where) {
  Tensor left = a;
  Tensor right = b;
  const bool row = left.rank() == 1;
  const bool column = right.rank() == 1;
  // A vector is one row, or one column, however the flags stand.
  if (row)
    left =
        left.reshape(attributes.transpose_a ? Shape{left.dim(0), 1} : Shape{1, left.dim(0)}, where);
  if (column)
    right = right.reshape(attributes.transpose_b ? Shape{1, right.dim(0)} : Shape{right.dim(0), 1},
                          where);
  if (left.rank() > 2 && right.rank() > 2) {
    const Shape batch_a = leading(left.shape());
    const Shape batch_b = leading(right.shape());
    if (!(batch_a == batch_b)) {
      Shape batch;
      try {
        batch = broadcast(batch_a, batch_b);
      } catch (const ShapeError&) {
        fail_shape("matmul", left, right, "leading axes do not broadcast", where);
      }
      const auto stretched = [&](const Tensor& x) {
        Shape shape = batch;
        shape.push_back(x.dim(-2));
        shape.push_back(x.dim(-1));
        return broadcast_to(x, shape, where);
      };
      left = stretched(left);
      right = stretched(right);
    }
  }
  Tensor result = matrix_product({left, where}, right, a, b, attributes);
  if (!row && !column) return result;
  Shape shape = result.shape();
  if (column) shape.erase(shape.rank() - 1);
  if (row) shape.erase(shape.rank() - (column ? 1 : 2));
  return result.reshape(shape, where);
}

/// True at and below the diagonal, [rows, columns].
Tensor below_diagonal(const Tensor& x, std::int64_t offset, std::string_view operation,
                      Where where) {
  if (x.rank() < 2) {
    throw ShapeError(std::string(operation) + ": needs two axes: " + x.type_text() +
                     where.suffix());
  }
  return expand_dims(arange(x.dim(-2)), 1) + offset >= arange(x.dim(-1));
}

}  // namespace

std::span<const Op> families::linalg() { return table; }

Tensor matmul(const Operand& a, const Operand& b, const MatmulOptions& options) try {
  const Where where = a.where();
  const Tensor& left = a.tensor();
  const Tensor& right = b.tensor();
  if (!left.defined() || !right.defined()) detail::fail_undefined("matmul", where);
  if (left.rank() == 0 || right.rank() == 0) {
    fail_shape("matmul", left, right, "takes vectors and matrices: multiply scalars with *", where);
  }
  const MatmulAttributes attributes{options.transpose_a, options.transpose_b};
  const bool plain = left.rank() > 1 && right.rank() > 1 && (left.rank() == 2 || right.rank() == 2);
  return plain ? matrix_product(a, b, left, right, attributes)
               : general_product(left, right, attributes, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("matmul", a.where());
}

Tensor dot(const Operand& a, const Operand& b) {
  const Tensor& left = a.tensor();
  const Tensor& right = b.tensor();
  if (!left.defined() || !right.defined()) detail::fail_undefined("dot", a.where());
  if (left.rank() > 2 || right.rank() > 2 || left.rank() == 0 || right.rank() == 0) {
    fail_shape("dot", left, right,
               "takes vectors and matrices: use matmul for batches, * for scalars", a.where());
  }
  const detail::UserCall scope("dot", a.where());
  return matmul(left, right);
}

Tensor outer(const Operand& a, const Operand& b) {
  const Where where = a.where();
  if (!a.tensor().defined() || !b.tensor().defined()) detail::fail_undefined("outer", where);
  const detail::UserCall scope("outer", where);
  return multiply(a.tensor().reshape({-1, 1}), b.tensor().reshape({1, -1}));
}

Tensor tril(const Tensor& x, int offset, Where where) {
  const detail::UserCall scope("tril", where);
  return rill::where(below_diagonal(x, offset, "tril", where), x, false);
}
Tensor triu(const Tensor& x, int offset, Where where) {
  const detail::UserCall scope("triu", where);
  return rill::where(below_diagonal(x, std::int64_t{offset} - 1, "triu", where), false, x);
}

}  // namespace rill
