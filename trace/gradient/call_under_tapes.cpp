#include <rill/trace/gradient/call_under_tapes.h>

#include <algorithm>
#include <set>
#include <utility>

#include <rill/autograd/whole_call.h>
#include <rill/tensor/listener.h>
#include <rill/trace/execute.h>
#include <rill/trace/gradient/gradient_plans.h>

namespace rill {
namespace {

std::vector<const Tensor*> pointers_to(const std::vector<Tensor>& tensors) {
  std::vector<const Tensor*> pointers;
  pointers.reserve(tensors.size());
  for (const Tensor& tensor : tensors) pointers.push_back(&tensor);
  return pointers;
}

class PlannedGradient final : public CallGradient {
 public:
  PlannedGradient(std::shared_ptr<const ForwardPlan> forward, std::vector<Tensor> stored,
                  Where where)
      : forward_(std::move(forward)), stored_(std::move(stored)), where_(where) {}

  [[nodiscard]] std::vector<bool> reached(const std::vector<bool>& known) const override {
    return forward_->reached(known);
  }

  void flow_back(std::span<Value> values) const override {
    FlowBack flow;
    for (const Value& value : values) {
      flow.values.push_back({.known = value.known,
                             .wanted = value.wanted,
                             .flows = value.gradient.defined(),
                             .same_as = value.same_as});
    }
    const bool heard = !Listeners::none();
    const auto plan = heard ? forward_->exact_backward(flow) : forward_->backward(flow);
    std::vector<Tensor> arguments;
    for (const std::size_t k : plan->taken) arguments.push_back(values[k].gradient);
    const std::vector<Tensor> kept = heard ? forward_->needed(stored_) : stored_;
    arguments.insert(arguments.end(), kept.begin(), kept.end());
    const auto pointers = pointers_to(arguments);
    std::vector<Tensor> gradients = plan->exact != nullptr ? run(*plan->exact, pointers, where_)
                                                           : execute(plan->plan, pointers, where_);
    for (std::size_t i = 0; i < gradients.size(); ++i)
      values[plan->delivered[i]].gradient = std::move(gradients[i]);
  }

 private:
  std::shared_ptr<const ForwardPlan> forward_;
  std::vector<Tensor> stored_;
  Where where_;  // of the call
};

class Call {
 public:
  Call(const Prepared::Ready& ready, std::span<const Tensor* const> arguments, Where where)
      : ready_(ready),
        record_(*ready.record),
        arguments_(arguments),
        where_(where),
        values_(record_.nodes.size()) {
    for (std::size_t i = 0; i < arguments.size(); ++i)
      values_[static_cast<std::size_t>(record_.inputs[i])] = *arguments[i];
    read_sources();
  }

  std::vector<Tensor> run() {
    std::vector<Tensor> sources;
    for (const int n : ready_.gradients->sources())
      sources.push_back(values_[static_cast<std::size_t>(n)]);
    WholeCall::Asked asked{.inputs = std::vector<bool>(sources.size()), .recordings = 0};
    WholeCall call{.inputs = sources, .asked = &asked, .outputs = {}, .gradient = nullptr};
    const WholeCallBracket bracket(call);
    if (asked.recordings == 0) {
      std::vector<Tensor> results = silently(ready_.plan);
      tell_origins(results);
      return results;
    }
    const auto forward = ready_.gradients->forward(asked.inputs, asked.recordings > 1);
    std::vector<Tensor> results = silently(forward->plan());
    std::vector<Tensor> stored;
    std::size_t next = record_.outputs.size();
    for (const Edge& edge : forward->stored()) {
      const bool is_input = node(edge).kind == Node::Kind::input;
      stored.push_back(is_input ? values_[static_cast<std::size_t>(edge.node)] : results[next++]);
      tell_origin(stored.back(), edge);
    }
    results.resize(record_.outputs.size());
    tell_origins(results);
    call.outputs = results;
    if (forward->again()) {
      for (std::size_t i = 0; i < stored.size(); ++i) {
        const Node::Kind kind = node(forward->stored()[i]).kind;
        if (kind != Node::Kind::input && kind != Node::Kind::variable)
          call.outputs.push_back(stored[i]);
      }
    }
    call.gradient =
        std::make_shared<const PlannedGradient>(forward, std::move(stored), where_.kept());
    return results;
  }

 private:
  [[nodiscard]] const Node& node(const Edge& edge) const {
    return record_.nodes[static_cast<std::size_t>(edge.node)];
  }

  /// Tapes hear what is read of variables. A value that only the call will make stands for itself.
  void read_sources() {
    std::set<std::uint64_t> assigned;
    for (std::size_t n = 0; n < record_.nodes.size(); ++n) {
      const Node& node = record_.nodes[n];
      if (node.kind == Node::Kind::constant) values_[n] = node.value;
      if (node.kind == Node::Kind::assign) assigned.insert(node.variable.id());
      if (node.kind != Node::Kind::variable) continue;
      if (!assigned.contains(node.variable.id())) {
        values_[n] = node.variable.value(node.where);
        continue;
      }
      values_[n] = node.results[0].abstract();
      Listeners::tell(&Listener::variable_read,
                      VariableEvent{node.variable, node.variable.id(), node.variable.name(),
                                    values_[n], node.variable.trainable(), node.where});
    }
  }

  std::vector<Tensor> silently(const TracePlan& plan) {
    const Silence silence;
    return execute(plan, arguments_, where_);
  }

  /// What comes from outside is to tapes what it was there.
  void tell_origins(std::vector<Tensor>& results) const {
    for (std::size_t i = 0; i < results.size(); ++i)
      tell_origin(results[i], record_.outputs[i].edge);
  }
  void tell_origin(Tensor& value, const Edge& edge) const {
    const Tensor& outside = values_[static_cast<std::size_t>(edge.node)];
    if (!outside.defined() || outside.id() == value.id()) return;
    if (node(edge).kind == Node::Kind::variable)
      Listeners::tell(&Listener::alias, AliasEvent{value, outside});
    else
      value = outside;
  }

  const Prepared::Ready& ready_;
  const Function& record_;
  const std::span<const Tensor* const> arguments_;
  const Where where_;
  std::vector<Tensor> values_;  // by node: of what comes from outside
};

}  // namespace

std::vector<Tensor> call_under_tapes(const Prepared::Ready& ready,
                                     std::span<const Tensor* const> arguments, Where where) {
  return Call(ready, arguments, where).run();
}

}  // namespace rill
