#include <rill/tensor/name_scope.h>

#include <rill/tensor/listener.h>
#include <rill/tensor/timeline.h>

namespace rill {

NameScope::NameScope(std::string_view name) : name_(name) {
  const detail::Stopwatch watch;
  recording_ = watch.recording();
  begin_ = watch.begin();
  Listeners::tell(&Listener::enter, ScopeEvent{ScopeEvent::Kind::name, name_, this});
}

NameScope::~NameScope() {
  Listeners::tell(&Listener::leave, ScopeEvent{ScopeEvent::Kind::name, name_, this});
  const detail::Stopwatch watch(recording_, begin_);
  if (watch.runs()) watch.end("scope", name_);
}

}  // namespace rill
