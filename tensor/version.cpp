// Compiled into the library, so that a program can ask which version it really runs with.

#include <rill/version.h>

namespace rill {

const char* library_version() noexcept { return RILL_VERSION; }

}  // namespace rill
