/// `Splice`: the program of one operator, copied into the one that its group becomes: its loads are
/// what its operands are there, its axes the group's or loops of its own.
/// Invariant: what is copied has the bits that the operator's own kernel computes at that point.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include <rill/kernel/builder.h>
#include <rill/trace/function.h>
#include <rill/trace/fusion/member.h>
#include <rill/trace/fusion/sizes.h>

namespace rill {

class Splice {
 public:
  /// What operators are copied into. It knows their operands, most of which other operators of the
  /// group make.
  class Target {
   public:
    virtual kernel::Builder& builder() = 0;
    virtual Sizes& sizes() = 0;
    [[nodiscard]] virtual const Spec& spec(const Edge& edge) const = 0;
    /// An element of a tensor; where `guard` is given and false, any number, and no access.
    virtual kernel::Value element(const Edge& edge, std::span<const kernel::Value> index,
                                  const kernel::Value& guard) = 0;
    /// A number.
    virtual kernel::Value parameter(const Edge& edge, DType dtype) = 0;

   protected:
    ~Target() = default;
  };

  /// `point` is the position in the member's domain; `axes` the loops there, where it has folds or
  /// stages over them. Where `guard` is given and false, nothing is read and no check fails.
  Splice(Target& target, const Node& node, const Member& member,
         std::span<const kernel::Value> point, std::span<const std::vector<kernel::Id>> axes,
         kernel::Value guard);

  /// An expression of the operator's program.
  kernel::Value copy(kernel::Id id);
  std::vector<kernel::Value> copies(std::span<const kernel::Id> ids);
  void checks(const kernel::Stage& stage);
  void folds(const kernel::Stage& stage);
  /// A store to a row of the operator's own.
  void keep(const kernel::Store& store);

 private:
  kernel::Value copy_one(kernel::Expr expr);
  [[nodiscard]] Dim size(const Lowered::SizeSource& source) const;
  [[nodiscard]] const Shape& shape(bool output, int number) const;
  kernel::Id loop(kernel::Id axis);   ///< of the operator's own
  kernel::Id row(kernel::Id buffer);  ///< likewise
  kernel::Value load(const kernel::Access& access);
  void fold(kernel::Id id);

  Target& target_;
  const Node& node_;
  const Member& member_;
  const Lowered& lowered_;
  const kernel::Program& program_;
  std::vector<kernel::Value> point_;
  std::vector<std::vector<kernel::Id>> axes_;
  kernel::Value guard_;
  std::vector<kernel::Value> exprs_;                         // copies, by expression
  std::unordered_map<std::uint64_t, kernel::Value> leaves_;  // accumulators and results of folds
  std::unordered_map<kernel::Id, kernel::Id> loops_;         // by axis of the program
  std::unordered_map<kernel::Id, kernel::Id> rows_;          // by buffer of the program
};

}  // namespace rill
