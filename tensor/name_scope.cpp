#include <rill/tensor/name_scope.h>

#include <rill/tensor/listener.h>

namespace rill {

NameScope::NameScope(std::string_view name) : name_(name) {
  Listeners::tell(&Listener::enter, ScopeEvent{ScopeEvent::Kind::name, name_, this});
}

NameScope::~NameScope() {
  Listeners::tell(&Listener::leave, ScopeEvent{ScopeEvent::Kind::name, name_, this});
  if (watch_.runs()) watch_.end("scope", name_);
}

}  // namespace rill
