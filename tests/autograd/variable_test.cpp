// What a variable promises: one place for a value, read as a tensor, changed by assignment only.

#include <rill/autograd/variable.h>
#include <rill/ops/creation.h>
#include <rill/ops/operators.h>
#include <rill/ops/shape.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>

#include <atomic>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "tests/autograd/values.h"
#include "tests/catch.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::Floats;
using rill::test::thrown;
using rill::test::values;

TEST_CASE("a variable reads as a tensor") {
  const Variable w(tensor({1.0, 2.0}), "w");
  CHECK(values(w * 3 + 1) == Floats{4, 7});
  CHECK(values(w) == Floats{1, 2});
  CHECK(w.dtype() == float32);
  CHECK(w.shape() == Shape{2});
  CHECK(w(1).item<float>() == 2);
}

TEST_CASE("copies of a variable are the same variable") {
  const Variable w(tensor({1.0, 2.0}));
  const Variable alias = w;  // NOLINT(performance-unnecessary-copy-initialization): the subject
  alias.assign(tensor({5.0, 6.0}));
  CHECK(values(w) == Floats{5, 6});
  CHECK(alias.id() == w.id());
}

TEST_CASE("a value that was read does not change when the variable does") {
  const Variable w(tensor({1.0, 2.0}));
  const Tensor before = w;
  w.assign_add(1);
  CHECK(values(before) == Floats{1, 2});
  CHECK(values(w) == Floats{2, 3});
}

TEST_CASE("a variable does not change the tensor that it was made of") {
  const Tensor initial = tensor({1.0, 2.0});
  const Variable w(initial);
  w.assign_sub(tensor({1.0, 1.0}));
  CHECK(values(initial) == Floats{1, 2});
  CHECK(values(w) == Floats{0, 1});
}

TEST_CASE("an update is made in place when nobody else holds the value") {
  const Variable w(tensor({1.0, 2.0, 3.0}));
  const void* const memory = w.value().data<float>().data();
  w.assign_sub(0.5 * tensor({2.0, 2.0, 2.0}));
  CHECK(values(w) == Floats{0, 1, 2});
  CHECK(static_cast<const void*>(w.value().data<float>().data()) == memory);
  const Tensor held = w;
  w.assign_add(1);
  CHECK(static_cast<const void*>(w.value().data<float>().data()) != memory);
  CHECK(values(held) == Floats{0, 1, 2});
}

TEST_CASE("a variable may be updated by itself") {
  const Variable w(tensor({1.0, 2.0}));
  w.assign_add(w);
  CHECK(values(w) == Floats{2, 4});
}

TEST_CASE("updates broadcast to the variable's shape") {
  const Variable w(zeros({2, 3}));
  w.assign_add(tensor({1.0, 2.0, 3.0}));
  CHECK(values(w) == Floats{1, 2, 3, 1, 2, 3});
}

TEST_CASE("every assignment gives another version") {
  const Variable w(tensor({1.0}));
  const auto first = w.version();
  CHECK(w.version() == first);
  w.assign(tensor({1.0}));
  const auto second = w.version();
  CHECK(second != first);
  w.assign_add(1);
  CHECK(w.version() != second);
}

TEST_CASE("variables without a name get one each") {
  const Variable a(1.0);
  const Variable b(1.0);
  CHECK(a.name().starts_with("variable"));
  CHECK(a.name() != b.name());
  CHECK(Variable(1.0, "w").name() == "w");
  CHECK(Variable(1.0, {.name = "frozen", .trainable = false}).name() == "frozen");
  CHECK_FALSE(Variable(1.0, {.trainable = false}).trainable());
  CHECK(a.trainable());
}

TEST_CASE("numbers make variables of shape []") {
  CHECK(Variable(1.5).dtype() == float32);
  CHECK(Variable(3).dtype() == int64);
  CHECK(Variable(true).dtype() == bool_);
  const Variable steps(3);
  steps.assign(4);
  steps.assign_add(2);
  CHECK(steps.value().item<int>() == 6);
}

TEST_CASE("a variable keeps its shape and dtype") {
  const Variable w(zeros({2}), "w");
  const int shape_line = __LINE__ + 1;
  const auto another_shape = [&] { w.assign(zeros({3})); };
  CHECK(thrown<ShapeError>(another_shape) ==
        "assign: a variable keeps its shape: variable 'w' is float32[2], the value float32[3], at "
        "variable_test.cpp:" +
            std::to_string(shape_line));
  const int dtype_line = __LINE__ + 1;
  const auto another_dtype = [&] { w.assign(zeros({2}, float64)); };
  CHECK(thrown<DTypeError>(another_dtype) ==
        "assign: a variable keeps its dtype: variable 'w' is float32[2], the value float64[2]: "
        "convert it with .to(float32), at variable_test.cpp:" +
            std::to_string(dtype_line));
  CHECK_THROWS_AS(w.assign_add(zeros({3, 2})), ShapeError);
  CHECK_THROWS_AS(w.assign_sub(zeros({3})), ShapeError);
  CHECK_THROWS_AS(w.assign(1.0), ShapeError);
  CHECK_THROWS_AS(w.assign(Tensor()), ValueError);
  CHECK_THROWS_AS(w.assign_add(Tensor()), ValueError);
  CHECK(values(w) == Floats{0, 0});
}

TEST_CASE("a handle without a variable says so") {
  const Variable none;
  CHECK_FALSE(none.defined());
  CHECK_THROWS_AS(none.value(), ValueError);
  CHECK_THROWS_AS(none.assign(1), ValueError);
  CHECK_THROWS_AS(none.name(), ValueError);
  CHECK_THROWS_AS(Variable{Tensor()}, ValueError);
}

TEST_CASE("a variable prints its name, its type and its value") {
  std::ostringstream text;
  text << Variable(tensor({1.0, 2.5}), "w");
  CHECK(text.str() == "Variable 'w' float32[2]: [1.  2.5]");
}

TEST_CASE("a variable cannot be assigned to as if it were a tensor") {
  static_assert(!std::is_assignable_v<Variable&, Tensor>);
  static_assert(!std::is_assignable_v<Variable&, double>);
  static_assert(std::is_assignable_v<Variable&, Variable>);
  static_assert(!std::is_convertible_v<Tensor, Variable>);
  SUCCEED();
}

TEST_CASE("a view makes a variable of its own, contiguous memory") {
  const Tensor grid = arange(6.0).reshape({2, 3});
  const Variable w(grid.transpose());
  CHECK(w.value().contiguous());
  CHECK(values(w) == Floats{0, 3, 1, 4, 2, 5});
}

TEST_CASE("listeners hear creation, reading and assignment") {
  struct Ear : Listener {
    std::vector<std::string> heard;
    std::uint64_t assigned = 0;
    void variable_creation(const VariableEvent& e) override {
      heard.push_back("creation " + std::string(e.name));
    }
    void variable_read(const VariableEvent& e) override {
      heard.push_back("read " + std::string(e.name));
    }
    void variable_assignment(const VariableEvent& e) override {
      heard.push_back("assignment " + std::string(e.name));
      assigned = e.value.id();
    }
  } ear;
  const Tensor value = tensor({3.0});
  const Listening on(ear);
  const Variable w(tensor({1.0}), "w");
  static_cast<void>(w.value());
  w.assign(value);
  CHECK(ear.heard == std::vector<std::string>{"creation w", "read w", "assignment w"});
  CHECK(ear.assigned == value.id());
  CHECK(w.value().id() != value.id());
  ear.heard.clear();
  w.assign_add(1);
  CHECK(ear.heard == std::vector<std::string>{"read w", "assignment w"});
}

TEST_CASE("threads that read while others update see whole values") {
  const Variable w(zeros({256}));
  std::atomic<bool> torn{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) w.assign_add(1);
    });
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const Floats seen = values(w);
        for (float value : seen) torn = torn || value != seen.front();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(torn);
  CHECK(w(0).item<float>() == 1000);
}

TEST_CASE("a variable that keeps its dtype says so, without advice for tensors") {
  const Variable w(ones({3}), "w");
  const Variable steps(tensor({1, 2}), "steps");
  CHECK_THROWS_WITH(w.assign_add(ones({3}, float64)),
                    Catch::StartsWith("assign_add: a variable keeps its dtype: variable 'w' is "
                                      "float32[3], what is given float64[3]: convert it with "
                                      ".to(float32), at variable_test.cpp:"));
  CHECK_THROWS_WITH(steps.assign_sub(0.5),
                    Catch::StartsWith("assign_sub: a variable keeps its dtype: variable 'steps' is "
                                      "int64[2], what is given the number 0.5, at "
                                      "variable_test.cpp:"));
  CHECK_THROWS_AS(steps.assign_add(ones({2})), DTypeError);
  CHECK_THROWS_AS(w.assign_add(ones({2, 3})), ShapeError);
  w.assign_add(tensor({1, 2, 3}).to(float16));
  CHECK(w.value().to_vector<float>() == std::vector<float>{2, 3, 4});
}
