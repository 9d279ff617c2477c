#include <rill/trace/specialize.h>

#include <algorithm>
#include <memory>
#include <utility>

#include <rill/ops/call.h>
#include <rill/ops/infer.h>
#include <rill/tensor/dim_name.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/user_call.h>
#include <rill/trace/size_text.h>

namespace rill {
namespace {

Dim with_sizes(Dim of, const SizeValues& sizes) {
  if (of.known()) return of;
  return of.substitute([&](std::string_view name) -> std::optional<Dim> {
    const auto found = sizes.find(std::string(name));
    if (found == sizes.end()) return std::nullopt;
    return Dim(found->second);
  });
}

/// What the only size that is left unknown in `2*n+1` must be; whether that is so, others ask.
void solve(Dim expression, std::int64_t value, SizeValues& sizes) {
  std::optional<std::string> name;
  const auto at = [&](std::int64_t number) {
    return with_sizes(expression, sizes).substitute([&](std::string_view unknown) {
      if (!name) name = unknown;
      return unknown == *name ? std::optional(Dim(number)) : std::nullopt;
    });
  };
  const Dim one = at(1);
  const Dim two = at(2);
  if (!name || !one.known() || !two.known()) return;
  const std::int64_t slope = two.value() - one.value();
  if (slope == 0) return;
  const std::int64_t found = 1 + (value - one.value()) / slope;
  if (found >= 0) sizes[*name] = found;
}

/// `batch (axis 0 of x) is 3`.
std::string described(Dim of, const Function& function, const SizeValues& sizes) {
  std::vector<TensorSpec> inputs;
  for (const int input : function.inputs) {
    const Node& node = function.nodes[static_cast<std::size_t>(input)];
    inputs.push_back(spec(node.results[0].shape, node.results[0].dtype, node.name));
  }
  const auto axis = symbolic::is_name(of.text()) ? axis_of(of, inputs) : std::nullopt;
  return size_text(of, inputs) +
         (axis ? " (axis " + std::to_string(axis->second) + " of " + axis->first + ")" : "") +
         " is " + with_sizes(of, sizes).text();
}

class Specialization {
 public:
  Specialization(const Function& function, const SizeValues& sizes, Where where,
                 const std::vector<bool>& needed)
      : given_(function), sizes_(sizes), where_(where), needed_(needed), made_(function) {}

  Function run() {
    require_equal_sizes();
    const Silence silence;
    values_.resize(made_.nodes.size());
    for (std::size_t n = 0; n < made_.nodes.size(); ++n) specialize(n);
    made_.equal_sizes.clear();
    made_.different_sizes.clear();
    return std::move(made_);
  }

 private:
  [[nodiscard]] Dim size(Dim of) const { return with_sizes(of, sizes_); }
  [[nodiscard]] Shape shape(const Shape& of) const { return with_sizes(of, sizes_); }

  [[nodiscard]] std::string described(Dim of) const { return rill::described(of, given_, sizes_); }
  void require_equal_sizes() const {
    for (const EqualPair& pair : given_.equal_sizes) {
      if (size(pair.a) == size(pair.b) || !size(pair.a).known() || !size(pair.b).known()) continue;
      const std::string by = pair.operation.empty() ? "trace: the function" : pair.operation + ":";
      const Where where = pair.where.known() ? pair.where : where_;
      throw ShapeError(by + " needs " + rule(pair) +
                       (pair.stretches ? "; an unknown size does not broadcast" : "") +
                       where.suffix());
    }
  }
  [[nodiscard]] std::string rule(const EqualPair& pair) const {
    const Dim a = pair.a;
    const Dim b = pair.b;
    if (!(pair.divisor == Dim(1)))
      return "a multiple of " + size(pair.divisor).text() + ": " + described(a);
    return "equal sizes: " + (a.known()   ? described(b) + ", not " + a.text()
                              : b.known() ? described(a) + ", not " + b.text()
                                          : described(a) + ", " + described(b));
  }

  [[nodiscard]] Attributes attributes(const Attributes& of) const {
    bool open = false;
    const auto fields =
        of.type() == nullptr ? std::span<const AttributeType::Entry>() : of.type()->fields;
    for (const auto& entry : fields) {
      const AttributeValue value = entry.get(of.value());
      const Shape* sizes = std::get_if<Shape>(&value);
      open = open || (sizes != nullptr && !sizes->known());
    }
    if (!open) return of;
    Attributes made = Attributes::of(of.type());
    for (const auto& entry : fields) {
      AttributeValue value = entry.get(of.value());
      if (Shape* sizes = std::get_if<Shape>(&value)) *sizes = shape(*sizes);
      made.set(entry.name, value);
    }
    return made;
  }

  void specialize(std::size_t n) {
    Node& node = made_.nodes[n];
    std::vector<Tensor>& values = values_[n];
    values.resize(node.results.size());
    if (node.kind == Node::Kind::number) {
      values[0] = node.value;
      return;
    }
    if (node.kind == Node::Kind::custom && node.gradient->rule != nullptr) {
      auto gradient = std::make_shared<RecordedGradient>(*node.gradient);
      gradient->rule =
          std::make_shared<const Function>(specialized(*gradient->rule, sizes_, where_));
      node.gradient = std::move(gradient);
    }
    if (node.kind != Node::Kind::op || (!needed_.empty() && !needed_[n])) {
      for (std::size_t k = 0; k < node.results.size(); ++k) {
        node.results[k].shape = shape(node.results[k].shape);
        values[k] = node.results[k].abstract();
      }
      return;
    }
    node.attributes = attributes(node.attributes);
    if (node.op->name == "size") return number(node, values);
    std::vector<Tensor> inputs;
    for (const Edge& edge : node.inputs)
      inputs.push_back(
          values_[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)]);
    const detail::UserCall scope(node.called(), node.where);
    infer_abstract(*node.op, inputs, node.attributes, values, node.where);
    for (std::size_t k = 0; k < node.results.size(); ++k) {
      Spec& spec = node.results[k];
      const Shape expected = shape(spec.shape);
      spec.shape = values[k].shape();
      if (expected.known() && !(expected == spec.shape)) {
        throw ShapeError(std::string(node.op->name) + ": gives " + spec.text() + " where " +
                         expected.text() + " was captured: an unknown size does not broadcast" +
                         node.where.suffix());
      }
    }
  }

  /// A size that is known now is a number like any other.
  static void number(Node& node, std::vector<Tensor>& values) {
    const AttributeValue sizes = node.attributes.type()->fields[0].get(node.attributes.value());
    node.kind = Node::Kind::number;
    node.value = Tensor::weak(std::get<Shape>(sizes)[0].value());
    node.op = nullptr;
    node.attributes = {};
    values[0] = node.value;
  }

  const Function& given_;
  const SizeValues& sizes_;
  const Where where_;
  const std::vector<bool>& needed_;
  Function made_;
  std::vector<std::vector<Tensor>> values_;
};

}  // namespace

std::optional<SizeValues> sizes_of(const Function& function,
                                   std::span<const Tensor* const> inputs) {
  std::vector<const Spec*> specs;
  for (const int input : function.inputs)
    specs.push_back(&function.nodes[static_cast<std::size_t>(input)].results[0]);
  auto sizes = sizes_of(specs, inputs);
  if (sizes && mistaken_pair(function.different_sizes, *sizes) != nullptr) return std::nullopt;
  return sizes;
}

std::optional<SizeValues> sizes_of(std::span<const Spec* const> specs,
                                   std::span<const Tensor* const> values) {
  if (specs.size() != values.size()) return std::nullopt;
  SizeValues sizes;
  std::vector<std::pair<Dim, std::int64_t>> expressions;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const Spec& spec = *specs[i];
    const Tensor& given = *values[i];
    if (given.dtype() != spec.dtype || given.body().weak != spec.weak ||
        given.rank() != spec.shape.rank())
      return std::nullopt;
    for (int d = 0; d < given.rank(); ++d) {
      const Dim wanted = spec.shape[d];
      const Dim size = given.shape()[d];
      if (wanted == size) continue;
      if (wanted.known() || !size.known()) return std::nullopt;
      const std::string name = wanted.text();
      if (!symbolic::is_name(name) && !symbolic::is_fresh_name(name)) {
        expressions.emplace_back(wanted, size.value());
        continue;
      }
      const auto [found, is_new] = sizes.try_emplace(name, size.value());
      if (!is_new && found->second != size.value()) return std::nullopt;
    }
  }
  for (const auto& [wanted, size] : expressions) solve(wanted, size, sizes);
  for (const auto& [wanted, size] : expressions) {
    if (!(with_sizes(wanted, sizes) == Dim(size))) return std::nullopt;
  }
  return sizes;
}

const DifferentSizes::Pair* mistaken_pair(std::span<const DifferentSizes::Pair> different,
                                          const SizeValues& sizes) {
  const auto found = std::find_if(different.begin(), different.end(), [&](const auto& pair) {
    try {
      return with_sizes(pair.first, sizes) == with_sizes(pair.second, sizes);
    } catch (const Error&) {  // divides by zero, say: the function itself says so for these sizes
      return true;
    }
  });
  return found == different.end() ? nullptr : &*found;
}

SizeValues sizes_in(const DifferentSizes::Pair& pair, const SizeValues& sizes) {
  SizeValues found;
  for (const Dim of : {pair.first, pair.second}) {
    if (of.known()) continue;
    (void)of.substitute([&](std::string_view name) -> std::optional<Dim> {
      if (const auto size = sizes.find(std::string(name)); size != sizes.end()) found.insert(*size);
      return std::nullopt;
    });
  }
  return found;
}

Shape with_sizes(const Shape& shape, const SizeValues& sizes) {
  Shape made = shape;
  for (int d = 0; d < shape.rank(); ++d) made[d] = with_sizes(shape[d], sizes);
  return made;
}

std::optional<std::string> mistaken_size(const Function& function, const SizeValues& sizes) {
  const auto* pair = mistaken_pair(function.different_sizes, sizes);
  if (pair == nullptr) return std::nullopt;
  try {
    return described(pair->first.known() ? pair->second : pair->first, function, sizes);
  } catch (const Error& error) {
    return error.what();
  }
}

Function specialized(const Function& function, const SizeValues& sizes, Where where,
                     const std::vector<bool>& needed) {
  return Specialization(function, sizes, where, needed).run();
}

}  // namespace rill
