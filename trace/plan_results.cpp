#include <rill/trace/plan_results.h>

#include <algorithm>
#include <set>

namespace rill {

std::vector<PlanResult> plan_results(const TracePlan& plan, const Function& record) {
  std::vector<PlanResult> results;
  std::set<std::size_t> named;  // places whose tensor is a result itself, or a variable's
  for (std::size_t n = 0; n < plan.function->nodes.size(); ++n) {
    if (plan.function->nodes[n].kind == Node::Kind::variable)
      named.insert(static_cast<std::size_t>(plan.place_of[n][0]));
  }
  for (std::size_t i = 0; i < record.outputs.size(); ++i) {
    const Edge recorded = record.outputs[i].edge;
    const auto first =
        std::find_if(record.outputs.begin(), record.outputs.end(),
                     [&](const Function::Output& other) { return other.edge == recorded; });
    const auto earlier = static_cast<std::size_t>(first - record.outputs.begin());
    if (earlier < i) {
      results.push_back({.kind = PlanResult::Kind::again, .number = earlier});
      continue;
    }
    const Edge now = plan.function->outputs[i].edge;
    const auto at = static_cast<std::size_t>(
        plan.place_of[static_cast<std::size_t>(now.node)][static_cast<std::size_t>(now.result)]);
    const Place& place = plan.places[at];
    const Node::Kind kind = record.nodes[static_cast<std::size_t>(recorded.node)].kind;
    const bool computed = kind == Node::Kind::op || kind == Node::Kind::draw;
    if (kind == Node::Kind::input)
      results.push_back({.kind = PlanResult::Kind::argument, .number = place.number});
    else if (computed && (place.kind != Place::Kind::owned || !named.insert(at).second))
      results.push_back({.kind = PlanResult::Kind::apart, .number = at});
    else
      results.push_back({.kind = PlanResult::Kind::place, .number = at});
  }
  return results;
}

}  // namespace rill
