#include <rill/ops/materialize.h>

#include <rill/ops/body.h>
#include <rill/ops/infer.h>
#include <rill/ops/known_call.h>

namespace rill {
namespace {

struct CopyAttributes {
  DType dtype = float32;
  static constexpr auto fields() { return std::tuple{field("dtype", &CopyAttributes::dtype)}; }
};

constexpr Op convert = {
    .name = "convert",
    .rule = [](Infer& i, const CopyAttributes& a) { i.out(a.dtype, i.shape(0)); },
    .body = [](Body& b, const CopyAttributes&) { b.out(b.in(0)); }};

}  // namespace

void copy_into(const Tensor& to, const Tensor& from) {
  const CopyAttributes attributes{to.dtype()};
  const Attributes held(attributes);
  run_into(convert, held, {&from, 1}, {&to, 1},
           [&](Infer& infer) { infer.out(to.dtype(), to.shape()); });
}

Tensor materialized(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype && x.contiguous()) return x;
  Tensor made = Tensor::empty(x.shape(), dtype, x.device());
  copy_into(made, x);
  return made;
}

}  // namespace rill
