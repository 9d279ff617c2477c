#include <rill/trace/onnx/draft.h>

#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include <rill/tensor/elements.h>
#include <rill/tensor/unnamed.h>
#include <rill/trace/onnx/dtypes.h>

namespace rill::onnx {

/// Reads a size's text, which `Dim::text` wrote, as nodes that compute it.
class Draft::SizeReader {
 public:
  SizeReader(Draft& draft, std::string_view text) : draft_(draft), text_(text) {}

  Id sum() {
    Id result = accept('-') ? draft_.node("Neg", {product()}) : product();
    for (;;) {
      if (accept('+')) {
        result = draft_.node("Add", {result, product()});
      } else if (accept('-')) {
        result = draft_.node("Sub", {result, product()});
      } else {
        return result;
      }
    }
  }

 private:
  bool accept(char c) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return true;
  }

  Id product() {
    Id result = factor();
    for (;;) {
      if (accept('*')) {
        result = draft_.node("Mul", {result, factor()});
      } else if (accept('/')) {
        // Rounds down, where ONNX rounds towards zero.
        const Id divisor = factor();
        const Id rest = draft_.node("Mod", {result, divisor});
        result = draft_.node("Div", {draft_.node("Sub", {result, rest}), divisor});
      } else {
        return result;
      }
    }
  }

  Id factor() {
    if (accept('(')) {
      const Id inner = sum();
      accept(')');
      return inner;
    }
    const std::size_t first = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
      ++at_;
    const std::string word(text_.substr(first, at_ - first));
    if (word == "max" || word == "min") {
      accept('(');
      Id result = sum();
      while (accept(',')) result = draft_.node(word == "max" ? "Max" : "Min", {result, sum()});
      accept(')');
      return result;
    }
    if (!word.empty() && word[0] >= '0' && word[0] <= '9') return draft_.list({std::stoll(word)});
    const auto source = draft_.size_sources_.find(word);
    if (source == draft_.size_sources_.end()) {
      throw detail::UnnamedError<TraceError>("the size '" + word + "' in '" + std::string(text_) +
                                             "' is that of no input: ONNX cannot know it");
    }
    const auto [input, axis] = source->second;
    return draft_.node("Gather", {draft_.node("Shape", {input}), draft_.list({axis})});
  }

  Draft& draft_;
  std::string_view text_;
  std::size_t at_ = 0;
};

Draft::Id Draft::add(std::string name) {
  names_.push_back(std::move(name));
  return static_cast<Id>(names_.size()) - 1;
}

std::string Draft::unique(std::string_view name) {
  std::string full(name);
  while (!taken_.insert(full).second)
    full = std::string(name) + "_" + std::to_string(++repeats_[std::string(name)]);
  return full;
}

void Draft::name(Id value, std::string_view name) {
  std::string& own = names_[static_cast<std::size_t>(value)];
  if (own.empty()) own = unique(name);
}

Dim Draft::named(Dim dim) {
  if (dim.known()) return dim;
  return dim.substitute([&](std::string_view name) -> std::optional<Dim> {
    if (!name.starts_with('?')) return std::nullopt;
    const auto [at, added] = fresh_.try_emplace(std::string(name));
    if (added) at->second = Dim("unknown_" + std::to_string(fresh_.size()));
    return at->second;
  });
}

Value Draft::described(std::string_view name, const Spec& spec) {
  Value value{.name = std::string(name),
              .element_type = static_cast<int>(element_type(spec.dtype)),
              .shape = std::vector<Size>()};
  for (const Dim dim : spec.shape) {
    Size size;
    if (dim.known()) {
      size.value = dim.value();
    } else {
      size.name = named(dim).text();
    }
    value.shape->push_back(std::move(size));
  }
  return value;
}

Draft::Id Draft::input(std::string_view name, const Spec& spec) {
  inputs_.push_back(described(unique(name), spec));
  const Id id = add(inputs_.back().name);
  const auto& sizes = *inputs_.back().shape;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (!sizes[axis].value)
      size_sources_.try_emplace(sizes[axis].name, std::pair(id, static_cast<int>(axis)));
  }
  return id;
}

Draft::Id Draft::constant(const Tensor& value, std::string_view name) {
  const auto kept = std::make_shared<const Tensor>(detail::in_order(value));
  Constant constant;
  constant.element_type = static_cast<int>(element_type(value.dtype()));
  for (const Dim size : value.shape()) constant.sizes.push_back(size.value());
  constant.elements = {reinterpret_cast<const char*>(kept->body().data),
                       static_cast<std::size_t>(value.size()) * size_of(value.dtype())};
  constant.owner = kept;
  const Id id = add();
  constants_.emplace_back(id, std::move(constant));
  suggest(id, name);
  return id;
}

Draft::Id Draft::number(const Scalar& scalar, DType dtype) {
  const std::uint64_t bits = scalar.bits(dtype);
  const auto [at, added] = numbers_.try_emplace({dtype, bits}, none);
  if (added) {
    const auto kept = std::make_shared<const std::uint64_t>(bits);
    Constant constant;
    constant.element_type = static_cast<int>(element_type(dtype));
    constant.elements = {reinterpret_cast<const char*>(kept.get()), size_of(dtype)};
    constant.owner = kept;
    at->second = add();
    constants_.emplace_back(at->second, std::move(constant));
    suggest(at->second, "number");
  }
  return at->second;
}

Draft::Id Draft::list(const std::vector<std::int64_t>& numbers) {
  const auto [at, added] = lists_.try_emplace(numbers, none);
  if (added) {
    const auto kept = std::make_shared<const std::vector<std::int64_t>>(numbers);
    Constant constant;
    constant.element_type = static_cast<int>(ElementType::int64);
    constant.sizes = {static_cast<std::int64_t>(numbers.size())};
    constant.elements = {reinterpret_cast<const char*>(kept->data()),
                         numbers.size() * sizeof(std::int64_t)};
    constant.owner = kept;
    at->second = add();
    constants_.emplace_back(at->second, std::move(constant));
    suggest(at->second, "numbers");
  }
  return at->second;
}

std::vector<Draft::Id> Draft::node(std::string_view type, std::span<const Id> inputs,
                                   std::span<const OnnxForm::Attribute> attributes,
                                   std::size_t results) {
  Step& node = steps_.emplace_back();
  node.about = about_;
  node.type = type;
  node.inputs.assign(inputs.begin(), inputs.end());
  while (!node.inputs.empty() && node.inputs.back() == none) node.inputs.pop_back();
  for (const OnnxForm::Attribute& attribute : attributes) {
    Attribute& own = node.attributes.emplace_back();
    own.name = attribute.name;
    if (const auto* real = std::get_if<double>(&attribute.value)) {
      own.value = static_cast<float>(*real);
    } else if (const auto* integer = std::get_if<std::int64_t>(&attribute.value)) {
      own.value = *integer;
    } else if (const auto* dtype = std::get_if<DType>(&attribute.value)) {
      own.value = static_cast<std::int64_t>(element_type(*dtype));
    } else if (const auto* text = std::get_if<std::string_view>(&attribute.value)) {
      own.value = std::string(*text);
    } else {
      own.value = std::get<std::vector<std::int64_t>>(attribute.value);
    }
  }
  for (std::size_t k = 0; k < results; ++k) node.outputs.push_back(add());
  return node.outputs;
}

Draft::Id Draft::cast(Id value, DType dtype) {
  const auto [at, added] = casts_.try_emplace({value, dtype}, none);
  if (added) {
    at->second = node("Cast", {value}, {{"to", dtype}});
  }
  return at->second;
}

Draft::Id Draft::size(Dim dim) {
  const std::string text = named(dim).text();
  const auto found = sizes_.find(text);
  if (found != sizes_.end()) return found->second;
  return sizes_[text] = SizeReader(*this, text).sum();
}

Draft::Id Draft::sizes(const Shape& numbers) {
  std::vector<Id> parts;
  std::vector<std::int64_t> known;
  for (const Dim dim : numbers) {
    if (dim.known()) {
      known.push_back(dim.value());
      continue;
    }
    if (!known.empty()) parts.push_back(list(std::exchange(known, {})));
    parts.push_back(size(dim));
  }
  if (!known.empty() || parts.empty()) parts.push_back(list(known));
  if (parts.size() == 1) return parts[0];
  const OnnxForm::Attribute axis{"axis", std::int64_t{0}};
  return node("Concat", parts, {&axis, 1}, 1)[0];
}

void Draft::output(std::string_view name, Id value, const Spec& spec) {
  outputs_.push_back({std::string(name), value, spec});
}

Model Draft::finish() {
  Model model;
  // Outputs have the first choice of names. A value that has a name already, or is no node's, goes
  // out through a node of its own.
  std::set<Id> constant;
  for (const auto& [id, tensor] : constants_) constant.insert(id);
  for (Output& output : outputs_) {
    about_ = output.name;
    if (!names_[static_cast<std::size_t>(output.value)].empty() || constant.contains(output.value))
      output.value = node("Identity", {output.value});
    name(output.value, output.name);
    model.outputs.push_back(described(names_[static_cast<std::size_t>(output.value)], output.spec));
  }
  for (const auto& [value, suggested] : suggestions_) name(value, suggested);
  for (const Step& node : steps_) {
    for (const Id id : node.outputs) name(id, node.about + "/" + node.type);
  }
  std::set<Id> used;
  std::map<std::string, int> steps_about, repeated;
  for (const Step& node : steps_) ++steps_about[node.about];
  for (Step& node : steps_) {
    Operation& made = model.nodes.emplace_back();
    made.name = node.about;
    if (steps_about[node.about] > 1) made.name += "/" + node.type;
    if (const int count = repeated[made.name]++; count > 0)
      made.name += "_" + std::to_string(count);
    made.type = std::move(node.type);
    for (const Id id : node.inputs) {
      made.inputs.push_back(id == none ? std::string() : names_[static_cast<std::size_t>(id)]);
      used.insert(id);
    }
    for (const Id id : node.outputs) made.outputs.push_back(names_[static_cast<std::size_t>(id)]);
    made.attributes = std::move(node.attributes);
  }
  for (auto& [id, tensor] : constants_) {
    if (!used.contains(id)) continue;
    tensor.name = names_[static_cast<std::size_t>(id)];
    model.constants.push_back(std::move(tensor));
  }
  model.inputs = std::move(inputs_);
  return model;
}

}  // namespace rill::onnx
