/// What a pass did to a function: how often, and, for those who want to read it, where and what.
/// Invariant: text is made only when somebody reads it.
#pragma once

#include <concepts>
#include <string>
#include <vector>

#include <rill/trace/function.h>

namespace rill {

class Changes {
 public:
  explicit Changes(bool written = false) : written_(written) {}

  /// `what` gives the text: `exp_1 is exp`.
  template <std::invocable What>
  void add(const Node& node, const What& what) {
    ++count_;
    if (written_) lines_.push_back(what() + node.where.suffix());
  }

  [[nodiscard]] int count() const { return count_; }
  /// Empty unless they are written.
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  bool written_;
  int count_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace rill
