/// The IDX format, in which the MNIST family of data sets comes (http://yann.lecun.com/exdb/mnist).
/// Invariant: no memory is asked for before the file has shown that it holds that much.
#pragma once

#include <string>

#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// The tensor in an IDX file, plain or compressed with gzip: uint8, int8, int16, int32, float32 or
/// float64. Throws `FileError` when it cannot be read, `FormatError` when it is truncated, holds
/// more than its header says, or is no IDX file.
///
///     Tensor images = load_idx("train-images-idx3-ubyte.gz");   // uint8[60000,28,28]
RILL_API Tensor load_idx(const std::string& path, Where where = Where::here());

}  // namespace rill
