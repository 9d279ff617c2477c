#include <rill/tensor/user_call.h>

namespace rill::detail {
namespace {

thread_local const UserCall* outermost = nullptr;

}  // namespace

UserCall::UserCall(std::string_view prefix, std::string_view operation, Where where)
    : prefix_(prefix), operation_(operation), where_(where), outer_(outermost) {
  if (outermost == nullptr) outermost = this;
}

UserCall::~UserCall() { outermost = outer_; }

bool UserCall::open() { return outermost != nullptr; }

Where UserCall::place(Where given) { return outermost != nullptr ? outermost->where_ : given; }

std::string UserCall::name(std::string_view own) {
  if (outermost == nullptr) return std::string(own);
  return std::string(outermost->prefix_).append(outermost->operation_);
}

}  // namespace rill::detail
