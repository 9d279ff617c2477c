/// How tensors lie beside a group's domain, of which some axes are rows.
/// Invariant: says no where sizes that are not known could make a difference.
#pragma once

#include <span>

#include <rill/tensor/axes.h>
#include <rill/tensor/shape.h>
#include <rill/trace/function.h>
#include <rill/trace/fusion/member.h>

namespace rill {

/// The shape is the group's domain, or that with its row axes 1 or left out.
bool fits(const Shape& shape, const Shape& domain, const Axes& row);

/// Enough rows for one thread each, or so little in all that it does not matter.
bool many_rows(const Shape& domain, const Axes& row);

/// Rows whose elements are neighbours in memory.
bool inner_row(const Shape& domain, const Axes& row);

/// `user` reads result elements of `n` only at the place of its own point, both in a group of this
/// domain.
bool read_in_place(const Function& function, std::span<const Member> members, int n, int user,
                   const Shape& domain, const Axes& row);

}  // namespace rill
