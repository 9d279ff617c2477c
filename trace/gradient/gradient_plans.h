/// `GradientPlans`: what was made ready of a function for tapes: plans that also give what the
/// gradient needs, and the plans that lead gradients back.
/// Invariant: safe to use from several threads; of many the oldest go.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include <rill/trace/gradient/derive.h>
#include <rill/trace/prepared.h>
#include <rill/trace/trace_plan.h>

namespace rill {

/// Leads gradients back, for some of the values that are known, wanted or have gradients.
struct BackwardPlan {
  FlowBack flow;
  std::vector<std::size_t> taken;      ///< the values whose gradients are its first arguments
  std::vector<std::size_t> delivered;  ///< the values whose gradients are its results
  /// Behind the gradients it takes the stored values, and computes others again.
  TracePlan plan;
  /// What others may record: behind the gradients it takes all values at which the rules look.
  std::shared_ptr<const Prepared::Ready> exact;
};

/// A call that tapes record.
class ForwardPlan {
 public:
  /// `again`: the gradient may be recorded, too. Then all values at which it looks are stored.
  ForwardPlan(Function record, std::vector<int> sources, std::vector<bool> known, bool again);

  [[nodiscard]] const std::vector<bool>& known() const { return known_; }
  [[nodiscard]] bool again() const { return again_; }
  /// Gives the record's results, then the stored values that are no inputs.
  [[nodiscard]] const TracePlan& plan() const { return plan_; }
  [[nodiscard]] std::span<const Edge> stored() const { return stored_; }
  [[nodiscard]] std::vector<bool> reached(const std::vector<bool>& known) const;
  [[nodiscard]] std::shared_ptr<const BackwardPlan> backward(const FlowBack& flow) const;
  /// The same, with `exact`.
  [[nodiscard]] std::shared_ptr<const BackwardPlan> exact_backward(const FlowBack& flow) const;
  /// All values at which the gradient's rules look, of the stored ones.
  [[nodiscard]] std::vector<Tensor> needed(std::span<const Tensor> stored) const;

 private:
  [[nodiscard]] std::shared_ptr<const BackwardPlan> backward(const FlowBack& flow,
                                                             bool exact) const;

  /// Its outputs are what a tape takes for them: where the gradient may be recorded, the stored
  /// values too.
  Function function_;
  const std::vector<int> sources_;
  const std::vector<bool> known_;
  const bool again_;
  std::vector<Edge> needed_;
  std::vector<Edge> stored_;
  TracePlan plan_;
  mutable std::mutex mutex_;
  mutable std::list<std::shared_ptr<const BackwardPlan>> backward_;  // most recently used first
  mutable std::map<std::vector<bool>, std::vector<bool>> reached_;   // by what is known
};

class GradientPlans {
 public:
  explicit GradientPlans(std::shared_ptr<const Function> record)
      : record_(std::move(record)), sources_(gradient_sources(*record_)) {}

  [[nodiscard]] std::span<const int> sources() const { return sources_; }
  std::shared_ptr<const ForwardPlan> forward(const std::vector<bool>& known, bool again);

 private:
  const std::shared_ptr<const Function> record_;
  const std::vector<int> sources_;
  std::mutex mutex_;
  std::list<std::shared_ptr<const ForwardPlan>> forward_;  // most recently used first
};

}  // namespace rill
