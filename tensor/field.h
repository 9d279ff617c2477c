/// `field`: how an aggregate lists its members: an operator's attributes, a struct of tensors.
/// Invariant: the name is the one that files and messages have.
#pragma once

#include <string_view>

namespace rill {

/// A member with its name.
template <class Owner, class T>
struct Field {
  std::string_view name;
  T Owner::* member;
};
/// `static constexpr auto fields() { return std::tuple{field("axes", &Reduce::axes), ...}; }`
template <class Owner, class T>
constexpr Field<Owner, T> field(std::string_view name, T Owner::* member) {
  return {name, member};
}

}  // namespace rill
