#include <rill/trace/onnx/imported_node.h>

#include <algorithm>

#include <rill/ops/conversion.h>
#include <rill/tensor/unnamed.h>
#include <rill/trace/onnx/dtypes.h>

namespace rill::onnx {

void ImportedNode::fail(const std::string& rule) const {
  throw detail::UnnamedError<FormatError>(rule);
}

const Tensor& ImportedNode::in(int k) const {
  if (!has(k)) fail("has no input " + std::to_string(k));
  return inputs_[index(k)];
}

std::vector<Tensor> ImportedNode::all() const {
  std::vector<Tensor> tensors;
  for (int k = 0; k < inputs(); ++k) tensors.push_back(in(k));
  if (tensors.empty()) fail("has no inputs");
  return tensors;
}

Tensor ImportedNode::known(int k) const {
  const Tensor elements = graph_.builder.known(in(k));
  if (!elements.defined()) {
    fail("input " + std::to_string(k) + " has to be known when the file is read, and depends on " +
         "an input of the graph");
  }
  return elements;
}

std::vector<Dim> ImportedNode::sizes(int k) const {
  if (const auto found = graph_.sizes.find(in(k).id()); found != graph_.sizes.end())
    return found->second;
  const Tensor elements = known(k);
  constexpr std::int64_t most = 4096;
  if (!is_integer(elements.dtype()) || elements.rank() > 1 || elements.size() > most)
    fail("input " + std::to_string(k) + " is no list of integers");
  const Silence silence;
  constexpr std::int64_t limit = std::int64_t{1} << 60;  // ends of slices may be any number
  std::vector<Dim> sizes;
  for (const std::int64_t number : elements.to_vector<std::int64_t>())
    sizes.emplace_back(std::clamp(number, -limit, limit));
  return sizes;
}

std::vector<std::int64_t> ImportedNode::integers(int k) const {
  std::vector<std::int64_t> numbers;
  for (const Dim size : sizes(k)) {
    if (!size.known()) fail("input " + std::to_string(k) + " depends on the size " + size.text());
    numbers.push_back(size.value());
  }
  return numbers;
}

const Attribute* ImportedNode::find(std::string_view name) {
  asked_.insert(std::string(name));
  const auto found = std::find_if(node_.attributes.begin(), node_.attributes.end(),
                                  [&](const Attribute& each) { return each.name == name; });
  return found == node_.attributes.end() ? nullptr : &*found;
}

template <class T>
const T* ImportedNode::value(std::string_view name, const char* kind) {
  const Attribute* attribute = find(name);
  if (attribute == nullptr) return nullptr;
  const T* value = std::get_if<T>(&attribute->value);
  if (value == nullptr) fail("the attribute '" + std::string(name) + "' is not " + kind);
  return value;
}

std::int64_t ImportedNode::integer(std::string_view name, std::int64_t otherwise) {
  const auto* value = this->value<std::int64_t>(name, "an integer");
  return value == nullptr ? otherwise : *value;
}

double ImportedNode::real(std::string_view name, double otherwise) {
  const auto* value = this->value<float>(name, "a number");
  return value == nullptr ? otherwise : double{*value};
}

std::string ImportedNode::text(std::string_view name, std::string_view otherwise) {
  const auto* value = this->value<std::string>(name, "a text");
  return value == nullptr ? std::string(otherwise) : *value;
}

std::optional<std::vector<std::int64_t>> ImportedNode::integers(std::string_view name) {
  const auto* value = this->value<std::vector<std::int64_t>>(name, "a list of integers");
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::vector<float>> ImportedNode::reals(std::string_view name) {
  const auto* value = this->value<std::vector<float>>(name, "a list of numbers");
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::vector<std::string>> ImportedNode::texts(std::string_view name) {
  const auto* value = this->value<std::vector<std::string>>(name, "a list of texts");
  return value == nullptr ? std::nullopt : std::optional(*value);
}

Tensor ImportedNode::tensor(std::string_view name) {
  const auto* value = this->value<std::shared_ptr<const Constant>>(name, "a tensor");
  return value == nullptr ? Tensor() : graph_.elements(**value);
}

int ImportedNode::axis(std::int64_t given, int rank) const {
  if (given < -rank || given >= rank) {
    fail("the axis " + std::to_string(given) + " is outside [" + std::to_string(-rank) + ", " +
         std::to_string(rank) + ")");
  }
  return static_cast<int>(given < 0 ? given + rank : given);
}

Axes ImportedNode::axes(std::span<const std::int64_t> given, int rank) const {
  std::set<int> normal;
  for (const std::int64_t each : given) {
    if (!normal.insert(axis(each, rank)).second)
      fail("the axis " + std::to_string(each) + " is given twice");
  }
  Axes axes;
  for (const int each : normal) axes.push_back(each);
  return axes;
}

void ImportedNode::only(std::string_view name, std::int64_t value) {
  const std::int64_t given = integer(name, value);
  if (given == value) return;
  fail("the attribute '" + std::string(name) + "' is " + std::to_string(given) +
       ", and rill knows " + std::to_string(value) + " only");
}

DType ImportedNode::dtype(std::int64_t element_type) const {
  const auto dtype = dtype_of(element_type);
  if (!dtype) {
    fail("the element type " + std::to_string(element_type) + " of ONNX is none of rill's");
  }
  return *dtype;
}

void ImportedNode::finish() const {
  for (const Attribute& attribute : node_.attributes) {
    if (!asked_.contains(attribute.name))
      fail("the attribute '" + attribute.name.substr(0, 80) + "' is not known");
  }
  for (int k = 0; k < outputs(); ++k) {
    if (wants(k) && !results_[index(k)].defined())
      fail("rill does not compute the result '" + node_.outputs[index(k)].substr(0, 80) + "'");
  }
}

}  // namespace rill::onnx
