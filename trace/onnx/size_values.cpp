#include <rill/trace/onnx/size_values.h>

#include <algorithm>
#include <optional>

namespace rill::onnx {
namespace {

using Sizes = std::vector<Dim>;

/// The elements of an input: noted ones, or those of a small constant.
std::optional<Sizes> elements(ImportedNode& node, int k) {
  if (!node.has(k) || !is_integer(node.in(k).dtype())) return std::nullopt;
  const auto& noted = node.size_values();
  if (const auto found = noted.find(node.in(k).id()); found != noted.end()) return found->second;
  const Tensor known = node.builder().known(node.in(k));
  if (!known.defined() || known.rank() > 1 || known.size() > max_rank * 8) return std::nullopt;
  return node.sizes(k);
}

std::optional<Sizes> combined(ImportedNode& node, Dim (*combine)(Dim, Dim)) {
  const auto a = elements(node, 0);
  const auto b = elements(node, 1);
  if (!a || !b || (a->size() != b->size() && a->size() != 1 && b->size() != 1)) return std::nullopt;
  Sizes result;
  for (std::size_t i = 0; i < std::max(a->size(), b->size()); ++i)
    result.push_back(combine((*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]));
  return result;
}

/// The part that nodes read by indices which are known.
std::optional<Sizes> gathered(ImportedNode& node) {
  const auto from = elements(node, 0);
  const auto indices = elements(node, 1);
  if (!from || !indices || node.in(0).rank() != 1) return std::nullopt;
  Sizes result;
  for (const Dim index : *indices) {
    if (!index.known()) return std::nullopt;
    const auto count = static_cast<std::int64_t>(from->size());
    const std::int64_t at = index.value() < 0 ? index.value() + count : index.value();
    if (at < 0 || at >= count) return std::nullopt;
    result.push_back((*from)[static_cast<std::size_t>(at)]);
  }
  return result;
}

std::optional<Sizes> sliced(ImportedNode& node) {
  const auto from = elements(node, 0);
  if (!from || node.in(0).rank() != 1) return std::nullopt;
  const auto list = [&](int k, const char* name, std::int64_t otherwise) {
    if (node.operator_set() < 10) {
      const auto given = node.integers(name);
      return given && given->size() == 1 ? std::optional((*given)[0]) : std::optional(otherwise);
    }
    if (!node.has(k)) return std::optional(otherwise);
    const auto given = elements(node, k);
    return given && given->size() == 1 && (*given)[0].known() ? std::optional((*given)[0].value())
                                                              : std::nullopt;
  };
  const auto start = list(1, "starts", 0);
  const auto end = list(2, "ends", 0);
  const auto step = list(4, "steps", 1);
  if (!start || !end || !step || *step != 1) return std::nullopt;
  const auto count = static_cast<std::int64_t>(from->size());
  const auto place = [&](std::int64_t at) {
    return std::clamp(at < 0 ? at + count : at, std::int64_t{0}, count);
  };
  const std::int64_t first = place(*start);
  return Sizes(from->begin() + first, from->begin() + std::max(first, place(*end)));
}

std::optional<Sizes> joined(ImportedNode& node) {
  Sizes result;
  for (int k = 0; k < node.inputs(); ++k) {
    const auto part = elements(node, k);
    if (!part || node.in(k).rank() != 1) return std::nullopt;
    result.insert(result.end(), part->begin(), part->end());
  }
  return result;
}

std::optional<Sizes> product(ImportedNode& node) {
  const auto factors = elements(node, 0);
  if (!factors) return std::nullopt;
  Dim result = 1;
  for (const Dim factor : *factors) result = result * factor;
  return Sizes{result};
}

std::optional<Sizes> followed(ImportedNode& node) {
  const std::string& type = node.type();
  if (type == "Add") return combined(node, [](Dim a, Dim b) { return a + b; });
  if (type == "Sub") return combined(node, [](Dim a, Dim b) { return a - b; });
  if (type == "Mul") return combined(node, [](Dim a, Dim b) { return a * b; });
  if (type == "Div")
    return combined(node, [](Dim a, Dim b) { return b == Dim(0) ? Dim(0) : a / b; });
  if (type == "Mod")
    return combined(node, [](Dim a, Dim b) { return b == Dim(0) ? Dim(0) : a % b; });
  if (type == "Max") return combined(node, [](Dim a, Dim b) { return Dim::max(a, b); });
  if (type == "Min") return combined(node, [](Dim a, Dim b) { return Dim::min(a, b); });
  if (type == "Gather") return gathered(node);
  if (type == "Slice") return sliced(node);
  if (type == "Concat") return joined(node);
  if (type == "ReduceProd") return product(node);
  if (type == "Cast" || type == "Identity" || type == "Unsqueeze" || type == "Squeeze" ||
      type == "Reshape") {
    return elements(node, 0);
  }
  return std::nullopt;
}

}  // namespace

void follow_sizes(ImportedNode& node) {
  if (node.results().empty() || !node.results()[0].defined()) return;
  const Tensor& result = node.results()[0];
  constexpr int longest = max_rank * 8;
  if (!is_integer(result.dtype()) || result.rank() > 1 || !result.shape().known() ||
      result.size() > longest || node.builder().known(result).defined() ||
      node.size_values().contains(result.id())) {
    return;
  }
  if (auto sizes = followed(node);
      sizes && static_cast<std::int64_t>(sizes->size()) == result.size())
    node.size_values()[result.id()] = std::move(*sizes);
}

}  // namespace rill::onnx
