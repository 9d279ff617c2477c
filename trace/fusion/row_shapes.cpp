#include <rill/trace/fusion/row_shapes.h>

namespace rill {

bool fits(const Shape& shape, const Shape& domain, const Axes& row) {
  if (shape == domain) return true;
  if (row.count() == 0) return false;
  Shape ones = domain;
  Shape without;
  for (int d = 0; d < domain.rank(); ++d) {
    if (row.contains(d))
      ones[d] = 1;
    else
      without.push_back(domain[d]);
  }
  return shape == ones || shape == without;
}

bool many_rows(const Shape& domain, const Axes& row) {
  Dim rows = 1;
  Dim all = 1;
  for (int d = 0; d < domain.rank(); ++d) {
    if (!row.contains(d)) rows = rows * domain[d];
    all = all * domain[d];
  }
  return !rows.known() || rows.value() >= 16 || (all.known() && all.value() <= (1 << 15));
}

bool inner_row(const Shape& domain, const Axes& row) {
  for (int d = domain.rank() - 1; d >= 0; --d) {
    if (row.contains(d)) return true;
    if (!(domain[d] == Dim(1))) return false;
  }
  return true;
}

bool read_in_place(const Function& function, std::span<const Member> members, int n, int user,
                   const Shape& domain, const Axes& row) {
  const Member& reader = members[static_cast<std::size_t>(user)];
  const Lowered& lowered = *reader.lowered;
  // The reader's points must be the group's.
  const bool full = reader.domain == domain;
  if (!full && !fits(reader.domain, domain, row)) return false;
  for (const auto& source : lowered.buffers) {
    if (source.output) continue;
    const Edge& edge = function.nodes[static_cast<std::size_t>(user)]
                           .inputs[static_cast<std::size_t>(source.tensor)];
    if (edge.node != n) continue;
    const Shape& shape = function.nodes[static_cast<std::size_t>(n)]
                             .results[static_cast<std::size_t>(edge.result)]
                             .shape;
    if (!source.aligned) return false;
    if (shape == reader.domain) continue;
    // Stretched along the row only.
    if (!full || !fits(shape, domain, row) || shape.rank() != domain.rank()) return false;
  }
  return true;
}

}  // namespace rill
