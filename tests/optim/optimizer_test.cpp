// Optimizers against golden values (tests/python/make_optimizer_golden.py), and what they promise
// beside the formula.

#include "tests/catch.h"

#include <rill/autograd/tape.h>
#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/operators.h>
#include <rill/ops/reduce.h>
#include <rill/optim/adagrad.h>
#include <rill/optim/adam.h>
#include <rill/optim/ftrl.h>
#include <rill/optim/rmsprop.h>
#include <rill/optim/sgd.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace rill;

namespace {

using Doubles = std::vector<double>;
using Floats = std::vector<float>;

const Doubles start{1.0, -2.0, 0.5, 3.0, -0.25, 0.0};

/// By case, the elements after each step.
std::map<std::string, std::vector<Doubles>> golden() {
  std::map<std::string, std::vector<Doubles>> cases;
  std::ifstream file(RILL_SOURCE_DIR "/tests/data/optim/golden.csv");
  for (std::string line; std::getline(file, line);) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream words(line);
    std::string name;
    int step = 0;
    words >> name >> step;
    Doubles values(start.size());
    for (double& value : values) words >> value;
    cases[name].push_back(values);
  }
  return cases;
}

using Make = std::function<std::unique_ptr<Optimizer>()>;

template <class O, class... Arguments>
Make make(Arguments... arguments) {
  return [=] { return std::make_unique<O>(arguments...); };
}

const std::map<std::string, Make>& optimizers() {
  static const std::map<std::string, Make> all{
      {"sgd", make<SGD>()},
      {"sgd_fast", make<SGD>(0.5)},
      {"momentum", make<Momentum>()},
      {"nesterov", make<Momentum>(0.1, MomentumOptions{.momentum = 0.8, .nesterov = true})},
      {"adagrad", make<Adagrad>()},
      {"adagrad_fast",
       make<Adagrad>(0.5, AdagradOptions{.initial_accumulator = 0, .epsilon = 1e-3})},
      {"adam", make<Adam>()},
      {"adam_fast", make<Adam>(0.1, AdamOptions{.beta_1 = 0.8, .beta_2 = 0.9, .epsilon = 1e-3})},
      {"adam_amsgrad", make<Adam>(0.1, AdamOptions{.amsgrad = true})},
      {"adamw", make<AdamW>()},
      {"adamw_fast", make<AdamW>(0.1, AdamWOptions{.weight_decay = 0.1})},
      {"rmsprop", make<RMSProp>()},
      {"rmsprop_momentum", make<RMSProp>(0.1, RMSPropOptions{.rho = 0.8, .momentum = 0.5})},
      {"rmsprop_centered",
       make<RMSProp>(0.1, RMSPropOptions{.rho = 0.8, .epsilon = 1e-3, .centered = true})},
      {"rmsprop_both",
       make<RMSProp>(
           0.1, RMSPropOptions{.rho = 0.8, .momentum = 0.5, .epsilon = 1e-3, .centered = true})},
      {"ftrl", make<Ftrl>()},
      {"ftrl_regularised", make<Ftrl>(0.1, FtrlOptions{.initial_accumulator = 0.2,
                                                       .l1 = 0.3,
                                                       .l2 = 0.2,
                                                       .l2_shrinkage = 0.1,
                                                       .beta = 0.5})},
      {"ftrl_power", make<Ftrl>(0.1, FtrlOptions{.learning_rate_power = -0.7})},
  };
  return all;
}

/// The variable's elements after each step with the golden gradients.
std::vector<Doubles> steps(const Make& make_optimizer, DType dtype) {
  const auto gradients = golden().at("gradient");
  const auto optimizer = make_optimizer();
  const Variable w(tensor(start).to(dtype), "w");
  std::vector<Doubles> found;
  for (const Doubles& gradient : gradients) {
    optimizer->apply_gradients({{tensor(gradient).to(dtype), w}});
    found.push_back(w.value().to_vector<double>());
  }
  return found;
}

double largest_error(const std::vector<Doubles>& found, const std::vector<Doubles>& expected) {
  double error = 0;
  for (std::size_t step = 0; step < expected.size(); ++step) {
    for (std::size_t i = 0; i < start.size(); ++i) {
      const double scale = std::max(1.0, std::abs(expected[step][i]));
      error = std::max(error, std::abs(found[step][i] - expected[step][i]) / scale);
    }
  }
  return error;
}

struct Ear : Listener {
  std::vector<std::string> updates;
  void op(const OpEvent& e) override {
    if (e.name.ends_with("_update")) updates.emplace_back(e.name);
  }
};

}  // namespace

TEST_CASE("every optimizer makes the golden steps in float64") {
  const auto expected = golden();
  REQUIRE(expected.size() == optimizers().size() + 1);
  for (const auto& [name, make_optimizer] : optimizers()) {
    INFO(name);
    CHECK(largest_error(steps(make_optimizer, float64), expected.at(name)) < 1e-14);
  }
}

TEST_CASE("every optimizer makes the golden steps in float32") {
  const auto expected = golden();
  for (const auto& [name, make_optimizer] : optimizers()) {
    INFO(name);
    CHECK(largest_error(steps(make_optimizer, float32), expected.at(name)) < 2e-5);
  }
}

TEST_CASE("a step that is heard gives the bits of one that is not") {
  for (const auto& [name, make_optimizer] : optimizers()) {
    INFO(name);
    const std::vector<Doubles> silent = steps(make_optimizer, float32);
    Ear ear;
    const Listening on(ear);
    CHECK(steps(make_optimizer, float32) == silent);
    CHECK(ear.updates.size() == silent.size());
  }
}

TEST_CASE("many variables of many sizes and dtypes are updated in one step") {
  std::vector<Variable> together;
  std::vector<Variable> alone;
  for (int size : {1, 7, 0, 5000, 64, 1, 20000, 3}) {
    for (DType dtype : {float32, float64}) {
      together.emplace_back(full({size}, 2.0, dtype));
      alone.emplace_back(full({size}, 2.0, dtype));
    }
  }
  const auto gradient = [](const Variable& v, int step) {
    return (arange(v.dim(0)).to(v.dtype()) - 10 + step) / 7;
  };
  Adam one(0.1);
  std::vector<std::unique_ptr<Adam>> each;
  for (std::size_t k = 0; k < alone.size(); ++k) each.push_back(std::make_unique<Adam>(0.1));
  for (int step = 0; step < 3; ++step) {
    std::vector<GradientAndVariable> pairs;
    for (const Variable& v : together) pairs.push_back({gradient(v, step), v});
    one.apply_gradients(pairs);
    for (std::size_t k = 0; k < alone.size(); ++k)
      each[k]->apply_gradients({{gradient(alone[k], step), alone[k]}});
  }
  for (std::size_t k = 0; k < alone.size(); ++k) {
    CHECK(together[k].value().to_vector<double>() == alone[k].value().to_vector<double>());
  }
}

TEST_CASE("values that others hold do not change, values that nobody holds change in place") {
  const Variable w(tensor({1.0, 2.0}));
  SGD optimizer(1.0);
  const void* const memory = w.value().data<float>().data();
  optimizer.apply_gradients({{tensor({1.0, 1.0}), w}});
  CHECK(static_cast<const void*>(w.value().data<float>().data()) == memory);
  const Tensor held = w;
  const auto version = w.version();
  optimizer.apply_gradients({{tensor({1.0, 1.0}), w}});
  CHECK(held.to_vector<float>() == Floats{0, 1});
  CHECK(w.value().to_vector<float>() == Floats{-1, 0});
  CHECK(w.version() != version);
}

TEST_CASE("a gradient may be the variable's own value, or a view") {
  const Variable w(tensor({1.0, 2.0, 3.0}));
  SGD optimizer(0.5);
  optimizer.apply_gradients({{w.value(), w}});
  CHECK(w.value().to_vector<float>() == Floats{0.5, 1, 1.5});
  optimizer.apply_gradients({{tensor({1.0, 0.0, 2.0, 0.0, 3.0, 0.0})(slice(0, 6, 2)), w}});
  CHECK(w.value().to_vector<float>() == Floats{0, 0, 0});
}

TEST_CASE("half precision is computed in float32 and rounded once") {
  const Variable w(tensor({1.0}).to(bfloat16));
  SGD(0.5).apply_gradients({{tensor({0.25}).to(bfloat16), w}});
  CHECK(w.dtype() == bfloat16);
  CHECK(w.value().item<float>() == 0.875F);
}

TEST_CASE("minimize finds a minimum and returns the loss") {
  const Variable w(tensor({4.0, -3.0}), "w");
  const Variable b(0.5, "b");
  const Variable frozen(2.0, {.trainable = false});
  Adam optimizer(0.2);
  Tensor loss;
  for (int i = 0; i < 300; ++i) {
    loss = optimizer.minimize(
        [&] { return sum(square(w - tensor({1.0, 2.0}))) + square(b - frozen); });
  }
  CHECK(loss.item<float>() < 1e-3F);
  CHECK(w(0).item<float>() == Approx(1.0).margin(0.01));
  CHECK(w(1).item<float>() == Approx(2.0).margin(0.01));
  CHECK(b.value().item<float>() == Approx(2.0).margin(0.01));
  CHECK(frozen.value().item<float>() == 2.0F);
  CHECK(optimizer.iterations() == 300);
}

TEST_CASE("minimize over a list leaves the other variables alone") {
  const Variable a(1.0, "a");
  const Variable b(1.0, "b");
  SGD optimizer(0.5);
  static_cast<void>(optimizer.minimize([&] { return a * b; }, {b}));
  CHECK(a.value().item<float>() == 1.0F);
  CHECK(b.value().item<float>() == 0.5F);
}

TEST_CASE("minimize says what the loss does not depend on") {
  const Variable a(1.0, "a");
  const Variable b(1.0, "b");
  SGD optimizer(0.5);
  CHECK_THROWS_AS(optimizer.minimize([&] { return a * 1; }, {a, b}), GradientError);
  CHECK_THROWS_AS(optimizer.minimize([] { return tensor(1.0); }), GradientError);
  CHECK(optimizer.iterations() == 0);
}

TEST_CASE("the learning rate can be changed between steps") {
  const Variable w(1.0);
  SGD optimizer(0.5);
  CHECK(optimizer.learning_rate() == 0.5);
  optimizer.set_learning_rate(0.001);
  CHECK(optimizer.learning_rate() == 0.001);
  optimizer.apply_gradients({{tensor(1.0), w}});
  CHECK(w.value().item<float>() == 0.999F);
}

TEST_CASE("an optimizer's state is variables with names") {
  const Variable w(zeros({3}), "w");
  Adam optimizer;
  CHECK(optimizer.variables().size() == 2);
  optimizer.build({w});
  const std::vector<Variable> state = optimizer.variables();
  REQUIRE(state.size() == 4);
  CHECK(state[0].name() == "adam/iterations");
  CHECK(state[1].name() == "adam/learning_rate");
  CHECK(state[2].name() == "adam/w/momentum");
  CHECK(state[3].name() == "adam/w/velocity");
  CHECK(state[2].shape() == Shape{3});
  CHECK_FALSE(state[2].trainable());
}

TEST_CASE("an optimizer whose state is restored goes on as if it had not stopped") {
  const auto gradients = golden().at("gradient");
  const Variable w(tensor(start), "w");
  const Variable v(tensor(start), "w");
  Adam first(0.1);
  Adam second(0.1);
  first.apply_gradients({{tensor(gradients[0]), w}});
  v.assign(w);
  second.build({v});
  for (std::size_t k = 0; k < first.variables().size(); ++k)
    second.variables()[k].assign(first.variables()[k]);
  first.apply_gradients({{tensor(gradients[1]), w}});
  second.apply_gradients({{tensor(gradients[1]), v}});
  CHECK(w.value().to_vector<double>() == v.value().to_vector<double>());
}

TEST_CASE("gradients that do not fit change nothing") {
  const Variable a(zeros({2}), "a");
  const Variable b(zeros({2}), "b");
  const Variable n(3, "n");
  Momentum optimizer;
  const Tensor good = ones({2});
  CHECK_THROWS_AS(optimizer.apply_gradients({{good, a}, {ones({3}), b}}), ShapeError);
  CHECK_THROWS_AS(optimizer.apply_gradients({{good, a}, {ones({2}, float64), b}}), DTypeError);
  CHECK_THROWS_AS(optimizer.apply_gradients({{good, a}, {Tensor(), b}}), ValueError);
  CHECK_THROWS_AS(optimizer.apply_gradients({{good, a}, {good, a}}), ValueError);
  CHECK_THROWS_AS(optimizer.apply_gradients({{good, a}, {good, Variable()}}), ValueError);
  CHECK_THROWS_AS(optimizer.apply_gradients({{tensor(1), n}}), DTypeError);
  CHECK(a.value().to_vector<float>() == Floats{0, 0});
  CHECK(optimizer.iterations() == 0);
  CHECK_THROWS_AS(Ftrl(0.1, {.learning_rate_power = 0.5}), ValueError);
  CHECK_THROWS_AS(Ftrl(0.1, {.l1 = -1}), ValueError);
}

TEST_CASE("the formulas are operators that graphs can name") {
  for (const char* name : {"sgd_update", "momentum_update", "adagrad_update", "adam_update",
                           "rmsprop_update", "ftrl_update"}) {
    CHECK(find_op(name) != nullptr);
  }
}

TEST_CASE("no gradients are no step") {
  Adam optimizer;
  optimizer.apply_gradients({});
  CHECK(optimizer.iterations() == 0);
  const Variable w(ones({2}), "w");
  optimizer.apply_gradients({{ones({2}), w}});
  CHECK(optimizer.iterations() == 1);
}

TEST_CASE("optimizers refuse rates and means that make no sense") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(SGD(-1), Catch::StartsWith("sgd: a learning rate is a finite number and not "
                                               "negative, but it is -1, at optimizer_test.cpp:"));
  CHECK_THROWS_AS(Adam(nan), ValueError);
  CHECK_THROWS_AS(Ftrl(std::numeric_limits<double>::infinity()), ValueError);
  SGD sgd(0);
  CHECK_THROWS_WITH(sgd.set_learning_rate(nan),
                    Catch::StartsWith("sgd: a learning rate is a finite number and not negative, "
                                      "but it is nan, at optimizer_test.cpp:"));
  CHECK(sgd.learning_rate() == 0);
  CHECK_THROWS_WITH(Adam(0.1, {.beta_1 = 1}),
                    Catch::StartsWith("adam: beta_1 is in [0, 1), not 1, at optimizer_test.cpp:"));
  CHECK_THROWS_WITH(
      AdamW(0.1, {.beta_2 = -0.5}),
      Catch::StartsWith("adamw: beta_2 is in [0, 1), not -0.5, at optimizer_test.cpp:"));
  CHECK_THROWS_AS(RMSProp(0.1, {.rho = nan}), ValueError);
}
