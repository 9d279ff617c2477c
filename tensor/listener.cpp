#include <rill/tensor/listener.h>

#include <utility>

namespace rill {
namespace {

thread_local Listening* innermost = nullptr;

}  // namespace

Listening*& Listeners::top() { return innermost; }

bool Listeners::none() { return innermost == nullptr; }

bool Listeners::take_whole_calls() {
  for (const Listening* at = innermost; at != nullptr; at = at->outer_) {
    if (!at->listener_->takes_whole_calls()) return false;
  }
  return true;
}

Listening::Listening(Listener& listener)
    : listener_(&listener), outer_(std::exchange(innermost, this)) {}

Listening::~Listening() {
  for (Listening** at = &innermost; *at != nullptr; at = &(*at)->outer_) {
    if (*at == this) {
      *at = outer_;
      return;
    }
  }
}

Silence::Silence() : hidden_(std::exchange(innermost, nullptr)) {}

Silence::~Silence() { innermost = hidden_; }

}  // namespace rill
