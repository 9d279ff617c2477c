// Programs that several tests run, and the parts that such programs are written with.

#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include <rill/kernel/builder.h>
#include <rill/kernel/program.h>

namespace rill::kernel {

using Space = Buffer::Space;

/// A contiguous one-dimensional buffer.
Id line(Builder& b, DType type, Space space, const Value& extent);
/// An n by m buffer, whose elements lie in memory by rows or by columns.
Id matrix(Builder& b, DType type, Space space, const Value& n, const Value& m, bool rows);
/// What merges two partial sums.
std::vector<Value> added(std::span<const Value> l, std::span<const Value> r);
/// A fold that adds terms up.
Folding summing(Builder& b, DType type, std::function<Value()> term,
                Fold::Kind kind = Fold::Kind::reduce);

/// z[i] = x[i] + y[i] of float32; its size is the count.
Program addition();
/// out[i] = sum over j of x[i, j], which lies in memory by rows or by columns; its sizes are the
/// extents.
Program sums(DType type, bool rows);
/// out[i, j] = x[i, j] / sum over j of x[i, j] of float32, both in memory by rows or by columns;
/// its sizes are the extents.
Program shares(bool rows);
/// out[where[i], j] += x[i, j] of float32; its sizes are the rows of x, their length, and the rows
/// of out.
Program adding_rows();

/// Rows and what is summed over them: out[i, j] = x[i, j] / sum over j of x[i, j]; totals[j] = w[j]
/// plus the sum over i of out[i, j]; of the largest x[i, j] of column j the value and the first i;
/// and all[0] = the sum of all x by rows. x, w, out, totals, largest, first (int64) and all are the
/// buffers, of float32 and by rows; the sizes are the extents.
Program shares_and_totals();

/// Numbers of many magnitudes, whose sums depend on their order.
std::vector<float> uneven(std::size_t count);

}  // namespace rill::kernel
