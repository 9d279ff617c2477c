/// How many threads compute. Declared on the lowest floor, because every program may say it; the
/// CPU's thread pool defines it. Invariant: no result depends on it.
#pragma once

#include <rill/tensor/export.h>
#include <rill/tensor/where.h>

namespace rill {

/// The threads that compute, the calling one included: `RILL_THREADS`, else the processors that the
/// process may use. Throws `ValueError` if `RILL_THREADS` is not a whole number from 1 to 1024.
RILL_API int threads();

/// Changes that, from the next operation on. Throws `ValueError` unless 1 <= count <= 1024.
RILL_API void set_threads(int count, Where where = Where::here());

}  // namespace rill
