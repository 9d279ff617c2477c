#include <rill/ops/conversion.h>

#include <tuple>

#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/view.h>

namespace rill {
namespace {

struct CastAttributes {
  DType dtype = float32;
  static constexpr auto fields() { return std::tuple{field("dtype", &CastAttributes::dtype)}; }
};

// clang-format off
constexpr Op table[] = {
    {.name = "cast", .peers = {.numpy = "ndarray.astype", .tensorflow = "cast", .torch = "Tensor.to", .onnx = "Cast"},
     .rule = [](Infer& i, const CastAttributes& a) { i.out(a.dtype, i.shape(0)); },
     .body = [](Body& b, const CastAttributes&) { b.out(b.in(0)); },
     .grad = [](Grad& g, const CastAttributes&) { if (is_float(g.dtype(0))) g.to(0, g.dy().to(g.dtype(0))); },
     .onnx = [](OnnxForm& o, const CastAttributes& a) { o.out(o.node("Cast", {o.in(0)}, {{"to", a.dtype}})); }},
    {.name = "copy", .peers = {.numpy = "copy", .tensorflow = "identity", .torch = "clone", .onnx = "Identity"},
     .rule = same_shape<Kinds::any>,
     .body = [](Body& b) { b.out(b.in(0)); },
     .grad = [](Grad& g) { g.to(0, g.dy()); }},
    {.name = "stop_gradient", .peers = {.tensorflow = "stop_gradient", .torch = "Tensor.detach"},
     .rule = same_shape<Kinds::any>,
     .body = [](Body& b) { b.out(b.in(0)); },
     .view = [](View& v) {
       for (int axis = 0; axis < v.output().rank(); ++axis) v.stride(axis, v.strides()[static_cast<std::size_t>(axis)]);
     },
     .onnx = [](OnnxForm& o) { o.out(o.in(0)); }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

}  // namespace

std::span<const Op> families::conversion() { return table; }

Tensor cast(const Operand& x, DType dtype) { return call(find<"cast">, x, CastAttributes{dtype}); }
Tensor copy(const Operand& x) { return call(find<"copy">, x); }
Tensor stop_gradient(const Operand& x) { return call(find<"stop_gradient">, x); }

}  // namespace rill
