/// Graphviz's program `dot`, run as a process of its own.
/// Invariant: no shell sees a name or a path.
#pragma once

#include <string>
#include <string_view>

#include <rill/tensor/where.h>

namespace rill::picture {

/// What `dot` draws in this format (`svg`, `png`, `pdf`). Throws `FileError` where the program is
/// not installed or fails.
std::string rendered(std::string_view dot, const std::string& format, Where where);

}  // namespace rill::picture
