/// The file of named tensors that model weights are kept in, `.safetensors`.
/// Invariant: what is read satisfies every rule of the reference implementation, and what is saved
/// has the bytes that it would write.
///
/// A file holds the length of its header (8 bytes, little-endian), the header (JSON: name to dtype,
/// shape and offsets) and the elements. Refused are offsets that overlap, leave holes or do not fit
/// dtype and shape, names that stand twice, dtypes that rill has not, headers above 100 MB and
/// anything else that the format does not name.
#pragma once

#include <map>
#include <string>

#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// All tensors of a file by name. Throws `FileError` where it cannot be read, `FormatError` where
/// it breaks a rule.
///
///     auto weights = load_safetensors("model.safetensors");
///     Tensor w = weights.at("dense/kernel");
RILL_API std::map<std::string, Tensor> load_safetensors(const std::string& path,
                                                        Where where = Where::here());

/// The texts that the file carries beside its tensors (`__metadata__`). Throws as
/// `load_safetensors` does.
RILL_API std::map<std::string, std::string> load_safetensors_metadata(const std::string& path,
                                                                      Where where = Where::here());

/// Writes the file as a whole or not at all. Equal tensors and metadata give equal bytes. Throws
/// `FileError`; `ValueError` for a tensor without values, a name or text that is no UTF-8, or the
/// name `__metadata__`.
RILL_API void save_safetensors(const std::string& path,
                               const std::map<std::string, Tensor>& tensors,
                               const std::map<std::string, std::string>& metadata = {},
                               Where where = Where::here());

}  // namespace rill
