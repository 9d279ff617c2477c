/// All that programs use: `#include <rill/rill.h>`. Who writes operators or listeners of their own
/// includes <rill/ops/...>, <rill/kernel/...> or <rill/tensor/listener.h> besides. Invariant: no
/// header of another library comes with it, and it parses in under a second.
#pragma once

// So that `exp(1.0)` stays a double beside `using namespace rill`.
#include <math.h>    // NOLINT(modernize-deprecated-headers)
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers)

#include <rill/autograd/check_gradients.h>
#include <rill/autograd/custom_gradient.h>
#include <rill/autograd/functional.h>
#include <rill/autograd/tape.h>
#include <rill/autograd/variable.h>
#include <rill/ops/attention.h>
#include <rill/ops/check.h>
#include <rill/ops/convolution.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/join.h>
#include <rill/ops/linalg.h>
#include <rill/ops/normalization.h>
#include <rill/ops/operators.h>
#include <rill/ops/pooling.h>
#include <rill/ops/random.h>
#include <rill/ops/recurrent.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/ops/softmax.h>
#include <rill/ops/sort.h>
#include <rill/optim/adagrad.h>
#include <rill/optim/adam.h>
#include <rill/optim/ftrl.h>
#include <rill/optim/optimizer.h>
#include <rill/optim/rmsprop.h>
#include <rill/optim/sgd.h>
#include <rill/tensor/allocator.h>
#include <rill/tensor/device.h>
#include <rill/tensor/dim.h>
#include <rill/tensor/dlpack.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/error.h>
#include <rill/tensor/half.h>
#include <rill/tensor/idx.h>
#include <rill/tensor/index.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/name_scope.h>
#include <rill/tensor/npy.h>
#include <rill/tensor/npz.h>
#include <rill/tensor/print.h>
#include <rill/tensor/profiler.h>
#include <rill/tensor/safetensors.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/threads.h>
#include <rill/trace/graph.h>
#include <rill/trace/trace.h>
#include <rill/version.h>
