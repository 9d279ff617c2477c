// What can be told of a text that should be a graph before anything of it is kept.
// Invariant: a text that passes costs a small multiple of its size when it is parsed, and the time
// that its size needs.
#pragma once

#include <string>
#include <string_view>

namespace rill {

/// Throws `FormatError` for JSON that no graph has. What is no JSON passes: the parser says why.
void require_plausible(std::string_view text, const std::string& origin);

}  // namespace rill
