#include <rill/trace/fusion/reuse.h>

#include <algorithm>

#include <rill/trace/fusion/in_place.h>
#include <rill/trace/fusion/sizes.h>
#include <rill/trace/trace_plan.h>

namespace rill {
namespace {

/// Rows shorter than a vector are read and written by parts of vectors. In place, each read would
/// wait for the write before it, which is to another part of the same line: measured, three times
/// the time.
bool has_short_rows(const FusedKernel& fused) {
  const auto outer = fused.program.list(fused.program.outer);
  if (outer.size() < 2) return false;
  const auto row =
      size_of_expression(fused.program, fused.sizes, fused.program.axes[outer.back()].extent);
  return row && row->known() && row->value() < kernel::fold_lanes;
}

}  // namespace

Reuse::Reuse(const Function& function, std::span<const Group> groups, const Units& units)
    : function_(function), groups_(groups), units_(units) {
  for (const std::size_t u : units.order()) {
    const Unit& unit = units.all()[u];
    if (units.renames(unit)) continue;
    for (const Edge& edge : unit.inputs) {
      const Edge of = units.root(edge);
      last_reader_[{of.node, of.result}] = &unit;
    }
  }
}

bool Reuse::is_last_reader(const Unit& unit, const Edge& edge) const {
  const auto last = last_reader_.find({edge.node, edge.result});
  return last != last_reader_.end() && last->second == &unit;
}

std::vector<Edge> Reuse::operands_under(const Edge& made, const Unit& unit) const {
  std::vector<Edge> under;
  // What a kernel that fails has read is looked at again.
  if (units_.may_fail(unit)) return under;
  const auto bytes = [&](const Edge& edge) {
    const Node& node = function_.nodes[static_cast<std::size_t>(edge.node)];
    return bytes_of(node.results[static_cast<std::size_t>(edge.result)]);
  };
  for (const std::size_t g : unit.groups) {
    const auto& outputs = groups_[g].outputs;
    const auto output = std::find(outputs.begin(), outputs.end(), made);
    const FusedKernel& fused = units_.kernel(g).fused;
    if (output == outputs.end() || units_.start_of(made) != Spec::nothing || has_short_rows(fused))
      continue;
    for (const Edge& input : fused.inputs) {
      const Edge of = units_.root(input);
      if (is_last_reader(unit, of) && bytes(of) == bytes(made) &&
          !is_read_otherwise(of, unit, g, static_cast<std::size_t>(output - outputs.begin())))
        under.push_back(of);
    }
  }
  return under;
}

/// Whether a unit reads an operand in another way than `group` reads what it writes over.
bool Reuse::is_read_otherwise(const Edge& operand, const Unit& unit, std::size_t group,
                              std::size_t output) const {
  const auto is_operand = [&](const Edge& edge) { return units_.root(edge) == operand; };
  if (unit.plan != nullptr) {
    const auto& inputs = function_.nodes[static_cast<std::size_t>(unit.nodes[0])].inputs;
    if (std::any_of(inputs.begin(), inputs.end(), is_operand)) return true;
  }
  for (const std::size_t other : unit.groups) {
    const FusedKernel& fused = units_.kernel(other).fused;
    for (std::size_t k = 0; k < fused.inputs.size(); ++k) {
      if (is_operand(fused.inputs[k]) && (other != group || !writes_over(fused, k, output)))
        return true;
    }
  }
  return false;
}

}  // namespace rill
