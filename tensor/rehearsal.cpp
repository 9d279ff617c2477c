#include <rill/tensor/rehearsal.h>

#include <utility>

namespace rill {
namespace {

thread_local Rehearsal* innermost = nullptr;

}  // namespace

Rehearsal::Rehearsal() : outer_(std::exchange(innermost, this)) {}
Rehearsal::~Rehearsal() { innermost = outer_; }
Rehearsal* Rehearsal::current() { return innermost; }

}  // namespace rill
