#include <rill/trace/stages.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <unordered_map>
#include <utility>

#include <rill/trace/step_cost.h>

namespace rill {
namespace {

constexpr std::size_t reach = 64;  // how many steps are looked at for a stage

/// What the steps that stand before a step touch, which it may pass if none of that is its own.
class Touched {
 public:
  [[nodiscard]] bool allows(const Access& step) const {
    const auto free_of = [&](int of, const Access::Extent& extent) {
      const auto found = by_place_.find(extent.place);
      if (found == by_place_.end()) return true;
      const auto& others = found->second[static_cast<std::size_t>(of)];
      return std::none_of(others.begin(), others.end(), [&](const Access::Extent& other) {
        return extent.begin < other.end && other.begin < extent.end;
      });
    };
    return std::all_of(step.reads.begin(), step.reads.end(),
                       [&](const Access::Extent& extent) { return free_of(writes, extent); }) &&
           std::all_of(step.writes.begin(), step.writes.end(), [&](const Access::Extent& extent) {
             return free_of(reads, extent) && free_of(writes, extent);
           });
  }
  void add(const Access& step) {
    for (const Access::Extent& extent : step.reads)
      by_place_[extent.place][reads].push_back(extent);
    for (const Access::Extent& extent : step.writes)
      by_place_[extent.place][writes].push_back(extent);
  }

 private:
  enum : int { reads, writes };
  std::unordered_map<std::size_t, std::array<std::vector<Access::Extent>, 2>> by_place_;
};

class Staging {
 public:
  Staging(TracePlan& plan, std::vector<Access>& accesses, const StageLimits& limits)
      : plan_(plan), accesses_(accesses), limits_(limits) {
    for (std::size_t s = 0; s < plan.steps.size(); ++s) {
      const double seconds = accesses[s].stays ? 0 : estimated_seconds(plan, plan.steps[s]);
      seconds_.push_back(seconds <= limits.step ? seconds : 0);
      sums_.push_back((sums_.empty() ? 0 : sums_.back()) + seconds_.back());
    }
  }

  void run() {
    placed_.resize(plan_.steps.size());
    for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
      if (placed_[s]) continue;
      const std::vector<std::size_t> beside = found_beside(s);
      if (beside.size() > 1) add_stage(beside);
      for (const std::size_t step : beside) {
        placed_[step] = true;
        order_.push_back(step);
      }
    }
    if (!plan_.stages.empty()) reorder();
  }

 private:
  /// A step and those behind it that may run with it, where that pays; else the step alone.
  [[nodiscard]] std::vector<std::size_t> found_beside(std::size_t first) const {
    std::vector<std::size_t> steps{first};
    const std::size_t end = std::min(first + reach, plan_.steps.size());
    if (seconds_[first] == 0 || sums_[end - 1] - sums_[first] < limits_.others) return steps;
    Touched touched;
    touched.add(accesses_[first]);
    double sum = seconds_[first];
    double most = sum;
    for (std::size_t s = first + 1; s < end && !accesses_[s].stays; ++s) {
      if (placed_[s]) continue;
      if (seconds_[s] > 0 && touched.allows(accesses_[s])) {
        steps.push_back(s);
        sum += seconds_[s];
        most = std::max(most, seconds_[s]);
      }
      touched.add(accesses_[s]);
    }
    if (sum - most < limits_.others) steps.resize(1);
    return steps;
  }

  void add_stage(std::span<const std::size_t> steps) {
    Stage stage{.first = order_.size(), .steps = steps.size(), .grain = 1, .made = {}};
    double seconds = 0;
    for (const std::size_t step : steps) {
      seconds += seconds_[step];
      for (const Access::Extent& extent : accesses_[step].writes) {
        if (plan_.places[extent.place].kind == Place::Kind::owned)
          stage.made.push_back(extent.place);
      }
    }
    stage.grain = static_cast<std::size_t>(
        std::ceil(limits_.piece * static_cast<double>(steps.size()) / seconds));
    plan_.stages.push_back(std::move(stage));
  }

  void reorder() {
    std::vector<Step> steps;
    std::vector<Access> accesses;
    for (const std::size_t s : order_) {
      steps.push_back(std::move(plan_.steps[s]));
      accesses.push_back(std::move(accesses_[s]));
    }
    plan_.steps = std::move(steps);
    accesses_ = std::move(accesses);
  }

  TracePlan& plan_;
  std::vector<Access>& accesses_;
  const StageLimits limits_;
  std::vector<double> seconds_;  // of a step that may share a stage; else 0
  std::vector<double> sums_;     // of them, up to each step
  std::vector<bool> placed_;
  std::vector<std::size_t> order_;
};

}  // namespace

void find_stages(TracePlan& plan, std::vector<Access>& accesses, const StageLimits& limits) {
  Staging(plan, accesses, limits).run();
}

}  // namespace rill
