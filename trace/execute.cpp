#include <rill/trace/execute.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include <rill/autograd/variable_state.h>
#include <rill/cpu/thread_pool.h>
#include <rill/ops/call.h>
#include <rill/ops/check.h>
#include <rill/ops/materialize.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/print.h>
#include <rill/tensor/timeline.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/user_call.h>
#include <rill/trace/step_summary.h>

namespace rill {
namespace {

/// What one step hands over.
struct Handed {
  std::vector<std::byte*> buffers;
  std::vector<kernel::Operands> operands;
  std::vector<const std::byte*> inputs;
  std::vector<std::byte*> outputs;
};

/// What a run works with: kept by its thread for the next one, so that a run allocates nothing but
/// its results.
struct Workspace {
  std::vector<Tensor> dense;             // arguments, where some are not contiguous
  std::vector<const Tensor*> arguments;  // likewise
  std::vector<Tensor> owned;
  std::vector<Tensor> variables;          // by number: the values of those that are only read
  std::vector<std::byte*> pointers;       // by place
  std::vector<std::uint64_t> parameters;  // of kernels that take numbers among the arguments
  Handed handed;
  std::vector<Handed> beside;  // by thread, for steps that run side by side
};

/// The variables of a plan while it runs, all as they are at one moment: those that it assigns are
/// held exclusively; of the others it keeps the values, so that nobody waits for a reader.
class Held {
 public:
  Held(const TracePlan& of, std::vector<Tensor>& values) : of_(of) {
    values.reserve(of.variables.size());  // nothing may fail from here on
    for (const VariableUse& use : of.variables) {
      detail::VariableLock& lock = use.variable.state().lock;
      use.assigned ? lock.lock() : lock.lock_shared();
    }
    for (const VariableUse& use : of.variables) {
      detail::VariableState& state = use.variable.state();
      values.push_back(use.assigned ? Tensor() : state.value);
      if (!use.assigned) state.lock.unlock_shared();
    }
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    for (const VariableUse& use : of_.variables) {
      if (use.assigned) use.variable.state().lock.unlock();
    }
  }

 private:
  const TracePlan& of_;
};

Tensor copied(const Tensor& value) {
  Tensor copy = Tensor::empty(value.shape(), value.dtype());
  const auto bytes = static_cast<std::size_t>(value.size()) * size_of(value.dtype());
  if (bytes > 0) std::memcpy(copy.body().data, value.body().data, bytes);
  return copy;
}

class Run {
 public:
  Run(const TracePlan& of, std::span<const Tensor* const> arguments, Where where) try
      : of_(of),
        where_(where),
        space_(take_space()),
        held_(of, space_->variables),
        given_(arguments),
        arguments_(arguments) {
    for (const VariableUse& use : of.variables) {
      // Written over where it is: nobody else may see that.
      Tensor& value = use.variable.state().value;
      if (use.in_place && !value.sole_owner()) value = copied(value);
    }
    if (!std::all_of(arguments.begin(), arguments.end(),
                     [](const Tensor* argument) { return argument->contiguous(); }))
      lay_out_arguments();
    take_numbers();
    space_->owned.resize(of.owned.size());
    if (of.arena > 0) arena_ = Storage::allocate(of.arena, Device::cpu());
    for (const Place& place : of.places) space_->pointers.push_back(start_of(place));
  } catch (const detail::Unnamed& error) {
    error.rethrow("trace", where);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    Workspace& space = *space_;
    space.dense.clear();
    space.arguments.clear();
    space.owned.clear();
    space.variables.clear();
    space.pointers.clear();
    spare().push_back(std::move(space_));
  }

  std::vector<Tensor> run() {
    if (detail::Timeline::recording() == 0) [[likely]] {
      execute_all_steps();
    } else {
      execute_measured();
    }
    std::vector<Tensor> results;
    results.reserve(of_.results.size());
    for (const PlanResult& result : of_.results) results.push_back(value_of(result, results));
    return results;
  }

 private:
  /// The user's line: that of the call for what comes from a file.
  [[nodiscard]] Where where(const Node& of) const { return of.where.known() ? of.where : where_; }

  /// An error from below is the node's, as it is eagerly.
  [[noreturn]] void rethrow(const detail::Unnamed& error, const Node& of) const {
    std::string name(of.op != nullptr ? of.called() : of.name);
    if (!of.where.known() && name != of.name) name += " (the node '" + of.name + "')";
    error.rethrow(name, where(of));
  }
  template <class F>
  void in_node(int n, F&& f) const {
    try {
      f();
    } catch (const detail::Unnamed& error) {
      rethrow(error, node(n));
    }
  }

  void execute_step(const Step& step, Handed& handed) {
    std::visit([&](const auto& one) { execute(one, handed); }, step);
  }

  void execute_all_steps() {
    std::size_t s = 0;
    for (const Stage& stage : of_.stages) {
      for (; s < stage.first; ++s) execute_step(of_.steps[s], space_->handed);
      execute(stage);
      s += stage.steps;
    }
    for (; s < of_.steps.size(); ++s) execute_step(of_.steps[s], space_->handed);
  }

  /// Side by side, where nothing is made that the steps share.
  void execute(const Stage& stage) {
    for (const std::size_t at : stage.made) (void)pointer(at);
    const int slots = cpu::threads();
    if (std::ssize(space_->beside) < slots) space_->beside.resize(static_cast<std::size_t>(slots));
    cpu::parallel_for_slots(
        static_cast<std::int64_t>(stage.steps), static_cast<std::int64_t>(stage.grain), slots,
        [&](int slot, std::int64_t begin, std::int64_t end) {
          for (auto s = static_cast<std::size_t>(begin); s < static_cast<std::size_t>(end); ++s)
            execute_step(of_.steps[stage.first + s],
                         space_->beside[static_cast<std::size_t>(slot)]);
        });
  }

  /// One step after the other, so that the time of each is its own.
  void execute_measured() {
    std::vector<detail::Stopwatch> watches;
    watches.reserve(of_.steps.size());
    for (const Step& step : of_.steps) {
      detail::Stopwatch& watch = watches.emplace_back();
      execute_step(step, space_->handed);
      watch.stop();
    }
    // Only now, so that telling of a step does not slow the next one down.
    const std::vector<StepSummary> about = summaries(of_);
    for (std::size_t i = 0; i < watches.size(); ++i) {
      if (watches[i].runs()) note_step(watches[i], of_, about[i]);
    }
  }

  /// Kernels walk over contiguous memory.
  void lay_out_arguments() {
    space_->dense.reserve(arguments_.size());
    for (const Tensor* argument : arguments_)
      space_->dense.push_back(argument->body().weak ? *argument
                                                    : materialized(*argument, argument->dtype()));
    for (const Tensor& argument : space_->dense) space_->arguments.push_back(&argument);
    arguments_ = space_->arguments;
  }

  static std::vector<std::unique_ptr<Workspace>>& spare() {
    thread_local std::vector<std::unique_ptr<Workspace>> spaces;
    return spaces;
  }
  static std::unique_ptr<Workspace> take_space() {
    auto& spaces = spare();
    if (spaces.empty()) return std::make_unique<Workspace>();
    auto space = std::move(spaces.back());
    spaces.pop_back();
    return space;
  }

  /// Where a place begins when the run does; null for what it makes itself.
  [[nodiscard]] std::byte* start_of(const Place& place) const {
    switch (place.kind) {
      case Place::Kind::argument:
        return arguments_[place.number]->body().data;
      case Place::Kind::constant:
        return of_.constants[place.number].body().data;
      case Place::Kind::arena:
        return of_.arena > 0 ? arena_.data() + place.offset : nullptr;
      case Place::Kind::variable:
        return variable(place.number).body().data;
      case Place::Kind::owned:
      case Place::Kind::part:
        break;
    }
    return nullptr;
  }

  /// What a variable holds that stays where it is during the run.
  [[nodiscard]] const Tensor& variable(std::size_t number) const {
    const VariableUse& use = of_.variables[number];
    return use.assigned ? use.variable.state().value : space_->variables[number];
  }
  [[nodiscard]] const Node& node(int n) const { return of_.node(n); }
  [[nodiscard]] const Spec& spec(const Edge& edge) const { return of_.spec(edge); }
  [[nodiscard]] std::size_t place(const Edge& edge) const {
    return static_cast<std::size_t>(
        of_.place_of[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)]);
  }

  /// The tensor itself, or under another shape with as many elements.
  static Tensor renamed(const Tensor& tensor, const Shape& shape) {
    if (tensor.body().weak || tensor.shape() == shape) return tensor;
    std::array<std::int64_t, max_rank> strides{};
    std::int64_t stride = 1;
    for (int d = shape.rank(); d-- > 0;) {
      strides[static_cast<std::size_t>(d)] = stride;
      stride *= shape[d].value();
    }
    return tensor.view(shape, std::span(strides).first(static_cast<std::size_t>(shape.rank())), 0);
  }

  Tensor value_of(const PlanResult& result, const std::vector<Tensor>& earlier) {
    if (result.kind == PlanResult::Kind::argument) return *given_[result.number];
    if (result.kind == PlanResult::Kind::again) return earlier[result.number];
    const Tensor& held = tensor(result.number);
    Tensor value = renamed(held, spec(of_.function->outputs[earlier.size()].edge).shape);
    if (result.kind == PlanResult::Kind::place || value.id() != held.id()) return value;
    return value.view(value.shape(), value.strides(), 0);
  }

  const Tensor& tensor(std::size_t at) {
    const Place& place = of_.places[at];
    switch (place.kind) {
      case Place::Kind::argument:
        return *arguments_[place.number];
      case Place::Kind::constant:
        return of_.constants[place.number];
      case Place::Kind::owned:
        (void)pointer(at);
        return space_->owned[place.number];
      case Place::Kind::variable:
        return variable(place.number);
      case Place::Kind::arena:
      case Place::Kind::part:
        break;
    }
    throw InternalError("trace: a value of the arena left it");
  }

  std::byte* pointer(std::size_t at) {
    std::byte*& known = space_->pointers[at];
    const Place& place = of_.places[at];
    if (known == nullptr && place.kind == Place::Kind::part)
      known = pointer(place.number) + place.offset;
    if (known == nullptr && place.kind == Place::Kind::owned &&
        !space_->owned[place.number].defined()) {
      make(at);
      known = space_->owned[place.number].body().data;
    }
    return known;
  }
  void make(std::size_t at) try {
    const std::size_t number = of_.places[at].number;
    const Spec& spec = of_.owned[number];
    space_->owned[number] = Tensor::empty(spec.shape, spec.dtype);
  } catch (const detail::Unnamed& error) {
    for (std::size_t n = 0; n < of_.place_of.size(); ++n) {
      const auto& places = of_.place_of[n];
      if (std::find(places.begin(), places.end(), static_cast<std::ptrdiff_t>(at)) != places.end())
        rethrow(error, node(static_cast<int>(n)));
    }
    error.rethrow("trace", where_);
  }

  void set(const Edge& edge, const Tensor& value) {
    const std::size_t at = place(edge);
    Tensor& owned = space_->owned[of_.places[at].number];
    owned = value.body().weak ? value : materialized(value, value.dtype());
    space_->pointers[at] = owned.body().data;
  }

  void take_numbers() {
    if (of_.given.numbers.empty()) return;
    space_->parameters = of_.given.values;
    for (const auto& [at, argument, dtype] : of_.given.numbers)
      space_->parameters[at] = arguments_[argument]->body().scalar.bits(dtype);
  }
  [[nodiscard]] const std::uint64_t* parameters(const Launch& launch) const {
    return launch.given < 0 ? launch.parameters.data() : space_->parameters.data() + launch.given;
  }

  void add_buffers(const Launch& launch, Handed& handed) {
    for (const auto& buffer : launch.buffers)
      handed.buffers.push_back(pointer(buffer.place) + buffer.offset);
  }

  void execute(const KernelStep& step, Handed& handed) {
    handed.buffers.clear();
    if (step.launches.size() > 1) return execute_all(step, handed);
    const Launch& launch = step.launches[0];
    for (const auto& start : launch.starts) {
      if (start.from < 0) {
        std::memset(pointer(start.place), 0, start.bytes);
      } else {
        std::memcpy(pointer(start.place), pointer(static_cast<std::size_t>(start.from)),
                    start.bytes);
      }
    }
    add_buffers(launch, handed);
    kernel::Failure failure;
    in_node(of_.groups[launch.group].nodes.back(), [&] {
      failure = step.executable->execute(launch.measure, handed.buffers.data(), launch.sizes.data(),
                                         parameters(launch));
    });
    if (failure.error != 0) fail(launch, failure);
  }

  void execute_all(const KernelStep& step, Handed& handed) {
    for (const Launch& launch : step.launches) add_buffers(launch, handed);
    handed.operands.clear();
    std::byte* const* first = handed.buffers.data();
    for (const Launch& launch : step.launches) {
      handed.operands.push_back({first, launch.sizes.data(), parameters(launch)});
      first += launch.buffers.size();
    }
    in_node(of_.groups[step.launches[0].group].nodes.back(),
            [&] { step.executable->execute(handed.operands); });
  }

  /// Which check failed, and what it says, is what the nodes say one by one.
  [[noreturn]] void fail(const Launch& launch, const kernel::Failure& failure) {
    if (failure.error != kernel::Failure::bounds) {
      const Silence silence;
      std::map<std::pair<int, int>, Tensor> values;
      const auto value = [&](const Edge& edge) {
        const auto found = values.find({edge.node, edge.result});
        if (found != values.end()) return found->second;
        if (spec(edge).weak) return tensor(place(edge));
        const Spec& of = spec(edge);
        const Tensor copy = Tensor::empty(of.shape, of.dtype);
        if (copy.size() > 0) std::memcpy(copy.body().data, pointer(place(edge)), bytes_of(of));
        return copy;
      };
      for (const int n : of_.groups[launch.group].nodes) {
        std::vector<Tensor> operands;
        for (const Edge& edge : node(n).inputs) operands.push_back(value(edge));
        std::vector<Tensor> results(node(n).results.size());
        const detail::UserCall scope(node(n).called(), where(node(n)));
        call(*node(n).op, operands, node(n).attributes, where(node(n)), results);
        for (std::size_t k = 0; k < results.size(); ++k)
          values[{n, static_cast<int>(k)}] = results[k];
      }
    }
    throw InternalError("trace: a kernel failed that its operators do not");
  }

  void execute(const LibraryStep& step, Handed& handed) {
    handed.inputs.clear();
    handed.outputs.clear();
    for (const std::size_t at : step.inputs) handed.inputs.push_back(pointer(at));
    for (const std::size_t at : step.outputs) handed.outputs.push_back(pointer(at));
    std::byte* const workspace = pointer(step.workspace);
    const kernel::KernelFunction epilogue =
        step.epilogue ? step.epilogue->executable->direct() : nullptr;
    if (epilogue == nullptr) {  // as with an interpreter
      in_node(step.node, [&] { step.plan->execute(handed.inputs, handed.outputs, workspace); });
      if (step.epilogue) execute(*step.epilogue, handed);
      return;
    }
    handed.buffers.clear();
    const Launch& launch = step.epilogue->launches[0];
    add_buffers(launch, handed);
    const kernel::Operands operands{handed.buffers.data(), launch.sizes.data(), parameters(launch)};
    in_node(step.node, [&] {
      step.plan->execute(handed.inputs, handed.outputs, workspace, {epilogue, operands});
    });
  }

  void execute(const ReadStep& step, Handed& /*handed*/) {
    Tensor& owned = space_->owned[of_.places[step.place].number];
    owned = of_.variables[step.variable].variable.state().value;
    space_->pointers[step.place] = owned.body().data;
  }

  /// The value gets an id that only the variable has, as by `Variable::assign`.
  void execute(const AssignStep& step, Handed& /*handed*/) {
    const VariableUse& use = of_.variables[step.variable];
    Tensor& value = use.variable.state().value;
    if (use.in_place) {
      value.body().id = detail::next_value_id();
      return;
    }
    const Tensor given = renamed(tensor(step.place), use.variable.shape());
    value = given.view(given.shape(), given.strides(), 0);
  }

  void execute(const NodeStep& step, Handed& /*handed*/) {
    const Node& of = node(step.node);
    const auto input = [&](std::size_t k) {
      return renamed(tensor(place(of.inputs[k])), spec(of.inputs[k]).shape);
    };
    switch (of.kind) {
      case Node::Kind::draw:
        return set({step.node, 0}, of.generator->draw(where(of)));
      case Node::Kind::check:
        return check({input(0), where(of)}, of.message);
      default:
        break;
    }
    std::vector<Tensor> operands;
    for (std::size_t k = 0; k < of.inputs.size(); ++k) operands.push_back(input(k));
    if (of.kind == Node::Kind::print) return detail::print_line(of.words, operands, where(of));
    std::vector<Tensor> results(of.results.size());
    const detail::UserCall scope(of.called(), where(of));
    call(*of.op, operands, of.attributes, where(of), results);
    for (std::size_t k = 0; k < results.size(); ++k)
      set({step.node, static_cast<int>(k)}, results[k]);
  }

  const TracePlan& of_;
  const Where where_;
  std::unique_ptr<Workspace> space_;
  const Held held_;
  const std::span<const Tensor* const> given_;
  std::span<const Tensor* const> arguments_;  // the same, contiguous
  Storage arena_;
};

/// Whether each number among the arguments is one that the dtypes hold that it meets.
bool numbers_fit(const TracePlan& plan, std::span<const Tensor* const> arguments) {
  const auto fits = [&](const GivenParameters::Number& number) {
    try {
      (void)arguments[number.argument]->body().scalar.bits(number.dtype);
      return true;
    } catch (const ValueError&) {
      return false;
    }
  };
  return std::all_of(plan.given.numbers.begin(), plan.given.numbers.end(), fits);
}

/// As it is done eagerly: the call fails where that fails, and leaves the same state behind.
std::vector<Tensor> one_by_one(const TracePlan& plan, std::span<const Tensor* const> arguments,
                               Where where) {
  std::vector<Tensor> values;
  for (const Tensor* argument : arguments) values.push_back(*argument);
  return plan.function->run(values, where);
}

}  // namespace

std::vector<Tensor> execute(const TracePlan& plan, std::span<const Tensor* const> arguments,
                            Where where) {
  if (!numbers_fit(plan, arguments)) return one_by_one(plan, arguments, where);
  return Run(plan, arguments, where).run();
}

}  // namespace rill
