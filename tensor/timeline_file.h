/// Spans as text: Chrome's trace event format, which Perfetto reads too.
/// Source: "Trace Event Format", Google, sections "JSON Object Format" and "Complete Events".
#pragma once

#include <span>
#include <string>

#include <rill/tensor/timeline.h>

namespace rill::detail {

/// Times are microseconds since the first span began.
std::string timeline_text(std::span<const Span> spans);

}  // namespace rill::detail
