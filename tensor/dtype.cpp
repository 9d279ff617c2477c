#include <rill/tensor/dtype.h>

#include <algorithm>
#include <array>
#include <string>

#include <rill/tensor/error.h>

namespace rill {
namespace {

constexpr std::array<std::string_view, dtype_count> names = {
    "bool",   "int8",   "int16",   "int32",    "int64",   "uint8",  "uint16",
    "uint32", "uint64", "float16", "bfloat16", "float32", "float64"};

}  // namespace

std::string_view name(DType dtype) { return names[static_cast<std::size_t>(dtype)]; }

DType dtype_named(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw ValueError("dtype: there is none named '" + std::string(name) +
                     "'; the names are NumPy's, such as float32");
  }
  return static_cast<DType>(found - names.begin());
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (a > b) std::swap(a, b);  // now a stands before b in the order bool, signed, unsigned, float
  if (a == bool_) return b;
  if (is_float(b)) {
    if (is_float(a)) return a == float16 && b == bfloat16 ? float32 : b;
    // An integer needs a float that holds it: 8 bits fit any, 16 bits float32, more float64.
    const std::size_t bytes = size_of(a);
    if (bytes == 1) return b;
    if (bytes == 2) return std::max(b, float32);
    return float64;
  }
  if (is_unsigned(a) == is_unsigned(b)) return b;
  // A signed and an unsigned: the smallest signed one that holds both, or float64 where none does.
  if (size_of(a) > size_of(b)) return a;
  constexpr std::array<DType, 4> next = {int16, int32, int64, float64};
  return next[static_cast<std::size_t>(b) - static_cast<std::size_t>(uint8)];
}

}  // namespace rill
