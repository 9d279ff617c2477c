// Bytes as a model. Invariant: a part is parsed when its turn comes, and gone before the next; what
// has no name or type is refused at once, so that memory stays a small multiple of the file.
#include <cstring>
#include <limits>
#include <string>

#include <rill/trace/onnx/element_type.h>
#include <rill/trace/onnx/model.h>
#include "onnx.pb.h"

namespace {

namespace file = rill::onnx_file;
namespace onnx = rill::onnx;

/// What is wrong with a file, and where.
struct Refused {
  std::string reason;
};

template <class Part>
Part parsed(const std::string& bytes, const char* what, int number) {
  Part part;
  if (!part.ParseFromString(bytes))
    throw Refused{std::string(what) + " " + std::to_string(number) + " is damaged"};
  return part;
}

/// Numbers of the file's as elements of `T`, which the file stores wider.
template <class T, class Numbers>
void keep(onnx::Constant& tensor, const Numbers& numbers) {
  auto elements =
      std::make_shared<std::string>(static_cast<std::size_t>(numbers.size()) * sizeof(T), '\0');
  char* to = elements->data();
  for (const auto number : numbers) {
    const T element = static_cast<T>(number);
    std::memcpy(to, &element, sizeof(T));
    to += sizeof(T);
  }
  tensor.elements = *elements;
  tensor.owner = std::move(elements);
}

void keep_elements(onnx::Constant& tensor, file::Tensor& part) {
  if (part.has_raw_data()) {
    auto elements = std::make_shared<std::string>(std::move(*part.mutable_raw_data()));
    tensor.elements = *elements;
    tensor.owner = std::move(elements);
    return;
  }
  using onnx::ElementType;
  switch (static_cast<ElementType>(part.data_type())) {
    case ElementType::float32:
      return keep<float>(tensor, part.float_data());
    case ElementType::float64:
      return keep<double>(tensor, part.double_data());
    case ElementType::int64:
      return keep<std::int64_t>(tensor, part.int64_data());
    case ElementType::uint64:
      return keep<std::uint64_t>(tensor, part.uint64_data());
    case ElementType::uint32:
      return keep<std::uint32_t>(tensor, part.uint64_data());
    case ElementType::int32:
      return keep<std::int32_t>(tensor, part.int32_data());
    case ElementType::float16:
    case ElementType::bfloat16:
    case ElementType::uint16:
    case ElementType::int16:
      return keep<std::uint16_t>(tensor, part.int32_data());
    case ElementType::int8:
    case ElementType::uint8:
    case ElementType::bool_:
      return keep<std::uint8_t>(tensor, part.int32_data());
  }
}

std::uint64_t number(const std::string& text, const std::string& tensor) {
  const auto refusal = [&] {
    return Refused{"the tensor '" + tensor + "' lies at '" + text + "', which is no number"};
  };
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > std::numeric_limits<std::uint64_t>::max() / 10 - 10)
      throw refusal();
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

void keep_location(onnx::Constant& tensor, const file::Tensor& part) {
  for (int i = 0; i < part.external_data_size(); ++i) {
    const auto entry = parsed<file::Entry>(part.external_data(i), "an entry of external data", i);
    if (entry.key() == "location") tensor.location = entry.value();
    if (entry.key() == "offset") tensor.offset = number(entry.value(), tensor.name);
    if (entry.key() == "length") tensor.length = number(entry.value(), tensor.name);
  }
  if (tensor.location.empty())
    throw Refused{"the tensor '" + tensor.name + "' lies in a file that is not named"};
}

onnx::Constant tensor_of(file::Tensor& part) {
  onnx::Constant tensor;
  tensor.name = std::move(*part.mutable_name());
  tensor.element_type = part.data_type();
  tensor.sizes.assign(part.dims().begin(), part.dims().end());
  constexpr int external = 1;
  if (part.data_location() == external) {
    keep_location(tensor, part);
  } else {
    keep_elements(tensor, part);
  }
  return tensor;
}

/// By ONNX's numbers of attribute types; files that leave the type out say it by what is there.
onnx::Attribute attribute_of(file::Attribute& part) {
  enum : int { none, float_, integer, string, tensor, graph, floats, integers, strings };
  onnx::Attribute attribute;
  attribute.name = std::move(*part.mutable_name());
  if (attribute.name.empty()) throw Refused{"an attribute has no name"};
  int type = part.type();
  if (type == none) {
    type = part.has_f()              ? float_
           : part.has_i()            ? integer
           : part.has_s()            ? string
           : part.has_t()            ? tensor
           : part.floats_size() > 0  ? floats
           : part.ints_size() > 0    ? integers
           : part.strings_size() > 0 ? strings
                                     : none;
  }
  switch (type) {
    case float_:
      attribute.value = part.f();
      break;
    case integer:
      attribute.value = static_cast<std::int64_t>(part.i());
      break;
    case string:
      attribute.value = std::move(*part.mutable_s());
      break;
    case tensor:
      attribute.value = std::make_shared<const onnx::Constant>(tensor_of(*part.mutable_t()));
      break;
    case floats:
      attribute.value = std::vector<float>(part.floats().begin(), part.floats().end());
      break;
    case integers:
      attribute.value = std::vector<std::int64_t>(part.ints().begin(), part.ints().end());
      break;
    case strings:
      attribute.value = std::vector<std::string>(part.strings().begin(), part.strings().end());
      break;
    default:
      break;
  }
  return attribute;
}

std::vector<std::string> names_of(google::protobuf::RepeatedPtrField<std::string>& part) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(part.size()));
  for (std::string& name : part) names.push_back(std::move(name));
  return names;
}

onnx::Operation node_of(file::Node& part, int number) {
  onnx::Operation node;
  node.name = std::move(*part.mutable_name());
  node.type = std::move(*part.mutable_op_type());
  node.domain = std::move(*part.mutable_domain());
  if (node.type.empty()) throw Refused{"node " + std::to_string(number) + " has no operator"};
  node.inputs = names_of(*part.mutable_input());
  node.outputs = names_of(*part.mutable_output());
  node.attributes.reserve(static_cast<std::size_t>(part.attribute_size()));
  for (int i = 0; i < part.attribute_size(); ++i) {
    auto attribute = parsed<file::Attribute>(part.attribute(i), "an attribute of node", number);
    node.attributes.push_back(attribute_of(attribute));
  }
  return node;
}

onnx::Value value_of(const file::Value& part) {
  onnx::Value value;
  value.name = part.name();
  if (value.name.empty()) throw Refused{"an input or output has no name"};
  if (!part.has_type() || !part.type().has_tensor_type()) return value;
  const file::TensorType& type = part.type().tensor_type();
  value.element_type = type.elem_type();
  if (!type.has_shape()) return value;
  auto& sizes = value.shape.emplace();
  sizes.reserve(static_cast<std::size_t>(type.shape().dim_size()));
  for (const file::Dimension& dimension : type.shape().dim()) {
    onnx::Size size;
    if (dimension.has_dim_value()) size.value = dimension.dim_value();
    size.name = dimension.dim_param();
    sizes.push_back(std::move(size));
  }
  return value;
}

void read(std::string_view bytes, onnx::Model& model) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw Refused{"is larger than 2 GiB, which no model is"};
  file::Model part;
  if (!part.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    throw Refused{"is cut off, damaged, or no model of ONNX's"};
  if (!part.has_graph()) throw Refused{"holds no graph: it is no model of ONNX's"};
  model.format_version = part.ir_version();
  model.producer = part.producer_name();
  model.producer_version = part.producer_version();
  for (const file::OperatorSet& set : part.opset_import())
    model.operator_sets.emplace_back(set.domain(), set.version());
  file::Graph& graph = *part.mutable_graph();
  model.graph_name = graph.name();
  if (graph.sparse_initializer_size() > 0)
    throw Refused{"holds sparse tensors, which rill does not have"};
  for (int i = 0; i < graph.input_size(); ++i)
    model.inputs.push_back(value_of(parsed<file::Value>(graph.input(i), "input", i)));
  for (int i = 0; i < graph.output_size(); ++i)
    model.outputs.push_back(value_of(parsed<file::Value>(graph.output(i), "output", i)));
  model.constants.reserve(static_cast<std::size_t>(graph.initializer_size()));
  for (int i = 0; i < graph.initializer_size(); ++i) {
    auto tensor = parsed<file::Tensor>(graph.initializer(i), "tensor", i);
    std::string().swap(*graph.mutable_initializer(i));
    if (tensor.name().empty()) throw Refused{"tensor " + std::to_string(i) + " has no name"};
    model.constants.push_back(tensor_of(tensor));
  }
  model.nodes.reserve(static_cast<std::size_t>(graph.node_size()));
  for (int i = 0; i < graph.node_size(); ++i) {
    auto node = parsed<file::Node>(graph.node(i), "node", i);
    std::string().swap(*graph.mutable_node(i));
    model.nodes.push_back(node_of(node, i));
  }
}

}  // namespace

extern "C" bool rill_onnx_read(std::string_view bytes, onnx::Model* model, std::string* error) {
  try {
    read(bytes, *model);
    return true;
  } catch (const Refused& refused) {
    *error = refused.reason;
    return false;
  }
}
