#include <rill/trace/gradient/derive.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include <rill/autograd/recording.h>
#include <rill/autograd/replay.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/rehearsal.h>
#include <rill/trace/recorded_gradient.h>
#include <rill/trace/recorder.h>

namespace rill {
namespace {

using detail::Recording;

/// The function on tensors without values, and the recording of a tape that hears it.
class Rehearsed {
 public:
  Rehearsed(const Function& function, std::span<const int> sources,
            std::span<const FlowBack::Value> known)
      : function_(function), values_(function.nodes.size()), sources_(sources) {
    for (std::size_t n = 0; n < function.nodes.size(); ++n) {
      const Node& node = function.nodes[n];
      for (const Spec& spec : node.results)
        values_[n].push_back(node.kind == Node::Kind::number ? node.value : spec.abstract());
    }
    for (std::size_t k = 0; k < sources.size(); ++k) {
      if (!known[k].known) continue;
      if (known[k].same_as == k)
        recording_.watch(source(k));
      else
        recording_.alias(source(k), source(known[k].same_as));
    }
    const Silence silence;
    const Rehearsal rehearsal;
    for (std::size_t n = 0; n < function.nodes.size(); ++n) record(n);
  }

  [[nodiscard]] Recording& recording() { return recording_; }
  [[nodiscard]] std::span<const std::vector<Tensor>> values() const { return values_; }
  [[nodiscard]] const Tensor& value(const Edge& edge) const {
    return values_[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)];
  }
  /// A source, or an output behind them.
  [[nodiscard]] const Tensor& value(std::size_t k) const {
    return k < sources_.size() ? source(k) : value(function_.outputs[k - sources_.size()].edge);
  }

 private:
  [[nodiscard]] const Tensor& source(std::size_t k) const { return value(Edge{sources_[k], 0}); }

  void record(std::size_t n) {
    const Node& node = function_.nodes[n];
    if (node.kind != Node::Kind::op && node.kind != Node::Kind::custom) return;
    std::vector<Tensor> inputs;
    for (const Edge& edge : node.inputs) inputs.push_back(value(edge));
    if (node.kind == Node::Kind::custom) {
      CustomGradient call = recorded_call(node, inputs);
      call.outputs = values_[n];
      return recording_.record(call);
    }
    recording_.record(
        OpEvent{*node.op, node.op->name, node.attributes, inputs, values_[n], node.where});
  }

  const Function& function_;
  std::vector<std::vector<Tensor>> values_;  // by node and result
  std::span<const int> sources_;
  Recording recording_;
};

}  // namespace

std::vector<int> gradient_sources(const Function& function) {
  std::vector<int> sources;
  for (std::size_t n = 0; n < function.nodes.size(); ++n) {
    const Node::Kind kind = function.nodes[n].kind;
    const bool outside =
        kind == Node::Kind::input || kind == Node::Kind::constant || kind == Node::Kind::variable;
    if (outside && is_float(function.nodes[n].results[0].dtype) &&
        !function.nodes[n].results[0].weak)
      sources.push_back(static_cast<int>(n));
  }
  return sources;
}

Kept kept_by_tape(const Function& function, std::span<const int> sources,
                  const std::vector<bool>& known) {
  std::vector<FlowBack::Value> values(sources.size());
  for (std::size_t k = 0; k < sources.size(); ++k) values[k] = {.known = known[k], .same_as = k};
  Rehearsed rehearsed(function, sources, values);
  std::unordered_map<std::uint64_t, Edge> edges;
  for (std::size_t n = 0; n < function.nodes.size(); ++n) {
    const Node::Kind kind = function.nodes[n].kind;
    if (kind == Node::Kind::number || kind == Node::Kind::constant) continue;
    for (std::size_t k = 0; k < rehearsed.values()[n].size(); ++k)
      edges[rehearsed.values()[n][k].id()] = {static_cast<int>(n), static_cast<int>(k)};
  }
  Kept kept;
  std::set<std::pair<int, int>> values_kept;
  for (detail::Node* const node : rehearsed.recording().nodes()) {
    for (const Tensor& tensor : node->tensors()) {
      if (!tensor.defined()) continue;
      if (const auto found = edges.find(tensor.id()); found != edges.end())
        values_kept.insert({found->second.node, found->second.result});
    }
  }
  for (std::size_t n = 0; n < function.nodes.size(); ++n) {  // what rules of the user's look at
    const Node& node = function.nodes[n];
    if (node.kind != Node::Kind::custom) continue;
    const bool recorded = std::any_of(
        rehearsed.values()[n].begin(), rehearsed.values()[n].end(),
        [&](const Tensor& value) { return rehearsed.recording().find(value) != Recording::none; });
    for (std::size_t k = node.gradient->arguments + node.results.size();
         recorded && k < node.inputs.size(); ++k) {
      const Node::Kind kind = function.nodes[static_cast<std::size_t>(node.inputs[k].node)].kind;
      if (kind != Node::Kind::number && kind != Node::Kind::constant)
        values_kept.insert({node.inputs[k].node, node.inputs[k].result});
    }
  }
  for (const auto& [n, k] : values_kept) kept.values.push_back({n, k});
  for (const Function::Output& output : function.outputs)
    kept.reached.push_back(rehearsed.recording().find(rehearsed.value(output.edge)) !=
                           Recording::none);
  return kept;
}

Joint with_gradient(const Function& function, std::span<const int> sources, const FlowBack& flow) {
  Rehearsed rehearsed(function, sources, flow.values);
  Recorder recorder(function, rehearsed.values());
  Joint joint;
  joint.gradient_begin = function.nodes.size();
  std::vector<detail::Seed> seeds;
  std::vector<std::uint32_t> wanted;
  std::vector<std::size_t> wanted_values;
  std::vector<Tensor> before(flow.values.size());
  for (std::size_t k = 0; k < flow.values.size(); ++k) {
    const FlowBack::Value& value = flow.values[k];
    if (!value.known || value.same_as != k) continue;
    const Tensor& of = rehearsed.value(k);
    const std::uint32_t slot = rehearsed.recording().find(of);
    if (slot == Recording::none) continue;
    if (value.flows) {
      before[k] = Tensor::abstract(of.shape(), of.dtype());
      joint.gradients.push_back(recorder.input(before[k], "gradient"));
      joint.taken.push_back(k);
      seeds.push_back({slot, before[k]});
    }
    if (value.wanted) {
      wanted.push_back(slot);
      wanted_values.push_back(k);
    }
  }
  std::vector<Tensor> results;
  {
    const Silence silence;
    const Rehearsal rehearsal;
    const Listening on(recorder);
    std::vector<Tensor> found =
        detail::replay(rehearsed.recording(), std::move(seeds), wanted, false, {});
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::size_t k = wanted_values[i];
      if (!found[i].defined()) continue;
      if (before[k].defined() && found[i].id() == before[k].id()) continue;  // nothing was added
      results.push_back(found[i]);
      joint.delivered.push_back(k);
    }
  }
  joint.function = recorder.finish(results);
  return joint;
}

}  // namespace rill
