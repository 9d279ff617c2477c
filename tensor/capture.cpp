#include <rill/tensor/capture.h>

#include <utility>

namespace rill {
namespace {

thread_local Capture* innermost = nullptr;

}  // namespace

Capture::Capture() : outer_(std::exchange(innermost, this)) {}
Capture::~Capture() {
  innermost = outer_;
  for (auto& [id, tensor] : handed_out_) {
    if (tensor.id() != id) tensor.body().id = id;
  }
}
Capture* Capture::current() { return innermost; }

Tensor Capture::handed_out(const Tensor& value) {
  Tensor& mine = handed_out_[value.id()];
  if (!mine.defined()) mine = value.view(value.shape(), value.strides(), 0);
  return mine;
}

}  // namespace rill
