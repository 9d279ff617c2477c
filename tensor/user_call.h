/// `UserCall`: the function of rill's that the user called, while it calls others of rill's: errors
/// and what listeners hear name it, and the user's line, whichever of the others they come from.
/// Invariant: of calls within calls the outermost counts; none is open while the user's own code
/// runs.
#pragma once

#include <string>
#include <string_view>

#include <rill/tensor/export.h>
#include <rill/tensor/where.h>

namespace rill::detail {

/// Open for as long as it lives, on its thread. What it is given must outlive it.
///
///     const detail::UserCall scope("tril", Where::here());
///     Tensor rows = expand_dims(arange(3), 1);     // errors are those of `tril`, at that line
class RILL_API UserCall {
 public:
  UserCall(std::string_view operation, Where where) : UserCall({}, operation, where) {}
  /// Named by two words: `UserCall("gradient of ", "exp", where)`.
  UserCall(std::string_view prefix, std::string_view operation, Where where);
  UserCall(const UserCall&) = delete;
  UserCall& operator=(const UserCall&) = delete;
  ~UserCall();

  /// Whether there is one.
  static bool open();
  /// The user's line: that of the open call, or what a function was given.
  static Where place(Where given);
  /// What the user called: the name of the open call, or the function's own.
  static std::string name(std::string_view own);

 private:
  std::string_view prefix_;
  std::string_view operation_;
  Where where_;
  const UserCall* outer_;
};

}  // namespace rill::detail
