#include <rill/autograd/whole_call.h>

namespace rill {

WholeCallBracket::WholeCallBracket(const WholeCall& call)
    : event_{ScopeEvent::Kind::whole_call, "call", &call} {
  Listeners::tell(&Listener::enter, event_);
}

WholeCallBracket::~WholeCallBracket() { Listeners::tell(&Listener::leave, event_); }

}  // namespace rill
