/// A scene in Graphviz's language: scopes are boxes, kernels are colours.
/// Invariant: a name is text, whatever characters it has.
#pragma once

#include <span>
#include <string>

#include <rill/trace/picture/scene.h>

namespace rill::picture {

/// `planned`: the graph as passes left it, where they changed it.
std::string dot(std::span<const Scene> scenes, bool planned);

}  // namespace rill::picture
