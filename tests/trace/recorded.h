// Functions for tests: what a C++ function does, recorded.
#pragma once

#include <rill/rill.h>
#include <rill/trace/recorder.h>

#include <memory>
#include <vector>

namespace rill {

/// What `body(x0, x1, ...)` does with tensors like `inputs`.
template <class Body>
std::shared_ptr<const Function> recorded(const std::vector<Tensor>& inputs, const Body& body) {
  std::vector<Tensor> own;
  for (const Tensor& input : inputs) own.push_back(input.view(input.shape(), input.strides(), 0));
  Recorder recorder(own);
  std::vector<Tensor> results;
  {
    const Listening on(recorder);
    results = body(own);
  }
  return std::make_shared<const Function>(recorder.finish(results));
}

}  // namespace rill
