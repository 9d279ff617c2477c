#include <rill/cpu/emitter_version.h>

namespace rill::cpu {

std::string_view emitter_version() { return RILL_EMITTER_VERSION; }

}  // namespace rill::cpu
