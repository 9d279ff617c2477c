#include <rill/tensor/index.h>

#include <string>

namespace rill {

// Known by its address. `constexpr`, so that it is there before the first call and after the last.
constexpr Index detail::no_index = 0;

std::int64_t Index::step_of(Dim step, Where where) {
  if (!step.known())
    throw IndexError("index: a slice's step is a number, not the unknown size " + step.text() +
                     where.suffix());
  return step.value();
}

void Index::fail_count(std::size_t count, Where where) {
  throw IndexError("index: in braces stands {first, last} or {first, last, step}, not " +
                   std::to_string(count) + " numbers" + where.suffix());
}

}  // namespace rill
