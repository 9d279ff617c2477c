#include <rill/trace/size_text.h>

#include <rill/tensor/dim_name.h>

namespace rill {

std::optional<std::pair<std::string, int>> axis_of(Dim size, std::span<const TensorSpec> inputs) {
  for (const TensorSpec& input : inputs) {
    for (int d = 0; d < input.shape.rank(); ++d) {
      if (input.shape[d] == size) return std::pair(input.name, d);
    }
  }
  return std::nullopt;
}

std::string size_text(Dim size, std::span<const TensorSpec> inputs) {
  const std::string all = size.text();
  std::string text;
  for (std::size_t at = 0; at < all.size();) {
    std::size_t end = at + 1;
    if (all[at] == '?') {
      while (end < all.size() && all[end] >= '0' && all[end] <= '9') ++end;
    }
    const std::string part = all.substr(at, end - at);
    const auto axis = all[at] == '?' ? axis_of(Dim::parse(part), inputs) : std::nullopt;
    text += axis ? axis->first + ".dim(" + std::to_string(axis->second) + ")" : part;
    at = end;
  }
  return text;
}

std::string specs_text(std::span<const TensorSpec> inputs) {
  std::string text = "(";
  for (const TensorSpec& input : inputs) {
    text += (text.size() > 1 ? ", " : "") + std::string(name(input.dtype)) + "[";
    for (int d = 0; d < input.shape.rank(); ++d) {
      const Dim size = input.shape[d];
      const bool open =
          symbolic::is_fresh_name(size.text()) && axis_of(size, inputs) == std::pair(input.name, d);
      text += (d > 0 ? "," : "") + (open ? "unknown" : size_text(size, inputs));
    }
    text += "] " + input.name;
  }
  return text + ")";
}

}  // namespace rill
