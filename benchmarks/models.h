// One step of training of each model that rows measure, on data of its own: forward, loss,
// gradients, update.
//
// Invariant: a step is the same computation every time. It returns the loss and what gradients it
// computes besides those of the variables: a trace leaves out what nobody asks for.
#pragma once

#include <functional>
#include <vector>

#include <rill/tensor/tensor.h>

namespace rill::bench {

using TrainingStep = std::function<std::vector<Tensor>()>;

TrainingStep mlp_step();       ///< 784-128-10, batch of 64
TrainingStep mlp_tape_step();  ///< the same: a traced forward, under a tape that no trace holds
TrainingStep lenet_step();     ///< LeNet, batch of 64
TrainingStep lstm_step();      ///< 28 steps of a batch of 64, 64 -> 128
TrainingStep gpt_step();       ///< 4 layers, 4 heads, 128 wide, 64 tokens, batch of 12
TrainingStep resblock_step();  ///< a block of ResNet-18 on 8 images; its input's gradient, too
TrainingStep demo_step();      ///< the network of samples/fashion.cpp, batch of 64

}  // namespace rill::bench
