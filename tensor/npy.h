/// NumPy's file of one array, `.npy`. Invariant: what is saved, NumPy reads as the same array, and
/// the other way round.
///
/// Read are versions 1, 2 and 3 of the format, both byte orders and both orders of elements;
/// elements of structured, complex, text and object types are a `FormatError`. bfloat16 is spelled
/// `<V2`, as NumPy spells the type of the package `ml_dtypes` (reading such a file in Python gives
/// raw bytes: `np.load(f).view(ml_dtypes.bfloat16)`).
#pragma once

#include <string>

#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// Throws `FileError` where the file cannot be read, `FormatError` where it is not what it says.
///
///     Tensor x = load_npy("x.npy");
RILL_API Tensor load_npy(const std::string& path, Where where = Where::here());

/// Writes the file as a whole or not at all (tensor/atomic_file.h). Throws `FileError`;
/// `ValueError` for a tensor without values.
RILL_API void save_npy(const std::string& path, const Tensor& tensor, Where where = Where::here());

}  // namespace rill
