#include <rill/ops/check.h>

#include <string>

#include <rill/ops/elementwise.h>
#include <rill/ops/reduce.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/rehearsal.h>

namespace rill {

void check(const Operand& ok, std::string_view message) {
  const Where where = ok.where();
  const Tensor& condition = ok.tensor();
  if (!condition.defined()) detail::fail_undefined("check", where);
  if (condition.dtype() != bool_) {
    throw DTypeError("check: a condition is of bool, not " + condition.type_text() +
                     ": compare with something" + where.suffix());
  }
  if (!Listeners::none()) Listeners::tell(&Listener::check, CheckEvent{condition, message, where});
  if (Rehearsal::current() != nullptr) return;
  const Silence silence;  // how it is looked at is not the program's doing
  if (all(condition).item<bool>(where)) return;
  const auto wrong = sum(~condition).item<std::int64_t>();
  throw ValueError("check: " + std::string(message) + ": " + std::to_string(wrong) + " of " +
                   std::to_string(condition.size()) + (wrong == 1 ? " is" : " are") + " false" +
                   where.suffix());
}

}  // namespace rill
