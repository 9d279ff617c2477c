#include <rill/trace/recorded_gradient.h>

#include <charconv>
#include <memory>
#include <utility>

#include <rill/tensor/error.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

/// The rule on what the node's function captured.
CustomGradient::Function rule_of(const Node& node, std::span<const Tensor> captured) {
  return [gradient = node.gradient, name = node.name,
          looked_at = std::vector<Tensor>(captured.begin(), captured.end())](
             std::span<const Tensor> output_gradients) {
    if (gradient->rule == nullptr)
      throw GradientError("gradient: the gradient of '" + name + "' is not part of the graph: " +
                          gradient->reason + detail::UserCall::place({}).suffix());
    std::vector<Tensor> arguments(output_gradients.begin(), output_gradients.end());
    arguments.insert(arguments.end(), looked_at.begin(), looked_at.end());
    const std::vector<Tensor> found = gradient->rule->run(arguments);
    std::vector<Tensor> results(gradient->arguments);
    for (std::size_t k = 0; k < found.size(); ++k) {
      const std::string& number = gradient->rule->outputs[k].name;
      std::size_t argument = 0;
      std::from_chars(number.data(), number.data() + number.size(), argument);
      results.at(argument) = found[k];
    }
    return results;
  };
}

}  // namespace

CustomGradient recorded_call(const Node& node, std::span<const Tensor> inputs) {
  const std::size_t arguments = node.gradient->arguments;
  const auto values = inputs.subspan(arguments, node.results.size());
  return {.inputs = inputs.first(arguments),
          .results = {values.begin(), values.end()},
          .outputs = {},
          .gradient = std::make_shared<const CustomGradient::Function>(
              rule_of(node, inputs.subspan(arguments + values.size()))),
          .where = node.where};
}

std::vector<Tensor> with_recorded_gradient(const Node& node, std::span<const Tensor> inputs) {
  CustomGradient call = recorded_call(node, inputs);
  return detail::call_with_gradient(
      call.inputs, [&] { return detail::CustomResult{std::move(call.results), *call.gradient}; },
      call.where);
}

}  // namespace rill
