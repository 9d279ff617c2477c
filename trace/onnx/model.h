/// `onnx::Model`: what a file of ONNX says, in plain C++: all that the library and the module that
/// knows protobuf need to agree on. Invariant: nothing of rill's and nothing of protobuf's is seen
/// here; nothing that a file says has been checked but that it is there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace rill::onnx {

/// The elements of a constant.
struct Constant {
  std::string name;
  int element_type = 0;  ///< by ONNX's numbers: see trace/onnx/element_type.h
  std::vector<std::int64_t> sizes;
  std::string_view elements;          ///< row-major, little-endian, as they lie in memory
  std::shared_ptr<const void> owner;  ///< of `elements`
  std::string location;               ///< the file that holds them instead; relative to the model's
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

struct Attribute {
  std::string name;
  /// Nothing where it is of a kind that rill has no use for: a graph, a type.
  std::variant<std::monostate, std::int64_t, float, std::string, std::vector<std::int64_t>,
               std::vector<float>, std::vector<std::string>, std::shared_ptr<const Constant>>
      value;
};

struct Operation {
  std::string name;
  std::string type;
  std::string domain;
  std::vector<std::string> inputs;  ///< empty ones are left out
  std::vector<std::string> outputs;
  std::vector<Attribute> attributes;
};

/// A size that is known, named, or neither.
struct Size {
  std::optional<std::int64_t> value;
  std::string name;
};

/// An input or output of the graph.
struct Value {
  std::string name;
  int element_type = 0;  ///< 0 where it is no tensor
  std::optional<std::vector<Size>> shape;
};

struct Model {
  std::int64_t format_version = 0;  ///< ONNX's `ir_version`
  std::string producer, producer_version;
  std::vector<std::pair<std::string, std::int64_t>> operator_sets;  ///< domain and version
  std::string graph_name;
  std::vector<Value> inputs, outputs;
  std::vector<Constant> constants;  ///< ONNX's initializers
  std::vector<Operation> nodes;
};

// ---- What the module offers, by these names ----------------------------------------------------

/// Takes the file's bytes, one piece after the other.
using Sink = std::function<void(std::string_view)>;
/// `rill_onnx_version`: both sides are of one build when they say the same.
using VersionFunction = const char* (*)();
/// `rill_onnx_read`: false with the reason in `error` where the bytes are no model.
using ReadFunction = bool (*)(std::string_view file, Model* model, std::string* error);
/// `rill_onnx_write`: likewise where the model is larger than a file can be.
using WriteFunction = bool (*)(const Model* model, const Sink* sink, std::string* error);

}  // namespace rill::onnx
