/// Concatenations that nobody computes: whoever makes an operand writes it where the result has it.
/// A kernel that chose for each element which operand it is from would look at all of them.
///
/// Invariant: every operand of such a concatenation has memory of the result's as its own; where it
/// is not one stretch, the operand is a copy that nobody else reads
/// (trace/fusion/separate_parts.h).
#pragma once

#include <vector>

#include <rill/tensor/dim.h>
#include <rill/trace/function.h>

namespace rill {

/// By node: whether it is a concatenation that is made in parts: of more than two operands, of
/// concatenations, or read by what is not loops. Two that loops read are read by them from where
/// they are.
std::vector<bool> made_in_parts(const Function& function);

/// Whether each operand is one stretch of the result's memory.
bool parts_are_stretches(const Node& concatenation);

int concatenated_axis(const Node& concatenation);

/// Where operand `k` begins along the axis.
Dim first_of_part(const Function& function, const Node& concatenation, int k);

}  // namespace rill
