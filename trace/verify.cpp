#include <rill/trace/verify.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <rill/autograd/variable_state.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/print.h>
#include <rill/trace/execute.h>
#include <rill/trace/recorder.h>
#include <rill/trace/same_bits.h>

namespace rill {
namespace {

/// The state that a function reads and changes: variables and generators.
class State {
 public:
  explicit State(const Function& function) {
    for (const Node& node : function.nodes) {
      if (node.kind == Node::Kind::variable || node.kind == Node::Kind::assign)
        variables_.try_emplace(node.variable.id(), node.variable, node.variable.state().read());
      if (node.kind == Node::Kind::draw)
        generators_.try_emplace(node.generator->id(), node.generator, node.generator->draws());
    }
  }

  void restore() const {
    for (const auto& [id, held] : variables_) {
      detail::VariableState& state = held.first.state();
      Tensor value = held.second;
      const std::unique_lock lock(state.lock);
      state.value.swap(value);
    }
    for (const auto& [id, held] : generators_) held.first->skip_to(held.second);
  }

  /// The name of a variable that differs, or nothing.
  [[nodiscard]] std::optional<std::string> difference(const State& other) const {
    for (const auto& [id, held] : variables_) {
      const auto found = other.variables_.find(id);
      if (found != other.variables_.end() && !same_bits(held.second, found->second.second))
        return held.first.name();
    }
    return std::nullopt;
  }

 private:
  std::map<std::uint64_t, std::pair<Variable, Tensor>> variables_;  // by id
  std::map<std::uint64_t, std::pair<std::shared_ptr<rng::Generator>, std::uint64_t>>
      generators_;  // by id
};

/// Captured tensors in whose place the function has others by now.
std::string stale_captures(const Function& record, const Function& now) {
  if (record.nodes.size() != now.nodes.size()) return "; it takes another path now";
  std::string text;
  for (std::size_t n = 0; n < record.nodes.size(); ++n) {
    const Node& node = record.nodes[n];
    if (node.kind != now.nodes[n].kind) return "; it takes another path now";
    if (node.kind != Node::Kind::constant || same_bits(node.value, now.nodes[n].value)) continue;
    text += "; the captured tensor '" + node.name + "', " + node.value.type_text();
    for (const Node& user : record.nodes) {
      const bool uses = std::any_of(user.inputs.begin(), user.inputs.end(), [&](const Edge& edge) {
        return edge.node == static_cast<int>(n);
      });
      if (!uses || !user.where.known()) continue;
      text += " (used by " + std::string(user.op != nullptr ? user.op->name : "assign") + " at " +
              user.where.text() + ")";
      break;
    }
    text += ", has another value now: make it an argument or a Variable";
  }
  return text;
}

}  // namespace

std::vector<Tensor> verified(
    const Function& record, const TracePlan& plan, std::span<const Tensor* const> arguments,
    const std::function<std::vector<Tensor>(std::span<const Tensor>)>& eagerly, Where where) {
  const State before(record);
  std::vector<Tensor> traced;
  std::string failure;
  try {
    const detail::Unprinted quiet;  // the eager call prints
    traced = execute(plan, arguments, where);
  } catch (const Error& error) {
    failure = error.what();  // the eager call throws it too, or there is a difference
  }
  const State after_trace(record);
  before.restore();

  std::vector<Tensor> own;
  for (const Tensor* argument : arguments)
    own.push_back(argument->body().weak
                      ? Tensor::weak(argument->body().scalar.as_value())
                      : argument->view(argument->shape(), argument->strides(), 0));
  Recorder recorder(own);
  std::vector<Tensor> results;
  {
    const Listening on(recorder);
    results = eagerly(own);
  }
  const State after(record);
  const auto differ = [&](const std::string& what) {
    throw TraceError("trace: verify: " + what + stale_captures(record, recorder.finish(results)) +
                     where.suffix());
  };
  if (!failure.empty()) differ("the trace fails where the plain call does not: " + failure);
  if (traced.size() != results.size()) differ("the trace has another number of results");
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!same_bits(traced[i], results[i]))
      differ("result " + std::to_string(i) + " differs from the plain call's");
  }
  if (const auto variable = after_trace.difference(after))
    differ("the variable '" + *variable + "' has other values than after the plain call");
  return results;
}

}  // namespace rill
