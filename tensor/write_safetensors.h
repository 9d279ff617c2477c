// The writing of `save_safetensors`, for files that belong together and are committed together.
#pragma once

#include <map>
#include <string>

#include <rill/tensor/atomic_file.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill::detail {

/// Writes what `save_safetensors` does, and throws as it does, except that the file is not
/// committed.
void write_safetensors(AtomicFile& file, const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata, Where where);

}  // namespace rill::detail
