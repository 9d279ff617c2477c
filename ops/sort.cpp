#include <rill/ops/sort.h>

#include <array>

#include <rill/ops/call.h>
#include <rill/ops/families.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/preparation.h>
#include <rill/ops/shape.h>

namespace rill {
namespace {

struct SortAttributes {
  bool descending = false;
  static constexpr auto fields() {
    return std::tuple{field("descending", &SortAttributes::descending)};
  }
};

constexpr Op table[] = {
    // Along the last axis; the function below brings any other there.
    {.name = "argsort",
     .peers = {.numpy = "argsort", .tensorflow = "argsort", .torch = "argsort"},
     .rule =
         [](Infer& i, const SortAttributes&) {
           if (i.rank(0) == 0) i.fail<ShapeError>("a scalar has no axis to sort");
           i.out(int64, i.shape(0));
         },
     .library =
         [](Preparation& p, const SortAttributes& a) {
           const Shape& shape = p.in(0).shape;
           const std::int64_t columns = shape[shape.rank() - 1].value();
           const std::int64_t rows = columns == 0 ? 0 : shape.size().value() / columns;
           p.plan(p.backend().argsort({p.in(0).dtype, rows, columns, a.descending}));
         },
     .onnx =
         [](OnnxForm& o, const SortAttributes& a) {
           const Tensor x = o.in(0);
           const std::array<Tensor, 2> inputs = {x, o.integers({x.dim(-1)})};
           const std::array<OnnxForm::Attribute, 2> attributes = {
               {{"axis", -1}, {"largest", a.descending ? 1 : 0}}};
           const std::array<Spec, 2> results = {{{x.dtype(), x.shape()}, o.result()}};
           o.out(o.nodes("TopK", inputs, attributes, results)[1]);
         }},
};
template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

}  // namespace

std::span<const Op> families::sort() { return table; }

Tensor argsort(const Operand& x, int axis, const ArgsortOptions& options) {
  const Where where = x.where();
  const Tensor& t = x.tensor();
  if (!t.defined()) detail::fail_undefined("argsort", where);
  const SortAttributes attributes{options.descending};
  if (t.rank() == 0) return call(find<"argsort">, x, attributes);
  const int at = normalized_axis(axis, t.rank(), "argsort", t.type_text(), where);
  if (at == t.rank() - 1) return call(find<"argsort">, x, attributes);
  Axes order;
  for (int d = 0; d < t.rank(); ++d)
    order.push_back(d == at ? t.rank() - 1 : d == t.rank() - 1 ? at : d);
  // Swapping two axes is its own inverse.
  return call(find<"argsort">, {t.transpose(order, where), where}, attributes)
      .transpose(order, where);
}

}  // namespace rill
