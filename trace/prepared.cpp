#include <rill/trace/prepared.h>

#include <algorithm>
#include <cstdio>
#include <ranges>

#include <rill/cpu/environment.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/timeline.h>
#include <rill/trace/compile.h>
#include <rill/trace/execute.h>
#include <rill/trace/explain.h>
#include <rill/trace/gradient/call_under_tapes.h>
#include <rill/trace/gradient/gradient_plans.h>
#include <rill/trace/passes/pipeline.h>
#include <rill/trace/specialize.h>

namespace rill {
namespace {

constexpr std::size_t max_sizes = 64;

bool fits(const Function& function, std::span<const Tensor* const> arguments) {
  if (arguments.size() != function.inputs.size()) return false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Spec& spec = function.nodes[static_cast<std::size_t>(function.inputs[i])].results[0];
    if (arguments[i]->dtype() != spec.dtype || arguments[i]->body().weak != spec.weak ||
        !(arguments[i]->shape() == spec.shape))
      return false;
  }
  return true;
}

}  // namespace

TracePlan planned(const Function& record) {
  if (!cpu::environment::logs("passes"))
    return compile(std::make_shared<const Function>(optimized(record)), record);
  std::string told = "rill: passes: " + record.text() + "\n";
  TracePlan plan = compile(std::make_shared<const Function>(optimized(record, &told)), record);
  told += "plan:\n" + explain(plan);
  std::fputs(told.c_str(), stderr);
  return plan;
}

std::shared_ptr<const Prepared::Ready> made_ready(std::shared_ptr<const Function> record) {
  TracePlan plan = planned(*record);
  auto gradients = std::make_shared<GradientPlans>(record);
  return std::make_shared<const Prepared::Ready>(
      Prepared::Ready{std::move(record), std::move(plan), std::move(gradients)});
}

std::shared_ptr<const Prepared::Ready> Prepared::find(std::span<const Tensor* const> arguments) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(ready_.begin(), ready_.end(), [&](const auto& ready) {
    return fits(*ready->record, arguments);
  });
  if (found == ready_.end()) return nullptr;
  ready_.splice(ready_.begin(), ready_, found);
  return ready_.front();
}

std::shared_ptr<const Prepared::Ready> Prepared::prepare(std::span<const Tensor* const> arguments,
                                                         Where where) {
  if (auto known = find(arguments)) return known;
  const auto sizes = sizes_of(*record_, arguments);
  if (!sizes) return nullptr;
  std::shared_ptr<const Function> record = record_;
  if (!sizes->empty()) {
    try {
      record = std::make_shared<const Function>(specialized(*record_, *sizes, where));
    } catch (const Error&) {
      if (relaxed_) return nullptr;
      throw;
    }
  }
  const detail::Stopwatch watch;
  auto made = made_ready(std::move(record));
  if (watch.runs()) watch.end("compile", "plan", {{"signature", made->record->text()}});
  if (auto theirs = find(arguments)) return theirs;  // another thread was faster
  const std::lock_guard lock(mutex_);
  ready_.push_front(made);
  if (ready_.size() > max_sizes) ready_.pop_back();
  return made;
}

bool Prepared::alike(const Prepared& other) const {
  return std::equal(record_->inputs.begin(), record_->inputs.end(), other.record_->inputs.begin(),
                    other.record_->inputs.end(), [&](int mine, int theirs) {
                      const Spec& a = record_->nodes[static_cast<std::size_t>(mine)].results[0];
                      const Spec& b =
                          other.record_->nodes[static_cast<std::size_t>(theirs)].results[0];
                      return a.dtype == b.dtype && a.weak == b.weak && a.shape == b.shape;
                    });
}

std::shared_ptr<const Prepared::Ready> Prepared::any() {
  std::vector<Tensor> arguments;
  std::vector<const Tensor*> pointers;
  for (const int input : record_->inputs)
    arguments.push_back(record_->nodes[static_cast<std::size_t>(input)].results[0].abstract());
  for (const Tensor& argument : arguments) pointers.push_back(&argument);
  if (std::all_of(arguments.begin(), arguments.end(),
                  [](const Tensor& argument) { return argument.shape().known(); }))
    return prepare(pointers);
  const std::lock_guard lock(mutex_);
  return ready_.empty() ? nullptr : ready_.front();
}

std::string Prepared::explain() {
  (void)any();
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& ready : std::views::reverse(ready_))
    text += ready->record->text() + "\n" + rill::explain(ready->plan);
  return text;
}

std::vector<Tensor> run(const Prepared::Ready& ready, std::span<const Tensor* const> arguments,
                        Where where) {
  const bool plain = Listeners::none();
  if (plain || Listeners::take_whole_calls()) {
    const detail::Stopwatch watch;
    auto results =
        plain ? execute(ready.plan, arguments, where) : call_under_tapes(ready, arguments, where);
    if (watch.runs()) watch.end("call", "traced call", {{"signature", ready.record->text()}});
    return results;
  }
  std::vector<Tensor> values;
  for (const Tensor* argument : arguments) values.push_back(*argument);
  return ready.record->run(values, where);
}

}  // namespace rill
