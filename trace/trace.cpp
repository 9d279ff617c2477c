#include <rill/trace/trace.h>

#include <list>
#include <mutex>

#include <rill/tensor/error.h>
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
  std::list<std::shared_ptr<const Function>> functions;  // most recently used first
  int count = 0;

  std::shared_ptr<const Function> find(std::span<const Tensor> arguments) {
    const std::lock_guard lock(mutex);
    for (auto at = functions.begin(); at != functions.end(); ++at) {
      if (!(*at)->accepts(arguments)) continue;
      functions.splice(functions.begin(), functions, at);
      return functions.front();
    }
    return nullptr;
  }

  void keep(Function function, std::span<const Tensor> arguments) {
    const std::lock_guard lock(mutex);
    for (const auto& other : functions) {
      if (other->accepts(arguments)) return;  // another thread was first
    }
    functions.push_front(std::make_shared<const Function>(std::move(function)));
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
  if (const auto function = state_->find(arguments)) return function->run(arguments);
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
  return Graph({state_->functions.rbegin(), state_->functions.rend()});  // in order of recording
}

}  // namespace detail
}  // namespace rill
