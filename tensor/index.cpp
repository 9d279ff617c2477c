#include <rill/tensor/index.h>

#include <string>

namespace rill {

// Known by its address. `constexpr`, so that it is there before the first call and after the last.
constexpr Index detail::no_index = 0;

void Index::fail_list(std::size_t count) {
  throw IndexError("an index in braces is {first, last} or {first, last, step}, not " +
                   std::to_string(count) + " numbers");
}

}  // namespace rill
