/// Whose memory a result may take: that of an operand which nobody reads any more.
/// Invariant: once the result is made, all who read the operand have run.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include <rill/trace/function.h>
#include <rill/trace/fusion/fuse.h>
#include <rill/trace/fusion/units.h>

namespace rill {

class Reuse {
 public:
  Reuse(const Function& function, std::span<const Group> groups, const Units& units);

  /// Whether nobody reads a value after this unit, under whatever shape. What a function returns is
  /// not asked about.
  [[nodiscard]] bool is_last_reader(const Unit& unit, const Edge& edge) const;

  /// The operands that the unit which makes a value may write it over, wherever they have memory of
  /// their own: as large as it is, and read only where it is written.
  [[nodiscard]] std::vector<Edge> operands_under(const Edge& made, const Unit& unit) const;

 private:
  [[nodiscard]] bool is_read_otherwise(const Edge& operand, const Unit& unit, std::size_t group,
                                       std::size_t output) const;

  const Function& function_;
  std::span<const Group> groups_;
  const Units& units_;
  std::map<std::pair<int, int>, const Unit*> last_reader_;  // by edge
};

}  // namespace rill
