/// A scene as one self-contained page: data, style and script in one file, which loads nothing.
/// Invariant: what comes from the graph is data to the page, never markup or code.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <rill/trace/picture/scene.h>

namespace rill::picture {

std::string page(std::string_view title, std::span<const Scene> scenes);

}  // namespace rill::picture
