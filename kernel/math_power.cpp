/// Powers and roots.
#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {

Value rsqrt(Value x) {
  if (is_half(x.dtype())) return through_float32(rsqrt, x);
  // With s = sqrt(x) + error and y = 1/s + error, both errors are computed exactly and taken off.
  const Value s = sqrt(x);
  const Value y = 1.0 / s;
  const Value s_error = fma(-s, s, x);  // x - s^2
  const Value y_error = fma(-s, y, 1.0);
  const Value correction = fma(s_error * y, y * -0.5, y_error);
  const Value finite = abs(correction) < 1;
  return select(finite, fma(y, correction, y), y);
}

}  // namespace rill::kernel::math
