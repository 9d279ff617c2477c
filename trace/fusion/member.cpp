#include <rill/trace/fusion/member.h>

#include <algorithm>

#include <rill/kernel/dependence.h>
#include <rill/ops/kernel_cache.h>

namespace rill {
namespace {

using kernel::Id;

/// The store's place is the point itself.
bool at_point(const kernel::Program& program, const kernel::Store& store) {
  if (store.mode != kernel::Store::Mode::set || !store.unique || store.to.guard != kernel::none)
    return false;
  const auto index = program.list(store.to.index);
  return std::all_of(index.begin(), index.end(),
                     [&](Id id) { return program.exprs[id].code == kernel::Code::axis; });
}

}  // namespace

Member member_of(const Function& function, int node_number) {
  const Node& node = function.nodes[static_cast<std::size_t>(node_number)];
  Member member;
  if (node.kind != Node::Kind::op || !node.op->body || node.op->composition || node.op->library)
    return member;
  std::vector<Tensor> inputs;
  for (const Edge& edge : node.inputs) {
    const Node& from = function.nodes[static_cast<std::size_t>(edge.node)];
    const Spec& spec = from.results[static_cast<std::size_t>(edge.result)];
    if (spec.weak && from.kind != Node::Kind::number && from.kind != Node::Kind::input)
      return member;  // a number made on the way
    inputs.push_back(from.kind == Node::Kind::number ? from.value : spec.abstract());
  }
  Infer infer(*node.op, node.attributes, inputs, {});
  node.op->rule(infer);
  const auto entry = kernel_entry(infer, inputs);
  member.lowered = {entry, &entry->plain};
  for (const Spec& result : infer.results()) member.starts.push_back(result.start);
  const Lowered& lowered = *member.lowered;
  const kernel::Program& program = lowered.program;
  member.domain = lowered.domain_input >= 0
                      ? inputs[static_cast<std::size_t>(lowered.domain_input)].shape()
                      : node.results[0].shape;
  member.row = lowered.row_axes;
  member.domain_axis.assign(program.axes.size(), -1);
  for (std::size_t axis = 0; axis < program.axes.size(); ++axis) {
    const kernel::Expr& extent = program.exprs[program.axes[axis].extent];
    if (extent.code != kernel::Code::size) continue;
    const auto& source = lowered.sizes[extent.bits];
    if (source.kind == Lowered::SizeSource::Kind::domain) member.domain_axis[axis] = source.index;
  }
  int launched = 0;
  for (const kernel::Buffer& buffer : program.buffers)
    member.launch_buffer.push_back(buffer.space == kernel::Buffer::Space::row ? -1 : launched++);
  member.store_of.assign(node.results.size(), -1);
  member.places = true;
  std::vector<Id> values;
  for (std::size_t s = 0; s < program.stores.size(); ++s) {
    const kernel::Store& store = program.stores[s];
    const int buffer = member.launch_buffer[store.to.buffer];
    values.push_back(store.value);
    if (buffer < 0) continue;
    const auto& source = lowered.buffers[static_cast<std::size_t>(buffer)];
    const auto result = static_cast<std::size_t>(source.tensor);
    member.places = member.places && source.aligned && member.store_of[result] < 0 &&
                    member.starts[result] == Spec::nothing && at_point(program, store);
    member.store_of[result] = static_cast<int>(s);
  }
  for (const kernel::Fold& fold : program.folds) {
    for (const Id axis : program.list(fold.axes))
      member.windows = member.windows || member.domain_axis[axis] < 0;
    member.scans = member.scans || fold.kind == kernel::Fold::Kind::scan;
    for (const Id id : program.list(fold.step)) values.push_back(id);
  }
  member.checks = !program.checks.empty();
  member.operations = static_cast<int>(kernel::Dependence(program).operations(values));
  return member;
}

}  // namespace rill
