/// Attributes of a node, by name: how passes look at operators whose attribute types they do not
/// know. Invariant: attributes that somebody has seen are never changed.
#pragma once

#include <string_view>
#include <variant>

#include <rill/trace/function.h>

namespace rill {

/// Throws `InternalError` when there is none of this name.
AttributeValue attribute_value(const Node& node, std::string_view name);
/// One of the types that `AttributeValue` holds: `attribute<Axes>(node, "order")`.
template <class T>
T attribute(const Node& node, std::string_view name) {
  return std::get<T>(attribute_value(node, name));
}

/// All others as they are.
Attributes with_attribute(const Node& node, std::string_view name, const AttributeValue& value);

}  // namespace rill
