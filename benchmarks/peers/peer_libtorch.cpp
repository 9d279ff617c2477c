// rill-bench's rows in LibTorch, from C++ and eager: what an operation costs without Python.
//
//     peer_libtorch THREADS
//
// Like timing.py it reads the name of a row, and answers with what batches of it took.

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

using torch::Tensor;
namespace F = torch::nn::functional;

struct Work {
  std::function<void()> run;
  double times = 1;
};

// ---- Single operators, and the tape -----------------------------------------------------------

Work add_small() {
  return {[a = torch::randn(4), b = torch::randn(4)] {
            const torch::NoGradGuard guard;
            for (int i = 0; i < 1000; ++i) const Tensor c = a + b;
          },
          1000};
}

Work add_small_tape() {
  return {[a = torch::randn(4).requires_grad_(), b = torch::randn(4)] {
            for (int i = 0; i < 1000; ++i) const Tensor c = a + b;
          },
          1000};
}

Work backward_per_op() {
  const Tensor w = torch::ones(4).requires_grad_();
  Tensor x = w;
  for (int i = 0; i < 1000; ++i) x = x * w;
  return {[=, dx = torch::ones(4)] { torch::autograd::grad({x}, {w}, {dx}, true); }, 1000};
}

Work matmul(int n) {
  return {[a = torch::randn({n, n}), b = torch::randn({n, n})] {
            const torch::NoGradGuard guard;
            for (int i = 0; i < 100; ++i) const Tensor c = torch::matmul(a, b);
          },
          100};
}

Work lstm_cell_10() {
  torch::nn::LSTMCell cell(10, 10);
  const Tensor x = torch::randn({10, 10});
  const Tensor zeros = torch::zeros({10, 10});
  return {[=]() mutable {
    const torch::NoGradGuard guard;
    for (int i = 0; i < 10; ++i) cell->forward(x, std::make_tuple(zeros, zeros));
  }};
}

Work adam_100() {
  std::vector<Tensor> variables;
  for (int i = 0; i < 100; ++i) {
    variables.push_back(torch::randn(1024).requires_grad_());
    variables.back().mutable_grad() = torch::randn(1024);
  }
  const auto optimizer = std::make_shared<torch::optim::Adam>(variables);
  return {[=] { optimizer->step(); }};
}

// ---- Steps of training ------------------------------------------------------------------------

Work step(const std::vector<Tensor>& variables, std::function<Tensor()> loss) {
  const auto optimizer = std::make_shared<torch::optim::SGD>(variables, 0.01);
  return {[=] {
    optimizer->zero_grad();
    loss().backward();
    optimizer->step();
  }};
}

Work classification(torch::nn::Sequential model, const Tensor& x) {
  const Tensor y = torch::randint(10, {64});
  return step(model->parameters(),
              [=]() mutable { return F::cross_entropy(model->forward(x), y); });
}

Work mlp_step() {
  using namespace torch::nn;
  return classification(Sequential(Linear(784, 128), ReLU(), Linear(128, 10)),
                        torch::randn({64, 784}));
}

Work lenet_step() {
  using namespace torch::nn;
  return classification(
      Sequential(Conv2d(Conv2dOptions(1, 6, 5).padding(2)), ReLU(), MaxPool2d(2), Conv2d(6, 16, 5),
                 ReLU(), MaxPool2d(2), Flatten(), Linear(400, 120), ReLU(), Linear(120, 84), ReLU(),
                 Linear(84, 10)),
      torch::randn({64, 1, 28, 28}));
}

Work lstm_step() {
  torch::nn::LSTM model(64, 128);
  const Tensor x = torch::randn({28, 64, 64});
  return step(model->parameters(), [=]() mutable { return std::get<0>(model->forward(x)).mean(); });
}

Work resblock_step() {
  using namespace torch::nn;
  const auto convolution = [] { return Conv2d(Conv2dOptions(64, 64, 3).padding(1).bias(false)); };
  Sequential branch(convolution(), BatchNorm2d(64), ReLU(), convolution(), BatchNorm2d(64));
  const Tensor x = torch::randn({8, 64, 56, 56}).requires_grad_();
  return step(branch->parameters(),
              [=]() mutable { return torch::relu(x + branch->forward(x)).mean(); });
}

const std::map<std::string, std::function<Work()>>& rows() {
  static const std::map<std::string, std::function<Work()>> all = [] {
    std::map<std::string, std::function<Work()>> made{{"add_small", add_small},
                                                      {"add_small_tape", add_small_tape},
                                                      {"backward_per_op", backward_per_op},
                                                      {"lstm_cell_10", lstm_cell_10},
                                                      {"adam_100", adam_100},
                                                      {"mlp_step", mlp_step},
                                                      {"lenet_step", lenet_step},
                                                      {"lstm_step", lstm_step},
                                                      {"resblock_step", resblock_step}};
    for (const int n : {8, 16, 32, 64}) {
      made["matmul_" + std::to_string(n)] = [n] { return matmul(n); };
    }
    return made;
  }();
  return all;
}

// ---- Timing -----------------------------------------------------------------------------------

double seconds_of(const Work& work, int count) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) work.run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int runs_in_a_batch(const Work& work) {
  constexpr double batch = 0.05;
  seconds_of(work, 2);
  int count = 1;
  double seconds = seconds_of(work, count);
  for (; seconds < batch / 4; seconds = seconds_of(work, count)) count *= 2;
  return std::max(1, static_cast<int>(1.1 * count * batch / seconds));
}

}  // namespace

int main(int, char** argv) {
  torch::set_num_threads(std::stoi(argv[1]));
  std::string current;
  Work work;
  int count = 0;
  for (std::string name; std::getline(std::cin, name);) {
    const auto row = rows().find(name);
    if (row == rows().end()) {
      std::puts("null");
    } else {
      if (name != current) {
        work = {};
        work = row->second();
        count = runs_in_a_batch(work);
        current = name;
      }
      work.run();
      const char* separator = "[";
      for (int batch = 0; batch < 3; ++batch) {
        std::printf("%s%.9g", separator, seconds_of(work, count) / count / work.times);
        separator = ", ";
      }
      std::puts("]");
    }
    std::fflush(stdout);
  }
}
