#include <rill/autograd/tape.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include <rill/autograd/recording.h>
#include <rill/autograd/replay.h>
#include <rill/ops/creation.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace detail {

/// The tape's ear: what it hears goes into its recording.
class Recorder final : public Listener {
 public:
  explicit Recorder(const TapeOptions& options) : options_(options) { listening_.emplace(*this); }

  void op(const OpEvent& event) override { recording_.record(event); }
  void variable_read(const VariableEvent& event) override {
    if (!options_.watch_variables || !event.trainable || !is_float(event.value.dtype())) return;
    if (recording_.find(event.value) == Recording::none)
      watch(event.variable, event.id, event.value);
  }
  void enter(const ScopeEvent& event) override {
    if (event.kind != ScopeEvent::Kind::whole_call) return;
    const auto& call = *static_cast<const WholeCall*>(event.subject);
    bool known = false;
    for (std::size_t k = 0; k < call.inputs.size(); ++k) {
      if (recording_.find(call.inputs[k]) == Recording::none) continue;
      call.asked->inputs[k] = known = true;
    }
    // A persistent tape may record its own gradient.
    if (known) call.asked->recordings += options_.persistent ? 2 : 1;
  }
  void leave(const ScopeEvent& event) override {
    if (event.kind == ScopeEvent::Kind::custom_gradient)
      recording_.record(*static_cast<const CustomGradient*>(event.subject));
    if (event.kind == ScopeEvent::Kind::whole_call)
      recording_.record(*static_cast<const WholeCall*>(event.subject));
  }
  void alias(const AliasEvent& event) override { recording_.alias(event.tensor, event.of); }
  [[nodiscard]] bool takes_whole_calls() const override { return true; }

  void watch(const Variable& variable, std::uint64_t id, const Tensor& value) {
    std::uint32_t slot = variable_slots_.find(id);
    if (slot == SlotTable::none) {
      slot = recording_.new_slot(value);
      variable_slots_.put(id, slot);
      variables_.push_back(variable);
    }
    recording_.watch_as(slot, value);
  }
  [[nodiscard]] std::uint32_t slot_of(const Source& source) const {
    return source.is_variable() ? variable_slots_.find(source.variable().id())
                                : recording_.find(source.tensor());
  }

  /// Off the thread's stack, so that operations meanwhile cost nothing.
  void pause() {
    if (++pauses_ == 1) listening_.reset();
  }
  void resume() {
    if (--pauses_ == 0) listening_.emplace(*this);
  }

  [[nodiscard]] Recording& recording() { return recording_; }
  [[nodiscard]] const TapeOptions& options() const { return options_; }
  [[nodiscard]] const std::vector<Variable>& variables() const { return variables_; }
  [[nodiscard]] bool here() const { return std::this_thread::get_id() == thread_; }

  bool used = false;

 private:
  const TapeOptions options_;
  const std::thread::id thread_ = std::this_thread::get_id();
  Recording recording_;
  SlotTable variable_slots_;
  std::vector<Variable> variables_;
  int pauses_ = 0;
  std::optional<Listening> listening_;
};

}  // namespace detail

namespace {

using detail::Recorder;
using detail::Recording;

/// Lets listeners know that what they hear is a gradient's.
class GradientBracket {
 public:
  explicit GradientBracket(const void* tape)
      : event_{ScopeEvent::Kind::tape_gradient, "gradient", tape} {
    Listeners::tell(&Listener::enter, event_);
  }
  GradientBracket(const GradientBracket&) = delete;
  GradientBracket& operator=(const GradientBracket&) = delete;
  ~GradientBracket() { Listeners::tell(&Listener::leave, event_); }

 private:
  ScopeEvent event_;
};

std::string described(const Source& source, std::size_t number) {
  if (source.is_variable()) {
    const Variable& v = source.variable();
    return "variable '" + v.name() + "' (" + std::string(name(v.dtype())) + v.shape().text() + ")";
  }
  return "source " + std::to_string(number) + " (" + source.tensor().type_text() + ")";
}

[[noreturn]] void fail_unconnected(const Source& source, std::size_t number, bool known,
                                   const TapeOptions& options, Where where) {
  const char* const reason =
      known                      ? ": the target does not depend on it"
      : !source.is_variable()    ? ": it was neither watched nor computed while the tape recorded"
      : !options.watch_variables ? ": the tape was opened with {.watch_variables = false}, so it "
                                   "needs tape.watch(variable)"
      : !source.variable().trainable() ? ": it is not trainable, so it needs tape.watch(variable)"
                                       : ": it was not read while the tape recorded";
  throw GradientError("gradient: " + described(source, number) + " is unconnected" + reason +
                      "; ask for {.unconnected = Unconnected::zeros} to get zeros" +
                      where.suffix());
}

void require_float(DType dtype, const std::string& what, Where where) {
  if (!is_float(dtype))
    throw detail::UnnamedError<DTypeError>("gradient", what + ": only floats have gradients",
                                           where);
}

Tensor seed_for(const Tensor& target, const GradientOptions& options, std::size_t number,
                Where where) {
  const auto given = options.output_gradients.tensors();
  if (given.empty()) return ones(target.shape(), target.dtype(), where);
  const Tensor& gradient = given[number];
  if (!gradient.defined()) detail::fail_undefined("gradient", where);
  if (gradient.dtype() != target.dtype() || !equal_sizes(gradient.shape(), target.shape())) {
    throw ShapeError("gradient: the output gradient " + gradient.type_text() +
                     " is not like its target " + target.type_text() + where.suffix());
  }
  return gradient;
}

}  // namespace

TensorList::TensorList(const Tensor& tensor) : tensors_{tensor} {}
TensorList::TensorList(std::initializer_list<Tensor> tensors) : tensors_(tensors) {}
TensorList::TensorList(std::span<const Tensor> tensors)
    : tensors_(tensors.begin(), tensors.end()) {}
TensorList::TensorList(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {}
std::span<const Tensor> TensorList::tensors() const { return tensors_; }

GradientTape::GradientTape(const TapeOptions& options)
    : recorder_(std::make_unique<Recorder>(options)) {}

GradientTape::~GradientTape() {
  // The other thread's stack of listeners still points there, and only that thread may change it.
  if (!recorder_->here()) static_cast<void>(recorder_.release());
}

Recorder& GradientTape::recorder(Where where) const {
  if (!recorder_->here()) {
    throw GradientError("GradientTape: used on another thread than the one that opened it" +
                        where.suffix());
  }
  return *recorder_;
}

void GradientTape::watch(const Tensor& tensor, Where where) {
  if (!tensor.defined()) detail::fail_undefined("watch", where);
  if (!is_float(tensor.dtype())) {
    throw detail::UnnamedError<DTypeError>(
        "watch", "only floats have gradients, not " + tensor.type_text(), where);
  }
  recorder(where).recording().watch(tensor);
}

void GradientTape::watch(const Variable& variable, Where where) {
  const Tensor value = variable.value(where);
  if (!is_float(value.dtype())) {
    throw DTypeError("watch: only floats have gradients, not " + value.type_text() +
                     where.suffix());
  }
  recorder(where).watch(variable, variable.id(), value);
}

std::vector<Variable> GradientTape::watched_variables() const { return recorder({}).variables(); }

std::vector<Tensor> GradientTape::gradients(const TensorList& target,
                                            const std::vector<Source>& sources,
                                            const GradientOptions& options, Where where) {
  return gradients(target, std::span(sources), options, where);
}

Tensor GradientTape::gradient_of_one(const TensorList& target, const Source& source,
                                     const GradientOptions& options, Where where) {
  return std::move(gradients(target, std::span(&source, 1), options, where).front());
}

std::vector<Tensor> GradientTape::gradients(const TensorList& target,
                                            std::span<const Source> sources,
                                            const GradientOptions& options, Where where) {
  Recorder& tape = recorder(where);
  const bool persistent = tape.options().persistent;
  if (tape.used && !persistent) {
    throw GradientError(
        "gradient: this tape was used up by its first gradient: open it with {.persistent = true}" +
        where.suffix());
  }
  const auto targets = target.tensors();
  const std::size_t given = options.output_gradients.tensors().size();
  if (given != 0 && given != targets.size()) {
    throw ShapeError("gradient: " + std::to_string(given) + " output gradients for " +
                     std::to_string(targets.size()) + " targets" + where.suffix());
  }
  std::vector<std::uint32_t> slots;
  for (std::size_t k = 0; k < sources.size(); ++k) {
    const Source& source = sources[k];
    if (!source.is_variable() && !source.tensor().defined())
      detail::fail_undefined("gradient", where);
    require_float(source.is_variable() ? source.variable().dtype() : source.tensor().dtype(),
                  described(source, k), where);
    slots.push_back(tape.slot_of(source));
  }

  // Everything that the caller can get wrong has been looked at, so a tape that throws so far can
  // be used again.
  struct Stop {  // for good, unless the tape is persistent
    Recorder& tape;
    const bool stays;
    explicit Stop(Recorder& t, bool persistent) : tape(t), stays(persistent) {
      if (!stays) tape.pause();
    }
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;
    ~Stop() {
      if (!stays) tape.recording().clear();
    }
  };
  std::vector<detail::Seed> seeds;
  for (const Tensor& target : targets) {
    if (!target.defined()) detail::fail_undefined("gradient", where);
    require_float(target.dtype(), "target (" + target.type_text() + ")", where);
  }
  tape.used = true;
  const Stop stop(tape, persistent);
  const GradientBracket bracket(this);
  for (std::size_t k = 0; k < targets.size(); ++k) {
    const std::uint32_t slot = tape.recording().find(targets[k]);
    if (slot != Recording::none) seeds.push_back({slot, seed_for(targets[k], options, k, where)});
  }
  std::vector<Tensor> found =
      detail::replay(tape.recording(), std::move(seeds), slots, !persistent, where);
  for (std::size_t k = 0; k < found.size(); ++k) {
    if (found[k].defined()) continue;
    if (options.unconnected == Unconnected::error) {
      fail_unconnected(sources[k], k, slots[k] != Recording::none, tape.options(), where);
    }
    if (options.unconnected == Unconnected::zeros) {
      const Source& source = sources[k];
      found[k] = source.is_variable()
                     ? zeros(source.variable().shape(), source.variable().dtype(), where)
                     : zeros(source.tensor().shape(), source.tensor().dtype(), where);
    }
  }
  return found;
}

GradientTape::Pause::Pause(detail::Recorder& recorder) : recorder_(recorder) { recorder_.pause(); }
GradientTape::Pause::~Pause() { recorder_.resume(); }

GradientTape::Pause GradientTape::stop_recording(Where where) { return Pause(recorder(where)); }

}  // namespace rill
