#include <rill/trace/passes/attribute.h>

#include <string>

#include <rill/tensor/error.h>

namespace rill {

AttributeValue attribute_value(const Node& node, std::string_view name) {
  if (node.attributes.type() != nullptr) {
    for (const auto& entry : node.attributes.type()->fields) {
      if (entry.name == name) return entry.get(node.attributes.value());
    }
  }
  throw InternalError(std::string(node.op->name) + " has no attribute " + std::string(name));
}

Attributes with_attribute(const Node& node, std::string_view name, const AttributeValue& value) {
  Attributes made = Attributes::of(node.attributes.type());
  for (const auto& entry : node.attributes.type()->fields)
    made.set(entry.name, entry.get(node.attributes.value()));
  made.set(name, value);
  return made;
}

}  // namespace rill
