#include <rill/tensor/where.h>

#include <string_view>

namespace rill {

std::string Where::text() const {
  if (!known()) return {};
  std::string_view name(file);
  if (const auto slash = name.find_last_of("/\\"); slash != std::string_view::npos) {
    name.remove_prefix(slash + 1);
  }
  return std::string(name) + ":" + std::to_string(line);
}

std::string Where::suffix() const { return known() ? ", at " + text() : std::string(); }

}  // namespace rill
