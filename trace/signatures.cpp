#include <rill/trace/signatures.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <ranges>
#include <set>

#include <rill/tensor/capture.h>
#include <rill/tensor/different_sizes.h>
#include <rill/tensor/elements.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/rehearsal.h>
#include <rill/tensor/unknown_size.h>
#include <rill/tensor/unnamed.h>
#include <rill/trace/prepared.h>
#include <rill/trace/recorder.h>
#include <rill/trace/relaxation.h>
#include <rill/trace/retracing.h>
#include <rill/trace/size_text.h>
#include <rill/trace/specialize.h>
#include <rill/trace/verify.h>

namespace rill {
namespace {

/// The signatures that are being recorded on this thread, innermost last.
thread_local std::vector<const detail::Signatures*> recording;

class Recording {
 public:
  explicit Recording(const detail::Signatures& of) { recording.push_back(&of); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() { recording.pop_back(); }
};

/// The arguments under ids that nothing else has while the function is recorded: one given twice is
/// two. Whoever listens is told where they come from; afterwards what is left of them, in a tape or
/// among the results, is what was given.
class OwnTensors {
 public:
  explicit OwnTensors(std::span<const Tensor* const> given) : given_(given) {
    for (const Tensor* tensor : given) {
      own_.push_back(tensor->body().weak ? Tensor::weak(tensor->body().scalar.as_value())
                                         : tensor->view(tensor->shape(), tensor->strides(), 0));
      if (!Listeners::none()) Listeners::tell(&Listener::alias, AliasEvent{own_.back(), *tensor});
    }
  }
  OwnTensors(const OwnTensors&) = delete;
  OwnTensors& operator=(const OwnTensors&) = delete;
  ~OwnTensors() {
    for (std::size_t i = 0; i < own_.size(); ++i) own_[i].body().id = given_[i]->id();
  }
  [[nodiscard]] std::span<const Tensor> tensors() const { return own_; }

 private:
  std::span<const Tensor* const> given_;
  std::vector<Tensor> own_;
};

/// With the names that graphs and messages give them.
std::vector<TensorSpec> with_names(std::span<const TensorSpec> inputs) {
  std::vector<TensorSpec> all(inputs.begin(), inputs.end());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].name.empty()) all[i].name = all.size() == 1 ? "x" : "x" + std::to_string(i);
  }
  return all;
}

void require_possible(std::string_view operation, std::span<const TensorSpec> inputs, Where where) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    detail::in_operation(std::string(operation) + ": spec " + std::to_string(i), where,
                         [&] { detail::require_sizes(inputs[i].shape); });
  }
}

std::string text_of(std::span<const Tensor* const> tensors) {
  std::string text = "(";
  for (const Tensor* tensor : tensors) text += (text.size() > 1 ? ", " : "") + tensor->type_text();
  return text + ")";
}

}  // namespace

bool is_tracing() { return !recording.empty(); }

namespace detail {

void refuse_empty_function(Where where) {
  throw TraceError("trace: the function is empty, so there is nothing to call" + where.suffix());
}

class Signatures::State {
 public:
  State(const Signatures& of, TraceOptions options, Where where)
      : of_(of), options_(std::move(options)) {
    if (options_.fast_math && options_.verify) {
      throw TraceError("trace: verify compares bits, which fast_math does not keep: choose one" +
                       where.suffix());
    }
    if (options_.max_signatures < 1) {
      throw TraceError("trace: max_signatures is " + std::to_string(options_.max_signatures) +
                       ", and a function that is traced keeps one at least" + where.suffix());
    }
    require_possible("trace", options_.inputs, where);
  }

  Results call(const Leaves& arguments, const std::function<LeafNames()>& names, const Body& body,
               Where where) {
    const auto tensors = arguments.tensors();
    if (const auto known = find(arguments.fixed_values(), tensors, where); known.ready != nullptr)
      return {run(*known.ready, tensors, body, where), known.like};
    if (!options_.inputs.empty()) return call_of_specs(arguments, names, body, where);
    if (options_.relax_shapes) {
      if (const auto relaxed = relax(arguments, names, body, where); relaxed.ready != nullptr)
        return {run(*relaxed.ready, tensors, body, where), relaxed.like};
    }
    return record(arguments, names(), body, where);
  }

  void warm_up(std::span<const TensorSpec> inputs, std::span<const bool> numbers, const Body& body,
               Where where) {
    if (inputs.size() != numbers.size())
      throw TraceError("warm_up: the function takes " + std::to_string(numbers.size()) +
                       " arguments, and is given " + std::to_string(inputs.size()) + " specs" +
                       where.suffix());
    require_possible("warm_up", inputs, where);
    if (!std::all_of(inputs.begin(), inputs.end(),
                     [](const TensorSpec& input) { return input.shape.known(); }))
      throw TraceError("warm_up: the sizes of " + specs_text(with_names(inputs)) +
                       " must be known" + where.suffix());
    std::vector<Tensor> abstract;
    Leaves leaves;
    abstract.reserve(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!numbers[i]) {
        leaves.tensor(abstract.emplace_back(Tensor::abstract(inputs[i].shape, inputs[i].dtype)));
        continue;
      }
      require_scalar("warm_up", inputs[i], where);
      leaves.scalar(Scalar::any(inputs[i].dtype));
    }
    const auto tensors = leaves.tensors();
    if (find(leaves.fixed_values(), tensors, where).ready != nullptr) return;
    if (!options_.inputs.empty()) {
      (void)ready_of_specs(leaves, [] { return LeafNames(); }, body, where);
      return;
    }
    std::vector<DifferentSizes::Pair> none;  // all sizes are known
    auto [function, like] = rehearse(inputs, tensors, body, where, none);
    keep({.fixed = leaves.fixed_values(),
          .function = prepared(std::move(function), {}),
          .names = {},
          .like = like});
    (void)find(leaves.fixed_values(), tensors, where);
  }

  [[nodiscard]] int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

  [[nodiscard]] std::vector<std::shared_ptr<Prepared>> functions() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Prepared>> list;  // in order of recording
    for (const Entry& entry : std::views::reverse(entries_)) list.push_back(entry.function);
    return list;
  }

  [[nodiscard]] std::string explain() const {
    std::string text;  // what is not ready yet is made so: nobody waits for that
    for (const auto& function : functions()) text += function->explain();
    return text;
  }

  [[nodiscard]] std::vector<std::string> texts() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> list;
    for (const Entry& entry : std::views::reverse(entries_))
      list.push_back(entry.function->record()->text());
    return list;
  }

 private:
  struct Entry {
    std::string fixed;  ///< all of the arguments that is no tensor
    std::shared_ptr<Prepared> function;
    LeafNames names;
    std::shared_ptr<const void> like;  ///< the results
  };
  struct Found {
    std::shared_ptr<const Prepared::Ready> ready;
    std::shared_ptr<const void> like;
  };
  struct Rehearsed {
    Function function;
    std::shared_ptr<const void> like;
  };

  static void require_scalar(std::string_view operation, const TensorSpec& spec, Where where) {
    const bool kind = spec.dtype == float32 || spec.dtype == int64 || spec.dtype == bool_;
    if (spec.shape.rank() == 0 && kind) return;
    throw TraceError(std::string(operation) + ": a Scalar is float32[], int64[] or bool[], not " +
                     std::string(name(spec.dtype)) + spec.shape.text() + where.suffix());
  }

  [[nodiscard]] std::shared_ptr<Prepared> prepared(Function function, const LeafNames& names,
                                                   bool relaxed = false) const {
    function.fast_math = options_.fast_math;
    const char* separator = "";
    for (const LeafNames::FixedValue& value : names.fixed_values()) {
      function.fixed += separator + value.name + " = " + value.text;
      separator = ", ";
    }
    return std::make_shared<Prepared>(std::make_shared<const Function>(std::move(function)),
                                      relaxed);
  }

  // ---- Looking up -----------------------------------------------------------------------------

  /// What is ready for these arguments, or can be made so from a recording of unknown sizes.
  Found find(std::string_view fixed, std::span<const Tensor* const> tensors, Where where) {
    std::vector<Entry> open;
    {
      const std::lock_guard lock(mutex_);
      for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        if (entry->fixed != fixed) continue;
        if (auto ready = entry->function->find(tensors)) {
          entries_.splice(entries_.begin(), entries_, entry);
          return {std::move(ready), entries_.front().like};
        }
      }
      for (const Entry& entry : entries_) {
        if (entry.fixed == fixed) open.push_back(entry);
      }
    }
    for (const Entry& entry : open) {  // making ready takes time: others may look up meanwhile
      auto ready = entry.function->prepare(tensors, where);
      if (ready == nullptr) continue;
      used(*entry.function);
      return {std::move(ready), entry.like};
    }
    return {};
  }
  void used(const Prepared& function) {
    const std::lock_guard lock(mutex_);
    const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& other) {
      return other.function.get() == &function;
    });
    if (entry != entries_.end()) entries_.splice(entries_.begin(), entries_, entry);
  }

  /// Unless another thread was first.
  void keep(Entry entry) {
    const std::lock_guard lock(mutex_);
    for (const Entry& other : entries_) {
      if (other.fixed == entry.fixed && other.function->alike(*entry.function)) return;
    }
    entries_.push_front(std::move(entry));
    ++count_;
    while (std::ssize(entries_) > std::max(options_.max_signatures, 1)) entries_.pop_back();
  }

  // ---- Recording ------------------------------------------------------------------------------

  /// The call itself, eagerly, written down on the way.
  Results record(const Leaves& arguments, LeafNames names, const Body& body, Where where) {
    const auto tensors = arguments.tensors();
    const OwnTensors own(tensors);
    const Capture capture;
    rill::Recorder recorder(own.tensors(), names.tensors());
    Results results;
    {
      const Recording guard(of_);
      const Listening on(recorder);
      results = body(own.tensors());
    }
    if (recorder.made_variables()) {  // later calls do not, and are recorded
      const std::lock_guard lock(mutex_);
      if (!made_variables_.insert(arguments.fixed_values() + text_of(tensors)).second)
        throw TraceError(
            "trace: the function makes a variable in every call: make it outside, or in "
            "the first call only" +
            where.suffix());
      return results;
    }
    warn(names, tensors);
    // Made ready by the next call like it: a function that is called once compiles no plan.
    keep({.fixed = arguments.fixed_values(),
          .function = prepared(recorder.finish(results.tensors), names),
          .names = std::move(names),
          .like = results.like});
    return results;
  }

  /// The function of tensors without values, and of numbers where `arguments` have numbers.
  /// `different` gets the sizes that it takes to be different, also when it throws.
  Rehearsed rehearse(std::span<const TensorSpec> inputs, std::span<const Tensor* const> arguments,
                     const Body& body, Where where, std::vector<DifferentSizes::Pair>& different) {
    std::vector<Tensor> own;
    std::vector<std::string> names;
    const std::vector<TensorSpec> specs = with_names(inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      own.push_back(arguments[i]->body().weak ? Tensor::abstract_weak(arguments[i]->dtype())
                                              : Tensor::abstract(inputs[i].shape, inputs[i].dtype));
      names.push_back(specs[i].name);
    }
    rill::Recorder recorder(own, names);
    Results results;
    {
      const Recording guard(of_);
      const Silence silence;  // nothing happens
      const Rehearsal rehearsal;
      const Listening on(recorder);
      const DifferentSizes collected(different);
      try {
        results = body(own);
      } catch (const UnknownSizeError& error) {
        throw ValueError(
            "trace: the size " + size_text(error.size(), specs) +
            " is read as a number while the function is recorded for any size: compute "
            "with sizes (x / x.dim(0), reshape({x.dim(0), -1})), or say in {.inputs} "
            "what it is" +
            where.suffix());
      }
    }
    Function function = recorder.finish(results.tensors);
    function.different_sizes = different;
    return {std::move(function), results.like};
  }

  Results call_of_specs(const Leaves& arguments, const std::function<LeafNames()>& names,
                        const Body& body, Where where) {
    const Found known = ready_of_specs(arguments, names, body, where);
    return {run(*known.ready, arguments.tensors(), body, where), known.like};
  }
  Found ready_of_specs(const Leaves& arguments, const std::function<LeafNames()>& names,
                       const Body& body, Where where) {
    const auto tensors = arguments.tensors();
    if (options_.inputs.size() != tensors.size())
      throw TraceError("trace: {.inputs} has " + std::to_string(options_.inputs.size()) +
                       " specs, and the function is given " + text_of(tensors) + where.suffix());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i]->body().weak) require_scalar("trace", options_.inputs[i], where);
    }
    const auto unlike = [&] {
      return TraceError("trace: the arguments " + text_of(tensors) + " are not like " +
                        specs_text(with_names(options_.inputs)) +
                        ", for which the function is traced" + where.suffix());
    };
    const auto sizes = sizes_of_specs(tensors);
    if (!sizes) throw unlike();
    // Where sizes are equal that the function took to be different, it is captured for them.
    std::vector<TensorSpec> inputs = options_.inputs;
    for (;;) {
      const Attempt attempt = captured(inputs, arguments, names, body, where);
      const auto* mistaken = mistaken_pair(attempt.different, *sizes);
      const SizeValues known = mistaken != nullptr ? sizes_in(*mistaken, *sizes) : SizeValues();
      if (known.empty()) {
        if (attempt.error) std::rethrow_exception(attempt.error);
        auto ready = attempt.function->prepare(tensors, where);
        if (ready == nullptr) throw unlike();
        return {std::move(ready), attempt.like};
      }
      for (TensorSpec& input : inputs) input.shape = with_sizes(input.shape, known);
      if (attempt.function != nullptr) warn(names(), tensors);
    }
  }
  std::optional<SizeValues> sizes_of_specs(std::span<const Tensor* const> tensors) const {
    std::vector<Spec> specs;
    std::vector<const Spec*> pointers;
    for (std::size_t i = 0; i < tensors.size(); ++i)
      specs.push_back({.dtype = options_.inputs[i].dtype,
                       .shape = options_.inputs[i].shape,
                       .weak = tensors[i]->body().weak});
    for (const Spec& spec : specs) pointers.push_back(&spec);
    return sizes_of(pointers, tensors);
  }

  /// What came of capturing the function for inputs like these.
  struct Attempt {
    std::shared_ptr<Prepared> function;  ///< null where it threw
    std::shared_ptr<const void> like;
    std::vector<DifferentSizes::Pair> different;
    std::exception_ptr error;
  };
  Attempt captured(std::span<const TensorSpec> inputs, const Leaves& arguments,
                   const std::function<LeafNames()>& names, const Body& body, Where where) {
    {
      const std::lock_guard lock(mutex_);
      for (const Entry& entry : entries_) {
        const Function& record = *entry.function->record();
        if (entry.fixed == arguments.fixed_values() && as_open(record, inputs))
          return {entry.function, entry.like, record.different_sizes, nullptr};
      }
    }
    std::vector<DifferentSizes::Pair> different;
    try {
      auto [function, like] = rehearse(inputs, arguments.tensors(), body, where, different);
      const LeafNames called = names();
      auto made = prepared(std::move(function), called);
      keep({.fixed = arguments.fixed_values(), .function = made, .names = called, .like = like});
      return {std::move(made), std::move(like), std::move(different), nullptr};
    } catch (...) {
      return {nullptr, nullptr, std::move(different), std::current_exception()};
    }
  }

  /// One recording for these arguments and others that differ in sizes only; nothing where there
  /// are none, or the function needs the sizes.
  Found relax(const Leaves& arguments, const std::function<LeafNames()>& names, const Body& body,
              Where where) {
    const auto tensors = arguments.tensors();
    std::vector<TensorSpec> inputs;
    const LeafNames called = names();
    for (std::size_t i = 0; i < tensors.size(); ++i)
      inputs.push_back(spec(tensors[i]->shape(), tensors[i]->dtype(), called.tensors()[i]));
    const auto narrower = relaxable(arguments.fixed_values(), inputs);
    if (narrower == nullptr) return {};
    try {
      std::vector<DifferentSizes::Pair> different;
      auto [function, like] = rehearse(inputs, tensors, body, where, different);
      const bool wider = serves(function, *narrower);
      keep({.fixed = arguments.fixed_values(),
            .function = prepared(std::move(function), called, true),
            .names = called,
            .like = std::move(like)});
      if (wider) drop(*narrower);
      return find(arguments.fixed_values(), tensors, where);
    } catch (const Error&) {
      const std::lock_guard lock(mutex_);
      needs_sizes_.insert(arguments.fixed_values());  // one recording per shape, then
      return {};
    }
  }
  /// Whether it serves the calls of a recording in which fewer sizes are unknown.
  static bool serves(const Function& function, const Function& narrower) {
    SizeValues sizes;
    for (std::size_t i = 0; i < narrower.inputs.size(); ++i) {
      const Shape& own = input_spec(function, i).shape;
      const Shape& other = input_spec(narrower, i).shape;
      for (int d = 0; d < own.rank(); ++d) {
        if (!own[d].known() && other[d].known()) sizes.emplace(own[d].text(), other[d].value());
      }
    }
    return mistaken_pair(function.different_sizes, sizes) == nullptr;
  }
  void drop(const Function& record) {
    const std::lock_guard lock(mutex_);
    entries_.remove_if(
        [&](const Entry& entry) { return entry.function->record().get() == &record; });
  }
  /// Makes the sizes unknown in which the arguments differ from a recording that they nearly fit,
  /// which it returns.
  std::shared_ptr<const Function> relaxable(std::string_view fixed,
                                            std::vector<TensorSpec>& inputs) const {
    const std::lock_guard lock(mutex_);
    if (needs_sizes_.contains(std::string(fixed))) return nullptr;
    for (const Entry& entry : entries_) {
      const Function& record = *entry.function->record();
      if (entry.fixed != fixed || !alike(record, inputs)) continue;
      open_differences(record, inputs);
      const bool tried = std::any_of(entries_.begin(), entries_.end(), [&](const Entry& other) {
        return other.fixed == fixed && other.function->relaxed() &&
               as_open(*other.function->record(), inputs);
      });
      return tried ? nullptr : entry.function->record();
    }
    return nullptr;
  }

  /// Tells once, on the error stream, what makes the function be recorded again and again.
  void warn(const LeafNames& now, std::span<const Tensor* const> tensors) {
    const std::lock_guard lock(mutex_);
    if (warned_) return;
    std::vector<Recorded> before;
    for (const Entry& entry : entries_) before.push_back({*entry.function->record(), entry.names});
    const auto cause = retracing_cause(before, count_ + 1, now, tensors, options_.relax_shapes);
    if (!cause) return;
    warned_ = true;
    std::fputs(("rill: trace: " + *cause + "\n").c_str(), stderr);
  }

  // ---- Running --------------------------------------------------------------------------------

  std::vector<Tensor> run(const Prepared::Ready& ready, std::span<const Tensor* const> tensors,
                          const Body& body, Where where) const {
    if (!Listeners::none() && ready.record->unknown_gradients) {
      // Only the function itself knows them.
      std::vector<Tensor> given;
      for (const Tensor* tensor : tensors) given.push_back(*tensor);
      return body(given).tensors;
    }
    if (!options_.verify || !Listeners::none()) return rill::run(ready, tensors, where);
    const auto eagerly = [&](std::span<const Tensor> own) {
      const Recording guard(of_);
      return body(own).tensors;
    };
    return verified(*ready.record, ready.plan, tensors, eagerly, where);
  }

  const Signatures& of_;
  const TraceOptions options_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  int count_ = 0;
  bool warned_ = false;
  std::set<std::string> made_variables_;  // arguments for which a call has made variables
  std::set<std::string> needs_sizes_;     // fixed values with which the function cannot be relaxed
};

Signatures::Signatures(TraceOptions options, Where where)
    : state_(std::make_unique<State>(*this, std::move(options), where)) {}
Signatures::~Signatures() = default;

Signatures::Results Signatures::call(const Leaves& arguments,
                                     const std::function<LeafNames()>& names, const Body& body,
                                     Where where) {
  return state_->call(arguments, names, body, where);
}

std::vector<Tensor> Signatures::Results::take(const Leaves& made) {
  for (const Tensor* tensor : made.tensors()) tensors.push_back(*tensor);
  return std::vector<Tensor>(tensors.size(), Tensor::weak(0));
}

void Signatures::warm_up(std::initializer_list<TensorSpec> inputs, std::span<const bool> numbers,
                         const Body& body, Where where) {
  if (is_tracing())
    throw TraceError("warm_up: not inside a function that is being recorded" + where.suffix());
  state_->warm_up({inputs.begin(), inputs.size()}, numbers, body, where);
}

Signatures::Inlined::Inlined(const Signatures& of, Where where) {
  if (std::find(recording.begin(), recording.end(), &of) != recording.end()) {
    throw TraceError(
        "trace: the function calls its own trace while it is recorded: call the plain function, or "
        "make the depth a loop" +
        where.suffix());
  }
  recording.push_back(&of);
}
Signatures::Inlined::~Inlined() { recording.pop_back(); }

int Signatures::count() const { return state_->count(); }
Graph Signatures::graph() const { return Graph(state_->functions()); }
std::string Signatures::explain() const { return state_->explain(); }
std::vector<std::string> Signatures::texts() const { return state_->texts(); }

}  // namespace detail
}  // namespace rill
