#include <rill/trace/retracing.h>

#include <algorithm>

#include <rill/trace/relaxation.h>

namespace rill {
namespace {

constexpr int many_recordings = 5;  // somebody should be told

struct Change {
  std::string text;  ///< `x0 has been float32[2] and float32[3]`
  bool sizes_only;   ///< not the dtype, and not the rank
};

/// An argument that was another tensor in the last recording with as many.
std::optional<Change> changed_argument(std::span<const Recorded> before,
                                       const detail::LeafNames& now,
                                       std::span<const Tensor* const> tensors) {
  for (const Recorded& recorded : before) {
    if (recorded.function.inputs.size() != tensors.size()) continue;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Spec& then = input_spec(recorded.function, i);
      const Tensor& given = *tensors[i];
      if (then.dtype == given.dtype() && then.shape == given.shape()) continue;
      return Change{now.tensors()[i] + " has been " + then.text() + " and " + given.type_text(),
                    then.dtype == given.dtype() && then.shape.rank() == given.rank()};
    }
  }
  return std::nullopt;
}

std::string advice_on_sizes(std::span<const Recorded> before, bool relaxes) {
  const bool compares = std::any_of(before.begin(), before.end(), [](const Recorded& recorded) {
    return !recorded.function.different_sizes.empty();
  });
  if (compares)
    return ": it compares sizes (==), and those that are equal are a trace of their own";
  return ": say which sizes are unknown ({.inputs = {spec({unknown, 784})}})" +
         std::string(relaxes ? "" : ", or {.relax_shapes = true}");
}

}  // namespace

std::optional<std::string> retracing_cause(std::span<const Recorded> before, int number,
                                           const detail::LeafNames& now,
                                           std::span<const Tensor* const> tensors, bool relaxes) {
  for (const Recorded& recorded : before) {
    const auto& then = recorded.names.fixed_values();
    const auto& values = now.fixed_values();
    for (std::size_t i = 0; i < std::min(then.size(), values.size()); ++i) {
      if (then[i].text == values[i].text || then[i].name != values[i].name) continue;
      if (!values[i].real && number < many_recordings) continue;
      return "the argument " + values[i].name + " has been " + then[i].text + " and " +
             values[i].text + ", and each value is a trace of its own" +
             (values[i].real ? ": make it a Scalar, or a tensor" : "");
    }
  }
  if (number < many_recordings) return std::nullopt;
  const std::string text = "it has been recorded " + std::to_string(number) + " times, ";
  const auto changed = changed_argument(before, now, tensors);
  if (!changed) return text + "for arguments of other structures";
  return text + changed->text + (changed->sizes_only ? advice_on_sizes(before, relaxes) : "");
}

}  // namespace rill
