#include <rill/tensor/shape.h>

#include <ostream>

#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill {

std::string Shape::text() const {
  std::string text = "[";
  for (Dim size : *this) {
    if (text.size() > 1) text += ",";
    text += size.text();
  }
  return text + "]";
}

void Shape::fail_rank() {
  throw detail::UnnamedError<ShapeError>(
      "shape", "more than " + std::to_string(max_rank) + " axes: join some by reshape", {});
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.text(); }

Shape broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  for (int i = 1; i <= shorter.rank(); ++i) {
    const Dim mine = longer[longer.rank() - i];
    const Dim other = shorter[shorter.rank() - i];
    if (mine == other || other == Dim(1)) continue;
    if (!(mine == Dim(1)) && broadcast_sizes(mine, other)) {
      if (other.known()) result[longer.rank() - i] = other;
      continue;
    }
    if (!(mine == Dim(1))) {
      throw ShapeError("shapes " + a.text() + " and " + b.text() +
                       " do not broadcast: aligned at the right, sizes must be equal or 1");
    }
    result[longer.rank() - i] = other;
  }
  return result;
}

}  // namespace rill
