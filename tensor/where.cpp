#include <rill/tensor/where.h>

#include <functional>
#include <mutex>
#include <set>
#include <string_view>

#include <rill/tensor/user_call.h>

namespace rill {

std::string Where::text() const {
  if (!known()) return {};
  std::string_view name(file);
  if (const auto slash = name.find_last_of("/\\"); slash != std::string_view::npos) {
    name.remove_prefix(slash + 1);
  }
  return std::string(name) + ":" + std::to_string(line);
}

Where Where::kept() const {
  if (!known()) return *this;
  static std::mutex mutex;
  static auto& names = *new std::set<std::string, std::less<>>;  // never freed: graphs point there
  const std::lock_guard lock(mutex);
  return {names.emplace(file).first->c_str(), line};
}

std::string Where::suffix() const {
  const Where users = detail::UserCall::place(*this);
  return users.known() ? ", at " + users.text() : std::string();
}

}  // namespace rill
