// What `tensor/tensor.h` declares and operators compute: conversions, views as members, comparison
// of whole tensors.
#include <rill/ops/elementwise.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/user_call.h>

namespace rill {

Tensor Tensor::to(DType dtype, Where where) const {
  if (!defined()) detail::fail_undefined("to", where);
  if (this->dtype() == dtype && !body().weak) return *this;
  return cast(Operand(*this, where), dtype);
}

Tensor Tensor::to(Device device, Where where) const {
  if (!defined()) detail::fail_undefined("to", where);
  if (this->device() == device) return *this;
  throw DeviceError("to: there is no " + device.text() + " to move " + type_text() + " to" +
                    where.suffix());
}

Tensor Tensor::contiguous_copy(Where where) const {
  if (!defined()) detail::fail_undefined("contiguous_copy", where);
  return contiguous() ? *this : copy(Operand(*this, where));
}

Tensor Tensor::reshape(const Shape& shape, Where where) const {
  return rill::reshape(*this, shape, where);
}
Tensor Tensor::transpose(Where where) const { return rill::transpose(*this, where); }
Tensor Tensor::transpose(const Axes& order, Where where) const {
  return rill::transpose(*this, order, where);
}

bool equal(const Tensor& a, const Tensor& b, Where where) {
  const detail::UserCall scope("equal", where);
  if (!a.defined() || !b.defined()) detail::fail_undefined("equal", where);
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape())) return false;
  return all(Operand(a, where) == b, {}, where).item<bool>(where);
}

bool allclose(const Tensor& a, const Tensor& b, const AllcloseOptions& options, Where where) {
  const detail::UserCall scope("allclose", where);
  if (!a.defined() || !b.defined()) detail::fail_undefined("allclose", where);
  const Tensor same = Operand(a, where) == b;  // equal infinities too, whose distance is NaN
  const Tensor x = a.to(float64, where);
  const Tensor y = b.to(float64, where);
  const Tensor near = abs(Operand(x, where) - y) <= options.atol + options.rtol * abs(y);
  Tensor close = same | (near & isfinite(y));
  if (options.equal_nan) close = close | (isnan(x) & isnan(y));
  return all(close, {}, where).item<bool>(where);
}

}  // namespace rill
