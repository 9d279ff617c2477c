/// `Timings`: how long the steps of a plan took, read off a timeline.
/// Invariant: a step is known by its first node's name, as timelines name it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include <rill/tensor/where.h>

namespace rill::picture {

class Timings {
 public:
  Timings() = default;
  /// Of a timeline that a `Profiler` wrote. Throws `FileError`, and `FormatError` where it is
  /// something else.
  Timings(const std::string& path, Where where);

  /// The median of the step's runs; -1 where there is none.
  [[nodiscard]] double microseconds(const std::string& node) const {
    const auto found = steps_.find(node);
    return found == steps_.end() ? -1 : found->second;
  }

 private:
  std::unordered_map<std::string, double> steps_;
};

}  // namespace rill::picture
