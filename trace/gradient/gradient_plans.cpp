#include <rill/trace/gradient/gradient_plans.h>

#include <algorithm>

#include <rill/tensor/listener.h>
#include <rill/trace/gradient/kept.h>
#include <rill/trace/gradient/slice.h>

namespace rill {
namespace {

constexpr std::size_t max_plans = 32;  // of each kind

/// The plan of a list that fits, which comes to its front; null where none does.
template <class Plan, class Fits>
std::shared_ptr<const Plan> find(std::list<std::shared_ptr<const Plan>>& plans, const Fits& fits) {
  const auto found =
      std::find_if(plans.begin(), plans.end(), [&](const auto& plan) { return fits(*plan); });
  if (found == plans.end()) return nullptr;
  plans.splice(plans.begin(), plans, found);
  return plans.front();
}
template <class Plan>
void keep(std::list<std::shared_ptr<const Plan>>& plans, std::shared_ptr<const Plan> plan) {
  plans.push_front(std::move(plan));
  if (plans.size() > max_plans) plans.pop_back();
}

std::vector<Edge> joined(std::span<const Edge> first, std::span<const Edge> second) {
  std::vector<Edge> all(first.begin(), first.end());
  all.insert(all.end(), second.begin(), second.end());
  return all;
}

bool is_source(const Function& function, const Edge& edge) {
  const Node::Kind kind = function.nodes[static_cast<std::size_t>(edge.node)].kind;
  return kind == Node::Kind::input || kind == Node::Kind::variable;
}

}  // namespace

ForwardPlan::ForwardPlan(Function record, std::vector<int> sources, std::vector<bool> known,
                         bool again)
    : function_(std::move(record)),
      sources_(std::move(sources)),
      known_(std::move(known)),
      again_(again) {
  needed_ = kept_by_tape(function_, sources_, known_).values;
  stored_ = again_ ? needed_ : values_to_store(function_, needed_);
  Function with_stored = function_;
  for (const Edge& edge : stored_) {
    const Node& node = function_.nodes[static_cast<std::size_t>(edge.node)];
    if (node.kind != Node::Kind::input) with_stored.outputs.push_back({node.name, edge});
    if (again_ && !is_source(function_, edge)) function_.outputs.push_back({node.name, edge});
  }
  plan_ = planned(with_stored);
}

std::vector<bool> ForwardPlan::reached(const std::vector<bool>& known) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = reached_.find(known); found != reached_.end()) return found->second;
  }
  std::vector<bool> made = kept_by_tape(function_, sources_, known).reached;
  const std::lock_guard lock(mutex_);
  if (reached_.size() >= max_plans) reached_.clear();
  return reached_.try_emplace(known, std::move(made)).first->second;
}

std::shared_ptr<const BackwardPlan> ForwardPlan::backward(const FlowBack& flow) const {
  return backward(flow, again_);
}
std::shared_ptr<const BackwardPlan> ForwardPlan::exact_backward(const FlowBack& flow) const {
  return backward(flow, true);
}

std::shared_ptr<const BackwardPlan> ForwardPlan::backward(const FlowBack& flow, bool exact) const {
  const auto fits = [&](const BackwardPlan& plan) {
    return (plan.exact != nullptr) == exact && plan.flow == flow;
  };
  {
    const std::lock_guard lock(mutex_);
    if (auto known = find(backward_, fits)) return known;
  }
  Joint joint = with_gradient(function_, sources_, flow);
  const auto part = [&](std::span<const Edge> values) {
    return slice(joint.function, joined(joint.gradients, values), joint.function.outputs,
                 joint.gradient_begin);
  };
  auto made = std::make_shared<BackwardPlan>(BackwardPlan{.flow = flow,
                                                          .taken = std::move(joint.taken),
                                                          .delivered = std::move(joint.delivered),
                                                          .plan = {},
                                                          .exact = nullptr});
  if (exact)
    made->exact = made_ready(std::make_shared<const Function>(part(needed_)));
  else
    made->plan = planned(part(stored_));
  const std::lock_guard lock(mutex_);
  if (auto theirs = find(backward_, fits)) return theirs;  // another thread was faster
  keep<BackwardPlan>(backward_, made);
  return made;
}

std::vector<Tensor> ForwardPlan::needed(std::span<const Tensor> stored) const {
  if (again_) return {stored.begin(), stored.end()};
  std::vector<Function::Output> outputs;
  for (const Edge& edge : needed_) outputs.push_back({"", edge});
  const Silence silence;
  return slice(function_, stored_, outputs, function_.nodes.size()).run(stored);
}

std::shared_ptr<const ForwardPlan> GradientPlans::forward(const std::vector<bool>& known,
                                                          bool again) {
  const auto fits = [&](const ForwardPlan& plan) {
    return plan.again() == again && plan.known() == known;
  };
  {
    const std::lock_guard lock(mutex_);
    if (auto found = find(forward_, fits)) return found;
  }
  auto made = std::make_shared<const ForwardPlan>(*record_, sources_, known, again);
  const std::lock_guard lock(mutex_);
  if (auto theirs = find(forward_, fits)) return theirs;
  keep<ForwardPlan>(forward_, made);
  return made;
}

}  // namespace rill
