#include <rill/kernel/limits.h>

#include <cstdint>
#include <limits>

namespace rill::kernel {
namespace {

std::uint64_t ones(DType dtype) { return ~std::uint64_t{0} >> (64U - size_of(dtype) * 8U); }
/// The sign's bit.
std::uint64_t top(DType dtype) { return ones(dtype) ^ (ones(dtype) >> 1U); }

}  // namespace

Value lowest(const Value& like) {
  const DType dtype = like.dtype();
  if (is_float(dtype)) return constant(like, -std::numeric_limits<double>::infinity());
  return constant_bits(like, is_unsigned(dtype) ? 0 : top(dtype));
}

Value highest(const Value& like) {
  const DType dtype = like.dtype();
  if (is_float(dtype)) return constant(like, std::numeric_limits<double>::infinity());
  return constant_bits(like, is_unsigned(dtype) ? ones(dtype) : ones(dtype) ^ top(dtype));
}

}  // namespace rill::kernel
