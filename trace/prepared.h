/// `Prepared`: a recorded function with the plans that were made of it, one per sizes.
/// Invariant: safe to use from several threads; of many sizes the least recently used go.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include <rill/tensor/tensor.h>
#include <rill/trace/function.h>
#include <rill/trace/trace_plan.h>

namespace rill {

class GradientPlans;

class Prepared {
 public:
  /// For known sizes.
  struct Ready {
    std::shared_ptr<const Function> record;  ///< as it was recorded: what listeners hear
    TracePlan plan;
    std::shared_ptr<GradientPlans> gradients;  ///< for calls under tapes
  };

  /// What a relaxed function cannot do with some sizes, others may: then arguments do not fit. Else
  /// it is an error.
  explicit Prepared(std::shared_ptr<const Function> record, bool relaxed = false)
      : record_(std::move(record)), relaxed_(relaxed) {}

  [[nodiscard]] bool relaxed() const { return relaxed_; }

  [[nodiscard]] const std::shared_ptr<const Function>& record() const { return record_; }

  /// What has been made for arguments like these; null where nothing has.
  std::shared_ptr<const Ready> find(std::span<const Tensor* const> arguments);
  /// The same, and makes it where the arguments fit; null where they do not.
  std::shared_ptr<const Ready> prepare(std::span<const Tensor* const> arguments, Where where = {});

  /// What has been made last, or is made now for the only sizes that there are; null where sizes
  /// are unknown and none have come yet.
  std::shared_ptr<const Ready> any();

  /// True when both take the same arguments.
  [[nodiscard]] bool alike(const Prepared& other) const;
  /// What has been made ready, or would be by the next call of a function whose sizes are known.
  [[nodiscard]] std::string explain();

 private:
  const std::shared_ptr<const Function> record_;
  const bool relaxed_;
  std::mutex mutex_;
  std::list<std::shared_ptr<const Ready>> ready_;  // most recently used first
};

/// The plan of a function of known sizes, after all passes.
TracePlan planned(const Function& record);
std::shared_ptr<const Prepared::Ready> made_ready(std::shared_ptr<const Function> record);

/// Runs the plan. Where others than gradient tapes listen, it is the record, node by node.
std::vector<Tensor> run(const Prepared::Ready& ready, std::span<const Tensor* const> arguments,
                        Where where = {});

}  // namespace rill
