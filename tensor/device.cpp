#include <rill/tensor/device.h>

namespace rill {

std::string Device::text() const { return is_cpu() ? "cpu" : "cuda:" + std::to_string(index_); }

}  // namespace rill
