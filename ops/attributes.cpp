#include <rill/ops/attributes.h>

#include <array>
#include <cstdio>

namespace rill {
namespace {

std::string number_text(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.17g", number);
  double back = 0;
  for (int digits = 1; digits < 17; ++digits) {  // the shortest that reads back the same
    std::array<char, 32> shorter{};
    std::snprintf(shorter.data(), shorter.size(), "%.*g", digits, number);
    if (std::sscanf(shorter.data(), "%lf", &back) == 1 && back == number) return shorter.data();
  }
  return text.data();
}

std::string value_text(const AttributeValue& value) {
  struct Printer {
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return number_text(value); }
    std::string operator()(DType value) const { return std::string(name(value)); }
    std::string operator()(const Axes& value) const { return value.text(); }
    std::string operator()(const Shape& value) const { return value.text(); }
  };
  return std::visit(Printer{}, value);
}

}  // namespace

Attributes Attributes::of(const AttributeType* type) {
  Attributes made;
  if (type == nullptr) return made;
  made.type_ = type;
  made.owner_ = type->make();
  made.value_ = made.owner_.get();
  return made;
}

Attributes Attributes::kept() const {
  Attributes copy;
  if (type_ == nullptr) return copy;
  copy.type_ = type_;
  copy.owner_ = owner_ ? owner_ : type_->copy(value_);
  copy.value_ = copy.owner_.get();
  return copy;
}

void Attributes::set(std::string_view field, const AttributeValue& value) {
  if (type_ != nullptr) {
    for (const auto& entry : type_->fields) {
      if (entry.name != field) continue;
      if (entry.get(value_).index() != value.index()) {
        throw ValueError("attribute '" + std::string(field) +
                         "' is given as another kind of value: " + value_text(value));
      }
      // Only attributes made by `of` are set, and nobody else has seen those yet.
      entry.set(std::const_pointer_cast<void>(owner_).get(), value);
      return;
    }
  }
  throw ValueError("there is no attribute '" + std::string(field) + "'");
}

std::string Attributes::text() const {
  std::string text;
  if (type_ == nullptr) return text;
  for (const auto& entry : type_->fields) {
    if (!text.empty()) text += ", ";
    text += std::string(entry.name) + "=" + value_text(entry.get(value_));
  }
  return text;
}

bool Attributes::same_type(const AttributeType* other) const {
  if (type_ == nullptr || type_->size != other->size ||
      type_->fields.size() != other->fields.size())
    return false;
  for (std::size_t i = 0; i < other->fields.size(); ++i) {
    if (type_->fields[i].name != other->fields[i].name) return false;
  }
  return true;
}

void Attributes::fail_type() {
  throw InternalError("an operator was given attributes of another type");
}

}  // namespace rill
