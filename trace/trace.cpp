#include <rill/trace/trace.h>

#include <list>
#include <mutex>

#include <rill/tensor/error.h>
#include <rill/trace/compile.h>
#include <rill/trace/execute.h>
#include <rill/trace/explain.h>
#include <rill/trace/passes/common_subexpressions.h>
#include <rill/trace/recorder.h>

namespace rill {
namespace {

constexpr std::size_t max_signatures = 64;  // beyond, the least recently used goes

thread_local int recording = 0;

class Recording {
 public:
  Recording() { ++recording; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() { --recording; }
};

/// The same values under ids of their own, so that an argument given twice is two.
std::vector<Tensor> renamed(std::span<const Tensor> arguments) {
  std::vector<Tensor> own;
  for (const Tensor& argument : arguments)
    own.push_back(argument.view(argument.shape(), argument.strides(), 0));
  return own;
}

}  // namespace

bool is_tracing() { return recording > 0; }

namespace detail {

struct Signatures::State {
  std::mutex mutex;
  struct Entry {
    std::shared_ptr<const Function> function;
    std::shared_ptr<const TracePlan> plan;
  };
  std::list<Entry> functions;  // most recently used first
  int count = 0;

  Entry find(std::span<const Tensor> arguments) {
    const std::lock_guard lock(mutex);
    for (auto at = functions.begin(); at != functions.end(); ++at) {
      if (!at->function->accepts(arguments)) continue;
      functions.splice(functions.begin(), functions, at);
      return functions.front();
    }
    return {};
  }

  void keep(Function function, std::span<const Tensor> arguments) {
    const std::lock_guard lock(mutex);
    for (const auto& other : functions) {
      if (other.function->accepts(arguments)) return;  // another thread was first
    }
    auto kept = std::make_shared<const Function>(std::move(function));
    auto plan = std::make_shared<const TracePlan>(
        compile(std::make_shared<const Function>(merge_common_subexpressions(*kept))));
    functions.push_front({std::move(kept), std::move(plan)});
    ++count;
    if (functions.size() > max_signatures) functions.pop_back();
  }
};

Signatures::Signatures() : state_(std::make_unique<State>()) {}
Signatures::~Signatures() = default;

std::vector<Tensor> Signatures::call(std::span<const Tensor> arguments, const Body& body) {
  for (const Tensor& argument : arguments) {
    if (!argument.defined()) fail_undefined("trace");
  }
  if (is_tracing()) return body(arguments);  // part of the function around it
  if (const auto known = state_->find(arguments); known.function != nullptr)
    return Listeners::none() ? execute(*known.plan, arguments) : known.function->run(arguments);
  const std::vector<Tensor> own = renamed(arguments);
  Recorder recorder(own);
  std::vector<Tensor> results;
  {
    const Recording guard;
    const Listening on(recorder);
    results = body(own);
  }
  for (const Tensor& result : results) {
    if (!result.defined()) throw TraceError("trace: the function returned an undefined tensor");
  }
  state_->keep(recorder.finish(results), arguments);
  return results;
}

int Signatures::count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->count;
}

Graph Signatures::graph() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::shared_ptr<const Function>> functions;  // in order of recording
  for (auto at = state_->functions.rbegin(); at != state_->functions.rend(); ++at)
    functions.push_back(at->function);
  return Graph(std::move(functions));
}

std::string Signatures::explain() const {
  const std::lock_guard lock(state_->mutex);
  std::string text;
  for (auto at = state_->functions.rbegin(); at != state_->functions.rend(); ++at)
    text += at->function->text() + "\n" + rill::explain(*at->plan);
  return text;
}

}  // namespace detail
}  // namespace rill
