#include <rill/trace/onnx/import.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <unordered_map>

#include <rill/ops/call.h>
#include <rill/tensor/input_file.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/rehearsal.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/user_call.h>
#include <rill/trace/onnx/builder.h>
#include <rill/trace/onnx/dtypes.h>
#include <rill/trace/onnx/imported_node.h>
#include <rill/trace/onnx/size_values.h>

namespace rill::onnx {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t oldest_set = 7;
constexpr std::int64_t newest_set = 24;

[[noreturn]] void fail(const std::string& text) { throw detail::UnnamedError<FormatError>(text); }

std::string in_quotes(std::string_view name) { return "'" + std::string(name.substr(0, 80)) + "'"; }

/// `'conv1' (Conv)`; nodes without names are known by what they make.
std::string described(const Operation& node) {
  const std::string& name =
      !node.name.empty() || node.outputs.empty() ? node.name : node.outputs[0];
  return in_quotes(name) + " (" + node.type.substr(0, 80) + ")";
}

/// By type. Made once.
using Conversions = std::unordered_map<std::string_view, void (*)(ImportedNode&)>;
const Conversions& conversions() {
  static const Conversions& all = *[] {
    auto* made = new Conversions;
    for (const auto table : {elementwise_conversions(), shape_conversions(), index_conversions(),
                             reduction_conversions(), network_conversions()}) {
      for (const Conversion& each : table) made->emplace(each.type, each.convert);
    }
    return made;
  }();
  return all;
}

/// The operator that ONNX has under this name with the same attributes: one without a form of its
/// own, or without attributes.
const Op* by_name(std::string_view type) {
  for (const Op* op : all_ops()) {
    if (op->peers.onnx == type && (!op->onnx || op->attributes() == nullptr)) return op;
  }
  return nullptr;
}

/// The other direction of what the export does for operators without forms.
void convert_by_name(const Op& op, ImportedNode& node) {
  Attributes attributes = Attributes::of(op.attributes());
  const std::vector<Tensor> inputs = node.all();
  if (op.attributes() != nullptr) {
    for (const auto& field : op.attributes()->fields) {
      const AttributeValue value = field.get(attributes.value());
      if (!node.has(field.name)) continue;
      if (std::holds_alternative<std::int64_t>(value)) {
        const std::int64_t given = node.integer(field.name, 0);
        // What counts axes from the end, rill counts from the front.
        attributes.set(field.name, field.name == "axis"
                                       ? std::int64_t{node.axis(given, inputs[0].rank())}
                                       : given);
      } else if (std::holds_alternative<bool>(value)) {
        attributes.set(field.name, node.integer(field.name, 0) != 0);
      } else if (std::holds_alternative<double>(value)) {
        attributes.set(field.name, node.real(field.name, 0));
      } else {
        node.fail("the attribute '" + std::string(field.name) + "' is of a kind that is not read");
      }
    }
  }
  std::vector<Tensor> outputs(1);
  call(op, inputs, attributes, {}, outputs);
  node.out(outputs[0]);
}

class Importer {
 public:
  Importer(const std::string& path, std::uint64_t bytes)
      : folder_(fs::path(path).parent_path()),
        builder_(static_cast<std::int64_t>(std::min(bytes, std::uint64_t{1} << 40U) * 16) +
                 (std::int64_t{4} << 20U)) {}

  Function run(Model&& model);

 private:
  void require_sets(const Model& model);
  void add_constant(const Constant& constant);
  void add_input(const Value& input);
  void add(Operation& node);
  void convert(const Operation& node, ImportedNode& imported);
  void define(const std::string& name, const Tensor& value);
  Tensor elements(const Constant& tensor) const;
  std::string external(const Constant& tensor, std::uint64_t bytes) const;
  Dim size(const Size& size);
  const Tensor& value(const std::string& name, const Operation& node) const;

  const fs::path folder_;
  Builder builder_;
  SizeValues sizes_;
  std::int64_t operator_set_ = 0;
  std::unordered_map<std::string, Tensor> values_;
  std::unordered_map<std::string, Dim> unknown_;
  std::unordered_map<std::string, const Op*> by_name_;
};

void Importer::require_sets(const Model& model) {
  for (const auto& [domain, version] : model.operator_sets) {
    if (!domain.empty() && domain != "ai.onnx") continue;
    if (version < oldest_set || version > newest_set) {
      fail("asks for operator set " + std::to_string(version) + "; rill reads " +
           std::to_string(oldest_set) + " to " + std::to_string(newest_set));
    }
    operator_set_ = version;
  }
  if (operator_set_ == 0) fail("names no operator set of ONNX's");
}

/// The bytes of a file beside the model, and of no other place.
std::string Importer::external(const Constant& tensor, std::uint64_t bytes) const {
  const fs::path name(tensor.location);
  if (name.filename() != name || name == "." || name == "..") {
    fail("the tensor " + in_quotes(tensor.name) + " lies in " + in_quotes(tensor.location) +
         ", which is outside the model's folder");
  }
  const InputFile file((folder_ / name).string(), "load", {});
  if (fs::is_symlink(folder_ / name)) {
    fail("the tensor " + in_quotes(tensor.name) + " lies in " + in_quotes(tensor.location) +
         ", which leads elsewhere");
  }
  if (tensor.offset > file.size() || bytes > file.size() - tensor.offset) {
    fail("the tensor " + in_quotes(tensor.name) + " has " + std::to_string(bytes) + " bytes, and " +
         in_quotes(tensor.location) + " ends before");
  }
  std::string content(static_cast<std::size_t>(bytes), '\0');
  file.read(tensor.offset, content.data(), content.size());
  return content;
}

Tensor Importer::elements(const Constant& tensor) const {
  const auto dtype = dtype_of(tensor.element_type);
  if (!dtype) {
    fail("the tensor " + in_quotes(tensor.name) + " is of ONNX's element type " +
         std::to_string(tensor.element_type) + ", which is none of rill's");
  }
  if (tensor.sizes.size() > static_cast<std::size_t>(max_rank)) {
    fail("the tensor " + in_quotes(tensor.name) + " has more than " + std::to_string(max_rank) +
         " axes");
  }
  Shape shape;
  for (const std::int64_t size : tensor.sizes) {
    if (size < 0 || size > (std::int64_t{1} << 56U))
      fail("the tensor " + in_quotes(tensor.name) + " has the size " + std::to_string(size));
    shape.push_back(size);
  }
  const Dim bytes = shape.size() * static_cast<std::int64_t>(size_of(*dtype));
  const auto needed = static_cast<std::uint64_t>(bytes.value());
  std::string file;
  std::string_view content = tensor.elements;
  if (!tensor.location.empty()) {
    if (tensor.length && *tensor.length != needed) {
      fail("the tensor " + in_quotes(tensor.name) + " has " + std::to_string(*tensor.length) +
           " bytes in a file, and needs " + std::to_string(needed));
    }
    file = external(tensor, needed);
    content = file;
  }
  if (content.size() != needed) {
    fail("the tensor " + in_quotes(tensor.name) + " of shape " + shape.text() + " has " +
         std::to_string(content.size()) + " bytes, and needs " + std::to_string(needed));
  }
  Tensor made = Tensor::empty(shape, *dtype);
  if (needed > 0) std::memcpy(made.body().data, content.data(), content.size());
  if (*dtype == bool_) {  // a byte of a file may be anything
    auto* const truth = reinterpret_cast<std::uint8_t*>(made.body().data);
    for (std::uint64_t i = 0; i < needed; ++i) truth[i] = truth[i] != 0 ? 1 : 0;
  }
  return made;
}

void Importer::define(const std::string& name, const Tensor& value) {
  if (!values_.emplace(name, value).second) fail("two values have the name " + in_quotes(name));
}

void Importer::add_constant(const Constant& constant) {
  define(constant.name, builder_.constant(elements(constant), constant.name));
}

Dim Importer::size(const Size& size) {
  if (size.value && *size.value >= 0) return *size.value;
  if (size.name.empty()) return Dim::fresh();
  const auto [at, added] = unknown_.try_emplace(size.name);
  if (added) {
    try {
      at->second = Dim(size.name);
    } catch (const ValueError&) {  // ONNX allows any text
      at->second = Dim::fresh();
    }
  }
  return at->second;
}

void Importer::add_input(const Value& input) {
  if (values_.contains(input.name)) return;  // old models name their constants as inputs, too
  const auto dtype = dtype_of(input.element_type);
  if (!dtype) fail("the input " + in_quotes(input.name) + " is no tensor of a type that rill has");
  if (!input.shape) {
    fail("the input " + in_quotes(input.name) +
         " has no shape: rill needs the number of its axes at least");
  }
  if (input.shape->size() > static_cast<std::size_t>(max_rank))
    fail("the input " + in_quotes(input.name) + " has more than " + std::to_string(max_rank) +
         " axes");
  Shape shape;
  for (const Size& each : *input.shape) shape.push_back(size(each));
  (void)shape.size();  // reports overflow
  define(input.name, builder_.input(input.name, {*dtype, shape}));
}

const Tensor& Importer::value(const std::string& name, const Operation& node) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    fail(described(node) + " reads " + in_quotes(name) + ", which nothing before it gives");
  }
  return found->second;
}

void Importer::convert(const Operation& node, ImportedNode& imported) {
  if (!node.domain.empty() && node.domain != "ai.onnx")
    imported.fail("rill knows no operators of the domain " + in_quotes(node.domain));
  constexpr std::size_t most = 1U << 16U;
  if (node.inputs.size() > most || node.outputs.size() > most || node.outputs.empty())
    imported.fail("has an impossible number of inputs or outputs");
  if (const auto found = conversions().find(node.type); found != conversions().end())
    return found->second(imported);
  const auto [at, added] = by_name_.try_emplace(node.type);
  if (added) at->second = by_name(node.type);
  if (at->second == nullptr) imported.fail("rill has no such operator");
  convert_by_name(*at->second, imported);
}

void Importer::add(Operation& node) {
  std::vector<Tensor> inputs;
  for (const std::string& name : node.inputs)
    inputs.push_back(name.empty() ? Tensor() : value(name, node));
  const std::function<Tensor(const Constant&)> elements_of = [&](const Constant& tensor) {
    return builder_.constant(elements(tensor), tensor.name);
  };
  const ImportedNode::Graph graph{builder_, sizes_, operator_set_, elements_of};
  ImportedNode imported(node, inputs, graph);
  // Whatever throws from here on, the operators that are called too, speaks of this node.
  const std::string name = described(node);
  const detail::UserCall scope(name, {});
  const std::size_t since = builder_.count();
  convert(node, imported);
  imported.finish();
  follow_sizes(imported);
  for (std::size_t k = 0; k < node.outputs.size(); ++k) {
    if (node.outputs[k].empty()) continue;
    define(node.outputs[k], imported.results()[k]);
    builder_.name(imported.results()[k], node.outputs[k], since);
  }
}

Function Importer::run(Model&& model) {
  require_sets(model);
  for (Constant& constant : model.constants) {
    add_constant(constant);
    constant = {};
  }
  for (const Value& input : model.inputs) add_input(input);
  {
    const Rehearsal rehearsal;
    const Listening on(builder_);
    for (Operation& node : model.nodes) {
      add(node);
      node = {};
    }
  }
  if (model.outputs.empty()) fail("has no outputs");
  std::vector<std::pair<std::string, Tensor>> outputs;
  for (const Value& output : model.outputs) {
    const auto found = values_.find(output.name);
    if (found == values_.end())
      fail("the output " + in_quotes(output.name) + " is made by nothing");
    if (output.element_type != 0 &&
        output.element_type != static_cast<int>(element_type(found->second.dtype()))) {
      fail("the output " + in_quotes(output.name) + " is " + found->second.type_text() +
           ", and the file says otherwise");
    }
    outputs.emplace_back(output.name, found->second);
  }
  return builder_.finish(outputs);
}

}  // namespace

std::shared_ptr<const Function> imported(Model&& model, const std::string& path,
                                         std::uint64_t bytes) try {
  return std::make_shared<const Function>(Importer(path, bytes).run(std::move(model)));
} catch (const OutOfMemoryError&) {
  throw;
} catch (const FileError&) {
  throw;
} catch (const Error& error) {
  throw detail::UnnamedError<FormatError>(path + ": " + error.what());
} catch (const InternalError& error) {
  throw detail::UnnamedError<FormatError>(path + ": " + error.what());
}

}  // namespace rill::onnx
