#include <rill/trace/same_bits.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include <rill/tensor/listener.h>

namespace rill {

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape())) return false;
  const Silence silence;
  const Tensor x = a.contiguous_copy();
  const Tensor y = b.contiguous_copy();
  const std::size_t bytes = static_cast<std::size_t>(x.size()) * size_of(x.dtype());
  if (bytes == 0 || std::memcmp(x.body().data, y.body().data, bytes) == 0) return true;
  if (!is_float(a.dtype())) return false;
  const std::vector<double> u = x.to(float64).to_vector<double>();  // every float is one
  const std::vector<double> v = y.to(float64).to_vector<double>();
  for (std::size_t i = 0; i < u.size(); ++i) {
    const bool both_nan = u[i] != u[i] && v[i] != v[i];
    if (!both_nan && std::bit_cast<std::uint64_t>(u[i]) != std::bit_cast<std::uint64_t>(v[i]))
      return false;
  }
  return true;
}

}  // namespace rill
