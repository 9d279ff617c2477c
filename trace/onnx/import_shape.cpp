// Operators of ONNX's that make and change shapes.
#include <algorithm>
#include <cmath>

#include <rill/ops/conversion.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/join.h>
#include <rill/ops/shape.h>
#include <rill/tensor/literal.h>
#include <rill/trace/onnx/imported_node.h>

namespace rill::onnx {
namespace {

/// The most elements that a sequence is made of when a file is read.
constexpr std::int64_t longest_range = std::int64_t{1} << 20;

Shape shape_of(ImportedNode& n, std::span<const Dim> sizes) {
  if (sizes.size() > static_cast<std::size_t>(max_rank))
    n.fail("makes more than " + std::to_string(max_rank) + " axes");
  Shape shape;
  for (const Dim size : sizes) {
    if (size.known() && size.value() < 0) n.fail("makes the size " + size.text());
    shape.push_back(size);
  }
  return shape;
}

void reshape_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const bool zero_is_zero = n.integer("allowzero", 0) != 0;
  const std::vector<Dim> sizes = n.sizes(1);
  if (sizes.size() > static_cast<std::size_t>(max_rank))
    n.fail("makes more than " + std::to_string(max_rank) + " axes");
  Shape shape;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto axis = static_cast<int>(i);
    const bool copied = sizes[i] == Dim(0) && !zero_is_zero;
    if (copied && axis >= x.rank())
      n.fail("takes axis " + std::to_string(i) + " of its input, which has none");
    shape.push_back(copied ? x.shape()[axis] : sizes[i]);
  }
  n.out(reshape(x, shape));
}

/// Axes of an operator that takes them as an attribute first, and as an input since set 13.
std::vector<std::int64_t> given_axes(ImportedNode& n) {
  if (n.operator_set() < 13) return n.integers("axes").value_or(std::vector<std::int64_t>());
  return n.has(1) ? n.integers(1) : std::vector<std::int64_t>();
}

void unsqueeze(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const auto given = given_axes(n);
  const auto rank = static_cast<int>(given.size()) + x.rank();
  if (given.size() > static_cast<std::size_t>(max_rank) || rank > max_rank)
    n.fail("makes more than " + std::to_string(max_rank) + " axes");
  Shape shape = x.shape();
  for (const int axis : n.axes(given, rank)) shape.insert(axis, 1);
  n.out(reshape(x, shape));
}

void squeeze_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const auto given = given_axes(n);
  n.out(given.empty() ? squeeze(x) : squeeze(x, n.axes(given, x.rank())));
}

/// All axes before one as the first, all others as the second.
Tensor as_matrix(ImportedNode& n, const Tensor& x, std::int64_t axis) {
  if (axis < -x.rank() || axis > x.rank())
    n.fail("the axis " + std::to_string(axis) + " is not there");
  if (axis < 0) axis += x.rank();
  Dim rows = 1, columns = 1;
  for (int d = 0; d < x.rank(); ++d)
    (d < axis ? rows : columns) = (d < axis ? rows : columns) * x.shape()[d];
  return reshape(x, {rows, columns});
}

void transpose_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const auto order = n.integers("perm");
  if (!order) return n.out(transpose(x));
  Axes axes;
  for (const std::int64_t axis : *order) axes.push_back(n.axis(axis, x.rank()));
  n.out(transpose(x, axes));
}

/// Both ways: sizes of 1 in the list stretch to those of the input.
void expand(ImportedNode& n) {
  const Shape wanted = shape_of(n, n.sizes(1));
  const Shape shape = broadcast(n.in(0).shape(), wanted);
  n.out(shape == n.in(0).shape() ? n.in(0) : broadcast_to(n.in(0), shape));
}

void shape_node(ImportedNode& n) {
  const Shape& shape = n.in(0).shape();
  const auto bound = [&](std::int64_t at) {
    return std::clamp(at < 0 ? at + shape.rank() : at, std::int64_t{0}, std::int64_t{shape.rank()});
  };
  const std::int64_t first = bound(n.integer("start", 0));
  const std::int64_t last = std::max(first, bound(n.integer("end", shape.rank())));
  std::vector<Dim> sizes;
  std::vector<Tensor> parts;
  for (std::int64_t axis = first; axis < last; ++axis) {
    sizes.push_back(shape[static_cast<int>(axis)]);
    const Dim size = sizes.back();
    parts.push_back(size.known() ? n.builder().full({1}, size.value(), int64)
                                 : reshape(cast(size_tensor(size), int64), {1}));
  }
  const Tensor result = parts.empty() ? n.builder().full({0}, 0, int64) : concat(parts);
  if (!n.builder().known(result).defined()) n.size_values()[result.id()] = sizes;
  n.out(result);
}

void size_node(ImportedNode& n) {
  const Dim size = n.in(0).shape().size();
  if (size.known()) return n.out(n.builder().full({}, size.value(), int64));
  const Tensor result = cast(size_tensor(size), int64);
  n.size_values()[result.id()] = {size};
  n.out(result);
}

void constant(ImportedNode& n) {
  if (n.has("value")) return n.out(n.tensor("value"));
  const auto list = [&](const auto& numbers) {
    const Silence silence;
    n.out(n.builder().constant(tensor(numbers), "constant"));
  };
  if (n.has("value_float")) return n.out(n.builder().full({}, n.real("value_float", 0), float32));
  if (n.has("value_int")) return n.out(n.builder().full({}, n.integer("value_int", 0), int64));
  if (const auto numbers = n.integers("value_ints")) return list(*numbers);
  if (const auto numbers = n.reals("value_floats")) return list(*numbers);
  n.fail("holds nothing that rill has");
}

void constant_of_shape(ImportedNode& n) {
  const Shape shape = shape_of(n, n.sizes(0));
  const Tensor value = n.tensor("value");
  if (!value.defined()) return n.out(n.builder().full(shape, 0, float32));
  if (!(value.shape().size() == Dim(1))) n.fail("fills with one number");
  n.out(full(shape, reshape(value, {}), value.dtype()));
}

void range(ImportedNode& n) {
  const Tensor first = n.in(0), step = n.in(2);
  const DType dtype = first.dtype();
  const auto known = [&](int k) -> std::optional<double> {
    const Tensor elements = n.builder().known(n.in(k));
    if (!elements.defined() || !(elements.shape().size() == Dim(1))) return std::nullopt;
    const Silence silence;
    return elements.item<double>();
  };
  Dim count = 0;
  const auto from = known(0), to = known(1), by = known(2);
  if (from && to && by) {
    const double steps = std::ceil((*to - *from) / *by);
    if (!(steps < static_cast<double>(longest_range)))
      n.fail("makes more than " + std::to_string(longest_range) + " numbers");
    count = steps > 0 ? static_cast<std::int64_t>(steps) : 0;
  } else {
    const std::vector<Dim> last = n.sizes(1);
    if (!from || last.size() != 1 || !by || *by != 1 || *from != std::floor(*from))
      n.fail("makes a sequence whose length is not known");
    count = Dim::max(last[0] - static_cast<std::int64_t>(*from), 0);
  }
  const Tensor places = n.builder().range(count);
  n.out(reshape(first, {}) + cast(places, dtype) * reshape(step, {}));
}

void tile_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const auto counts = n.integers(1);
  if (static_cast<int>(counts.size()) != x.rank()) n.fail("takes one count for each axis");
  n.out(tile(x, counts));
}

/// Channels of one pixel as pixels of a block, and back. `rows` tells how channels are counted:
/// block first (DCR), or channel first (CRD).
void depth_to_space(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const std::int64_t block = n.integer("blocksize", 0);
  const std::string mode = n.text("mode", "DCR");
  if (x.rank() != 4 || block < 1 || block > 1024)
    n.fail("takes images (n, c, h, w) and a block's size");
  const Shape& s = x.shape();
  const Dim depth = s[1] / (block * block);
  const Tensor parts =
      mode == "CRD"
          ? transpose(reshape(x, {s[0], depth, block, block, s[2], s[3]}), {0, 1, 4, 2, 5, 3})
          : transpose(reshape(x, {s[0], block, block, depth, s[2], s[3]}), {0, 3, 4, 1, 5, 2});
  n.out(reshape(parts, {s[0], depth, s[2] * block, s[3] * block}));
}

void space_to_depth(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const std::int64_t block = n.integer("blocksize", 0);
  if (x.rank() != 4 || block < 1 || block > 1024)
    n.fail("takes images (n, c, h, w) and a block's size");
  const Shape& s = x.shape();
  const Tensor parts = reshape(x, {s[0], s[1], s[2] / block, block, s[3] / block, block});
  n.out(reshape(transpose(parts, {0, 3, 5, 1, 2, 4}),
                {s[0], s[1] * block * block, s[2] / block, s[3] / block}));
}

void eye_like(ImportedNode& n) {
  const Tensor& x = n.in(0);
  if (x.rank() != 2) n.fail("makes a matrix");
  const DType dtype = n.has("dtype") ? n.dtype(n.integer("dtype", 1)) : x.dtype();
  const Tensor rows = expand_dims(n.builder().range(x.shape()[0]), 1);
  n.out(cast(rows + n.integer("k", 0) == n.builder().range(x.shape()[1]), dtype));
}

void triangle(ImportedNode& n) {
  const Tensor& x = n.in(0);
  if (x.rank() < 2) n.fail("takes matrices");
  std::int64_t offset = 0;
  if (n.has(1)) offset = n.integers(1).at(0);
  const bool upper = n.integer("upper", 1) != 0;
  const Tensor rows = expand_dims(n.builder().range(x.dim(-2)), 1) + offset;
  const Tensor columns = n.builder().range(x.dim(-1));
  n.out(upper ? where(rows <= columns, x, false) : where(rows >= columns, x, false));
}

constexpr Conversion shape_table[] = {
    {"Reshape", &reshape_node},
    {"Unsqueeze", &unsqueeze},
    {"Squeeze", &squeeze_node},
    {"Flatten", [](ImportedNode& n) { n.out(as_matrix(n, n.in(0), n.integer("axis", 1))); }},
    {"Transpose", &transpose_node},
    {"Expand", &expand},
    {"Shape", &shape_node},
    {"Size", &size_node},
    {"Constant", &constant},
    {"ConstantOfShape", &constant_of_shape},
    {"Range", &range},
    {"Tile", &tile_node},
    {"DepthToSpace", &depth_to_space},
    {"SpaceToDepth", &space_to_depth},
    {"EyeLike", &eye_like},
    {"Trilu", &triangle},
};

}  // namespace

std::span<const Conversion> shape_conversions() { return shape_table; }

}  // namespace rill::onnx
