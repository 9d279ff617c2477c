#include <rill/tensor/unnamed.h>

#include <rill/tensor/user_call.h>

namespace rill::detail {

std::string error_text(std::string_view operation, std::string_view rule, Where where) {
  std::string text = UserCall::name(operation);
  if (!text.empty()) text += ": ";
  return text.append(rule) + where.suffix();
}

}  // namespace rill::detail
