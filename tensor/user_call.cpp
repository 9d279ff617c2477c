#include <rill/tensor/user_call.h>

namespace rill::detail {
namespace {

thread_local const UserCall* open = nullptr;  // the outermost

}  // namespace

UserCall::UserCall(std::string_view prefix, std::string_view operation, Where where)
    : prefix_(prefix), operation_(operation), where_(where), outer_(open) {
  if (open == nullptr) open = this;
}

UserCall::~UserCall() { open = outer_; }

Where UserCall::place(Where given) { return open != nullptr ? open->where_ : given; }

std::string UserCall::name(std::string_view own) {
  if (open == nullptr) return std::string(own);
  return std::string(open->prefix_).append(open->operation_);
}

}  // namespace rill::detail
