/// What an expression of a kernel program depends on, and how an access's offset moves along a loop
/// variable: what emitters hoist by, and what schedules are chosen by. Invariant: answers hold for
/// every launch; where only run-time sizes could tell, the answer says so.
#pragma once

#include <cstdint>
#include <vector>

#include <rill/kernel/program.h>

namespace rill::kernel {

/// A set of a program's axes or folds, by number. Programs that go beyond 64 of either have no
/// `Dependence`.
using Set = std::uint64_t;
constexpr bool contains(Set set, Id member) { return (set >> member & 1U) != 0; }
constexpr Set only(Id member) { return Set{1} << member; }

/// By how much an integer grows when one loop variable grows by one and all else stays.
struct Step {
  enum class Kind : std::uint8_t {
    still,      ///< it stays
    constant,   ///< by `amount`
    uniform,    ///< by an amount that the launch decides
    irregular,  ///< differently from iteration to iteration
  };
  Kind kind = Kind::still;
  std::int64_t amount = 0;
  [[nodiscard]] bool by(std::int64_t n) const { return kind == Kind::constant && amount == n; }
  friend bool operator==(const Step&, const Step&) = default;
};

class Dependence {
 public:
  /// Throws `InternalError` beyond 64 axes or folds.
  explicit Dependence(const Program& program);

  /// What an expression reads by itself, not through the results of folds.
  struct Leaves {
    Set axes = 0;
    Set accumulators = 0;  ///< of these folds
    Set results = 0;       ///< of these folds
    bool loads = false;
    bool loads_written = false;  ///< from a buffer that the program itself writes
  };
  [[nodiscard]] const Leaves& leaves(Id expr) const { return leaves_[expr]; }

  /// All axes along which an expression's value may change, through the results of folds too.
  [[nodiscard]] Set axes(Id expr) const { return axes_[expr]; }
  /// The same for an access: its indices, guard and otherwise.
  [[nodiscard]] Set axes(const Access& access) const;

  [[nodiscard]] Step step(Id expr, Id axis) const;
  /// Of the offset, in elements.
  [[nodiscard]] Step step(const Access& access, Id axis) const;

  /// The ids of the accesses that an expression loads through, directly or below.
  void collect_loads(Id expr, std::vector<Id>& accesses) const;
  /// How many operations it takes to evaluate these once, shared ones counted once.
  [[nodiscard]] std::int64_t operations(std::span<const Id> exprs) const;

  [[nodiscard]] bool is_written(Id buffer) const { return written_[buffer]; }

 private:
  void visit(Id expr);
  Set visit_fold(Id fold);

  const Program& program_;
  std::vector<Leaves> leaves_;
  std::vector<Set> axes_;
  std::vector<bool> known_;
  std::vector<Set> fold_axes_;
  std::vector<bool> fold_known_;
  std::vector<bool> written_;
};

}  // namespace rill::kernel
