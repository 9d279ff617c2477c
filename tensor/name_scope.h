/// `NameScope`: a part of a program under a name. Invariant: listeners hear it entered and left, in
/// that order, on the thread that made it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <rill/tensor/export.h>

namespace rill {

/// Operations inside are named `name/...` in graphs and profiles.
///
///     const NameScope scope("encoder");
///     Tensor z = relu(x);                 // `encoder/relu`
class RILL_API NameScope {
 public:
  explicit NameScope(std::string_view name);
  NameScope(const NameScope&) = delete;
  NameScope& operator=(const NameScope&) = delete;
  ~NameScope();

 private:
  std::string name_;
  std::uint64_t recording_;  // a stopwatch's
  std::int64_t begin_;
};

}  // namespace rill
