// Which emitter made a piece of code.
#pragma once

#include <string_view>

namespace rill::cpu {

/// 16 hexadecimal digits that change with the emitter's sources.
std::string_view emitter_version();

}  // namespace rill::cpu
