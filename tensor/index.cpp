#include <rill/tensor/index.h>

#include <string>

namespace rill {

void Index::fail_list(std::size_t count) {
  throw IndexError("an index in braces is {first, last} or {first, last, step}, not " +
                   std::to_string(count) + " numbers");
}

}  // namespace rill
