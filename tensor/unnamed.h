// Errors from floors that know neither the operation nor the user's line: a size that overflows, a
// number that does not fit, memory that is not there.
// Invariant: a text has one operation and one line, those of the outermost call that names it,
// which is the one that the user wrote.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <rill/tensor/export.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/user_call.h>
#include <rill/tensor/where.h>

namespace rill::detail {

/// An error that an operation can still put its name to.
class Unnamed {
 public:
  Unnamed() = default;
  Unnamed(const Unnamed&) = default;
  Unnamed& operator=(const Unnamed&) = default;
  virtual ~Unnamed() = default;
  /// Throws the same error as `operation: rule, at main.cpp:3`.
  [[noreturn]] void rethrow(std::string_view operation, Where where) const {
    rethrow_as(operation, where);
    __builtin_unreachable();  // GCC does not believe a virtual function
  }

 private:
  virtual void rethrow_as(std::string_view operation, Where where) const = 0;
};

/// `operation: rule, at model.cpp:41`, or the rule alone where there is no name yet.
RILL_API std::string error_text(std::string_view operation, std::string_view rule, Where where);

template <class E>
class UnnamedError final : public E, public Unnamed {
 public:
  explicit UnnamedError(std::string rule) : UnnamedError({}, std::move(rule), {}) {}
  UnnamedError(std::string_view operation, std::string rule, Where where)
      : E(error_text(operation, rule, where)), rule_(std::move(rule)), where_(where) {}

 private:
  void rethrow_as(std::string_view operation, Where where) const override {
    throw UnnamedError(operation, rule_, where.known() ? where : where_);
  }

  std::string rule_;
  Where where_;
};

/// `f()`, whose errors from below are those of `operation` at the user's line: for a function that
/// is one operator, as it costs nothing. One that calls several opens a `UserCall`, as is done here
/// for those who listen.
template <class F>
decltype(auto) in_operation(std::string_view operation, Where where, F&& f) {
  std::optional<UserCall> heard;
  if (!Listeners::none()) heard.emplace(operation, where);
  try {
    return std::forward<F>(f)();
  } catch (const Unnamed& error) {
    error.rethrow(operation, where);
  }
}

}  // namespace rill::detail
