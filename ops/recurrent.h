/// Long short-term memory (Hochreiter and Schmidhuber 1997; gates as in PyTorch).
/// Invariant: gates stand in the order input, forget, cell, output along the last axis of weights
/// and biases; weight gradients are one product over all steps.
#pragma once

#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct LstmOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  bool time_major = true;      ///< x is (time, batch, features); false: (batch, time, features)
  Tensor recurrent_bias = {};  ///< a second bias, (4 h), as PyTorch and cuDNN keep it
  Tensor h = {};  ///< the state before the first step, (batch, h); zeros when undefined
  Tensor c = {};
};

/// All hidden states, laid out as the input, and the state after the last step.
struct Lstm {
  Tensor outputs;  ///< (time, batch, h) or (batch, time, h)
  Tensor h;        ///< (batch, h)
  Tensor c;        ///< (batch, h)
};

/// Runs a sequence through one layer: i, f, o = sigmoid(z), g = tanh(z), c' = f c + i g, h' = o
/// tanh(c') with z = x input_weights + h recurrent_weights + bias. `input_weights` is (features, 4
/// h), `recurrent_weights` (h, 4 h), `bias` (4 h). Operands of several dtypes are promoted to one,
/// a float. Throws `ShapeError` when sizes do not fit.
///
///     auto [outputs, h, c] = lstm(x, w, u, b);
RILL_API Lstm lstm(const Operand& x, const Operand& input_weights, const Operand& recurrent_weights,
                   const Operand& bias, const LstmOptions& options = {});

/// The state after one step.
struct LstmState {
  Tensor h, c;
};
/// One step: x (batch, features), h and c (batch, h).
RILL_API LstmState lstm_cell(const Operand& x, const Operand& h, const Operand& c,
                             const Operand& input_weights, const Operand& recurrent_weights,
                             const Operand& bias);

}  // namespace rill
