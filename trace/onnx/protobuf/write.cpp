// A model as bytes. Invariant: the elements of large tensors go to the file from where they are;
// only their heads are copied.
#include <limits>
#include <string>
#include <vector>

#include <google/protobuf/io/coded_stream.h>

#include <rill/trace/onnx/model.h>
#include "onnx.pb.h"

namespace {

namespace file = rill::onnx_file;
namespace onnx = rill::onnx;

/// What stands before the bytes of a field that has a length.
std::string head(std::uint32_t field, std::uint64_t length) {
  constexpr std::uint32_t with_length = 2;
  std::uint8_t bytes[20];
  using google::protobuf::io::CodedOutputStream;
  std::uint8_t* end = CodedOutputStream::WriteVarint32ToArray(field << 3U | with_length, bytes);
  end = CodedOutputStream::WriteVarint64ToArray(length, end);
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes)};
}

/// All of a tensor but its elements, which come last.
file::Tensor tensor_part(const onnx::Constant& tensor) {
  file::Tensor part;
  for (const std::int64_t size : tensor.sizes) part.add_dims(size);
  part.set_data_type(tensor.element_type);
  if (!tensor.name.empty()) part.set_name(tensor.name);
  return part;
}

struct AttributeWriter {
  file::Attribute& part;
  void operator()(std::monostate) const {}
  void operator()(std::int64_t value) const {
    part.set_i(value);
    part.set_type(2);
  }
  void operator()(float value) const {
    part.set_f(value);
    part.set_type(1);
  }
  void operator()(const std::string& value) const {
    part.set_s(value);
    part.set_type(3);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    for (const std::int64_t value : values) part.add_ints(value);
    part.set_type(7);
  }
  void operator()(const std::vector<float>& values) const {
    for (const float value : values) part.add_floats(value);
    part.set_type(6);
  }
  void operator()(const std::vector<std::string>& values) const {
    for (const std::string& value : values) part.add_strings(value);
    part.set_type(8);
  }
  void operator()(const std::shared_ptr<const onnx::Constant>& tensor) const {
    *part.mutable_t() = tensor_part(*tensor);
    part.mutable_t()->set_raw_data(std::string(tensor->elements));
    part.set_type(4);
  }
};

std::string bytes_of(const onnx::Operation& node) {
  file::Node part;
  for (const std::string& name : node.inputs) part.add_input(name);
  for (const std::string& name : node.outputs) part.add_output(name);
  part.set_name(node.name);
  part.set_op_type(node.type);
  if (!node.domain.empty()) part.set_domain(node.domain);
  for (const onnx::Attribute& attribute : node.attributes) {
    file::Attribute own;
    own.set_name(attribute.name);
    std::visit(AttributeWriter{own}, attribute.value);
    part.add_attribute(own.SerializeAsString());
  }
  return part.SerializeAsString();
}

std::string bytes_of(const onnx::Value& value) {
  file::Value part;
  part.set_name(value.name);
  file::TensorType& type = *part.mutable_type()->mutable_tensor_type();
  type.set_elem_type(value.element_type);
  if (!value.shape) return part.SerializeAsString();
  type.mutable_shape();
  for (const onnx::Size& size : *value.shape) {
    file::Dimension& dimension = *type.mutable_shape()->add_dim();
    if (size.value) dimension.set_dim_value(*size.value);
    if (!size.name.empty()) dimension.set_dim_param(size.name);
  }
  return part.SerializeAsString();
}

/// A file as pieces in order, some of which are somebody else's memory.
class Pieces {
 public:
  void own(std::string bytes) {
    size_ += bytes.size();
    pieces_.emplace_back(std::move(bytes), std::string_view());
  }
  void borrowed(std::string_view bytes) {
    size_ += bytes.size();
    pieces_.push_back({{}, bytes});
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  void write(const onnx::Sink& sink) const {
    for (const auto& [own, borrowed] : pieces_) {
      if (!own.empty()) sink(own);
      if (!borrowed.empty()) sink(borrowed);
    }
  }

 private:
  std::vector<std::pair<std::string, std::string_view>> pieces_;
  std::uint64_t size_ = 0;
};

void add_tensor(Pieces& pieces, const onnx::Constant& tensor) {
  constexpr std::uint32_t initializer = file::Graph::kInitializerFieldNumber;
  const std::string part = tensor_part(tensor).SerializeAsString();
  const std::string raw = head(file::Tensor::kRawDataFieldNumber, tensor.elements.size());
  pieces.own(head(initializer, part.size() + raw.size() + tensor.elements.size()));
  pieces.own(part + raw);
  pieces.borrowed(tensor.elements);
}

}  // namespace

extern "C" bool rill_onnx_write(const onnx::Model* model, const onnx::Sink* sink,
                                std::string* error) {
  file::Graph small;  // all of the graph but its tensors
  small.set_name(model->graph_name);
  for (const onnx::Operation& node : model->nodes) small.add_node(bytes_of(node));
  for (const onnx::Value& value : model->inputs) small.add_input(bytes_of(value));
  for (const onnx::Value& value : model->outputs) small.add_output(bytes_of(value));
  Pieces graph;
  graph.own(small.SerializeAsString());
  for (const onnx::Constant& tensor : model->constants) add_tensor(graph, tensor);

  file::Model about;
  about.set_ir_version(model->format_version);
  about.set_producer_name(model->producer);
  about.set_producer_version(model->producer_version);
  for (const auto& [domain, version] : model->operator_sets) {
    file::OperatorSet& set = *about.add_opset_import();
    set.set_domain(domain);
    set.set_version(version);
  }
  const std::string first =
      about.SerializeAsString() + head(file::Model::kGraphFieldNumber, graph.size());
  if (first.size() + graph.size() > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    *error = "the model has " + std::to_string(first.size() + graph.size()) +
             " bytes, and a file of ONNX's holds less than 2 GiB";
    return false;
  }
  (*sink)(first);
  graph.write(*sink);
  return true;
}

extern "C" const char* rill_onnx_version() { return RILL_ONNX_VERSION; }
