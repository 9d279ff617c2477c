#include <rill/trace/fusion/effects.h>

#include <unordered_map>

namespace rill {

Effects effects_of(const Function& function, std::span<const Member> members) {
  Effects effects{.later = std::vector<std::vector<int>>(function.nodes.size()),
                  .before = std::vector<int>(function.nodes.size())};
  int last = -1;
  int count = 0;
  std::vector<int> bound;  // since the last effect: what the next one must not overtake
  struct State {
    int assigned = -1;
    std::vector<int> reads;  // since then
  };
  std::unordered_map<std::uint64_t, State> states;  // of variables, by id
  for (std::size_t n = 0; n < function.nodes.size(); ++n) {
    const Node::Kind kind = function.nodes[n].kind;
    const bool effect = function.nodes[n].has_effect();
    // An operator without loops may fail too: nobody has looked.
    const bool fallible =
        members[n].checks || (kind == Node::Kind::op && members[n].lowered == nullptr);
    const auto order = [&](int before) {
      if (before >= 0)
        effects.later[static_cast<std::size_t>(before)].push_back(static_cast<int>(n));
    };
    if (kind == Node::Kind::variable || kind == Node::Kind::assign) {
      // Reads move freely between the assignments of their own variable.
      State& state = states[function.nodes[n].variable.id()];
      order(state.assigned);
      if (kind == Node::Kind::variable) {
        state.reads.push_back(static_cast<int>(n));
      } else {
        for (const int read : state.reads) order(read);
        state = {.assigned = static_cast<int>(n), .reads = {}};
      }
    }
    if (effect || fallible) order(last);
    if (effect) {
      for (const int before : bound) order(before);
      bound.clear();
      last = static_cast<int>(n);
      ++count;
    } else if (fallible) {
      bound.push_back(static_cast<int>(n));
    }
    effects.before[n] = count;
  }
  return effects;
}

}  // namespace rill
