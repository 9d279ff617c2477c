/// NumPy's archive of named arrays, `.npz`. Invariant: what is saved, `numpy.load` reads, and the
/// other way round.
#pragma once

#include <map>
#include <string>

#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// All arrays of an archive by name, stored or compressed. Throws `FileError` where the file cannot
/// be read, `FormatError` where it or one of its arrays is not what it says.
///
///     auto arrays = load_npz("data.npz");
///     Tensor x = arrays.at("x");
RILL_API std::map<std::string, Tensor> load_npz(const std::string& path,
                                                Where where = Where::here());

struct NpzOptions {
  bool compressed = false;  ///< as `numpy.savez_compressed`: smaller, slower
};
/// Writes the file as a whole or not at all. Equal tensors give equal bytes. Throws `FileError`;
/// `ValueError` for a tensor without values or a name that is empty or no UTF-8.
///
///     save_npz("data.npz", {{"x", x}, {"labels", y}});
RILL_API void save_npz(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       const NpzOptions& options = {}, Where where = Where::here());

}  // namespace rill
