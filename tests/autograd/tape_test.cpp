// Gradient tapes: what they record, what they give back, and what they keep.

#include <rill/autograd/functional.h>
#include <rill/autograd/tape.h>
#include <rill/autograd/variable.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/operators.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/tensor/allocator.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>

#include <cmath>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/autograd/values.h"
#include "tests/catch.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::Floats;
using rill::test::thrown;
using rill::test::values;

TEST_CASE("the gradient of a square is twice the number") {
  const Tensor x = tensor({3.0, -1.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * x;
  CHECK(values(tape.gradient(y, x)) == Floats{6, -2});
}

TEST_CASE("trainable variables are watched when they are read") {
  const Variable w(tensor({2.0}), "w");
  const Variable frozen(tensor({5.0}), {.name = "frozen", .trainable = false});
  GradientTape tape;
  const Tensor y = w * w * frozen;
  REQUIRE(tape.watched_variables().size() == 1);
  CHECK(tape.watched_variables().front().name() == "w");
  CHECK(values(tape.gradient(y, w)) == Floats{20});
}

TEST_CASE("a tape that does not watch variables watches those that it is told to") {
  const Variable a(tensor({2.0}));
  const Variable b(tensor({3.0}));
  GradientTape tape({.watch_variables = false});
  tape.watch(b);
  const Tensor y = a * b;
  CHECK(tape.watched_variables().size() == 1);
  CHECK(values(tape.gradient(y, b)) == Floats{2});
}

TEST_CASE("all reads of a variable count, before and after an assignment") {
  const Variable w(tensor({2.0}));
  GradientTape tape;
  const Tensor first = w * 3;
  w.assign(tensor({10.0}));
  const Tensor second = w * w;
  CHECK(values(tape.gradient(first + second, w)) == Floats{23});
}

TEST_CASE("no gradient flows through an assignment") {
  const Tensor x = tensor({2.0});
  const Variable w(tensor({1.0}));
  GradientTape tape;
  tape.watch(x);
  w.assign(x * 3);
  const Tensor y = w * x;
  CHECK(values(tape.gradient(y, x)) == Floats{6});
}

TEST_CASE("one source gives a tensor, a braced list an array, a vector a vector") {
  const Variable w(tensor({2.0}));
  const Variable b(tensor({1.0}));
  GradientTape tape({.persistent = true});
  const Tensor square = w * w;
  const Tensor y = square + b;
  CHECK(values(tape.gradient(y, w)) == Floats{4});
  auto [dw, db] = tape.gradient(y, {w, b});
  CHECK(values(dw) == Floats{4});
  CHECK(values(db) == Floats{1});
  auto [only] = tape.gradient(y, {b});
  CHECK(values(only) == Floats{1});
  const std::vector<Tensor> all = tape.gradient(y, tape.watched_variables());
  REQUIRE(all.size() == 2);
  CHECK(values(all[0]) == Floats{4});
}

TEST_CASE("values computed under the tape can be sources") {
  const Tensor x = tensor({2.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor h = x * x;
  const Tensor y = h * h;
  auto [dh, dx] = tape.gradient(y, {h, x});
  CHECK(values(dh) == Floats{8});
  CHECK(values(dx) == Floats{32});
}

TEST_CASE("several targets give the gradient of their sum") {
  const Tensor x = tensor({2.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor a = x * x;
  const Tensor b = 3 * x;
  CHECK(values(tape.gradient({a, b}, x)) == Floats{7});
}

TEST_CASE("output gradients weigh the target's elements") {
  const Tensor x = tensor({1.0, 2.0, 3.0});
  GradientTape tape({.persistent = true});
  tape.watch(x);
  const Tensor y = x * x;
  CHECK(values(tape.gradient(y, x, {.output_gradients = tensor({1.0, 0.0, 10.0})})) ==
        Floats{2, 0, 60});
  CHECK_THROWS_AS(tape.gradient(y, x, {.output_gradients = tensor({1.0})}), ShapeError);
  CHECK_THROWS_AS(tape.gradient(y, x, {.output_gradients = {tensor({1.0}), y}}), ShapeError);
}

TEST_CASE("a target that is its own source has the gradient one") {
  const Tensor x = tensor({1.0, 2.0});
  GradientTape tape;
  tape.watch(x);
  CHECK(values(tape.gradient(x, x)) == Floats{1, 1});
}

TEST_CASE("gradients undo broadcasting and promotion") {
  const Tensor row = tensor({1.0, 2.0, 3.0});
  const Tensor column = ones({2, 1}, float64);
  const Tensor number = tensor(2.0);
  GradientTape tape;
  tape.watch(row);
  tape.watch(column);
  tape.watch(number);
  const Tensor y = row * column * number;
  auto [drow, dcolumn, dnumber] = tape.gradient(y, {row, column, number});
  CHECK(drow.type_text() == "float32[3]");
  CHECK(values(drow) == Floats{4, 4, 4});
  CHECK(dcolumn.type_text() == "float64[2,1]");
  CHECK(values(dcolumn) == Floats{12, 12});
  CHECK(dnumber.type_text() == "float32[]");
  CHECK(values(dnumber) == Floats{12});
}

TEST_CASE("undoing broadcasting adds up from zero, whatever the sizes: it makes +0 of -0") {
  const Tensor row = tensor({1.0, 2.0});
  for (const Tensor& factor : {tensor({{-0.0, 3.0}}), tensor({{-0.0, 3.0}, {-0.0, 4.0}})}) {
    GradientTape tape;
    tape.watch(row);
    const Tensor y = row * factor;
    const Tensor slope = tape.gradient(y, row);
    CHECK(slope.shape() == Shape{2});
    CHECK_FALSE(std::signbit(slope(0).item<float>()));
  }
}

TEST_CASE("a variable that was read but not watched is said to be just that") {
  const Variable fixed(tensor({1.0, 2.0}), {.name = "fixed", .trainable = false});
  const Variable v(tensor({1.0, 2.0}), "v");
  const auto complaint = [](const Variable& variable, const TapeOptions& options) {
    return thrown<GradientError>([&] {
      GradientTape tape(options);
      const Tensor y = sum(variable * 2);
      static_cast<void>(tape.gradient(y, variable, {}, {"main.cpp", 9}));
    });
  };
  const std::string zeros =
      "; ask for {.unconnected = Unconnected::zeros} to get zeros, at main.cpp:9";
  CHECK(complaint(fixed, {}) ==
        "gradient: variable 'fixed' (float32[2]) is unconnected: it is not trainable, so it needs "
        "tape.watch(variable)" +
            zeros);
  CHECK(complaint(v, {.watch_variables = false}) ==
        "gradient: variable 'v' (float32[2]) is unconnected: the tape was opened with "
        "{.watch_variables = false}, so it needs tape.watch(variable)" +
            zeros);
}

TEST_CASE("an unconnected source is an error that names it, or zeros, or nothing") {
  const Variable used(tensor({2.0}), "used");
  const Variable unread(zeros({2, 3}), "unread");
  const Tensor unwatched = tensor({1.0, 2.0});
  GradientTape tape({.persistent = true});
  const Tensor aside = unread * 1;
  const Tensor y = used * used;
  const int line = __LINE__ + 1;
  const auto fault = [&] { static_cast<void>(tape.gradient(y, {used, unread})); };
  CHECK(thrown<GradientError>(fault) ==
        "gradient: variable 'unread' (float32[2,3]) is unconnected: the target does not depend on "
        "it; "
        "ask for {.unconnected = Unconnected::zeros} to get zeros, at tape_test.cpp:" +
            std::to_string(line));
  CHECK(thrown<GradientError>([&] { static_cast<void>(tape.gradient(y, {used, unwatched})); })
            .starts_with("gradient: source 1 (float32[2]) is unconnected: it was neither watched "
                         "nor computed"));
  auto [du, dz] = tape.gradient(y, {used, unread}, {.unconnected = Unconnected::zeros});
  CHECK(values(du) == Floats{4});
  CHECK(dz.type_text() == "float32[2,3]");
  CHECK(values(dz) == Floats(6, 0.0F));
  auto [dn] = tape.gradient(y, {unwatched}, {.unconnected = Unconnected::none});
  CHECK_FALSE(dn.defined());
}

TEST_CASE("stop_gradient cuts the path") {
  const Tensor x = tensor({2.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * stop_gradient(x * x);
  CHECK(values(tape.gradient(y, x)) == Floats{4});
}

TEST_CASE("nothing flows back through operators that are constant almost everywhere") {
  const Tensor x = tensor({2.5, -1.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * sign(x) + floor(x);
  CHECK(values(tape.gradient(y, x)) == Floats{1, -1});
}

TEST_CASE("what is computed while recording is stopped does not count") {
  const Tensor x = tensor({2.0});
  GradientTape tape;
  tape.watch(x);
  Tensor factor;
  {
    auto pause = tape.stop_recording();
    factor = x * x;
  }
  const Tensor y = x * factor;
  CHECK(values(tape.gradient(y, x)) == Floats{4});
}

TEST_CASE("a tape that is not persistent can be used once") {
  const Tensor x = tensor({2.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * x;
  static_cast<void>(tape.gradient(y, x));
  const int line = __LINE__ + 1;
  const auto fault = [&] { static_cast<void>(tape.gradient(y, x)); };
  CHECK(thrown<GradientError>(fault) ==
        "gradient: this tape was used up by its first gradient: open it with {.persistent = true}, "
        "at tape_test.cpp:" +
            std::to_string(line));
}

TEST_CASE("a tape that is not persistent listens no longer after its first gradient") {
  const Tensor x = tensor({2.0});
  GradientTape tape;
  tape.watch(x);
  static_cast<void>(tape.gradient(x * x, x));
  CHECK(Listeners::none());
}

TEST_CASE("a persistent tape gives gradient after gradient, and records on") {
  const Tensor x = tensor({2.0});
  GradientTape tape({.persistent = true});
  tape.watch(x);
  const Tensor y = x * x * x;
  const Tensor dy = tape.gradient(y, x);
  CHECK(values(dy) == Floats{12});
  CHECK(values(tape.gradient(y, x)) == Floats{12});
  CHECK(values(tape.gradient(dy, x)) ==
        Floats{12});  // its own replay was recorded: the second derivative
  const Tensor z = y * x;
  CHECK(values(tape.gradient(z, x)) == Floats{32});
}

TEST_CASE("tapes around tapes give gradients of gradients") {
  const Tensor x = tensor({2.0});
  GradientTape third;
  third.watch(x);
  GradientTape second;
  second.watch(x);
  GradientTape first;
  first.watch(x);
  const Tensor y = x * x * x * x;
  const Tensor dy = first.gradient(y, x);
  const Tensor d2y = second.gradient(dy, x);
  CHECK(values(dy) == Floats{32});
  CHECK(values(d2y) == Floats{48});
  CHECK(values(third.gradient(d2y, x)) == Floats{48});
}

TEST_CASE("tapes need not end in the order in which they began") {
  const Tensor x = tensor({2.0});
  std::optional<GradientTape> a(std::in_place);
  a->watch(x);
  GradientTape b;
  b.watch(x);
  const Tensor y = x * x;
  CHECK(values(a->gradient(y, x)) == Floats{4});
  a.reset();
  const Tensor z = y * x;
  CHECK(values(b.gradient(z, x)) == Floats{12});
}

TEST_CASE("contributions are added in reverse order of recording") {
  // In float32, (1e8 + 1) - 1e8 is 0 and (1e8 - 1e8) + 1 is 1: the sum tells the order.
  const Tensor x = tensor({1.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor a = x * 1.0;   // added last
  const Tensor b = x * -1e8;  // then this
  const Tensor c = x * 1e8;   // added first
  CHECK(values(tape.gradient(a + b + c, x)) == Floats{1});
}

TEST_CASE("integers have no gradients") {
  const Tensor n = tensor({1, 2});
  const Tensor x = tensor({1.0, 2.0});
  GradientTape tape;
  CHECK_THROWS_AS(tape.watch(n), DTypeError);
  CHECK_THROWS_AS(tape.watch(Tensor()), ValueError);
  tape.watch(x);
  const Tensor y = (x * 2).to(int64);
  CHECK_THROWS_AS(tape.gradient(y, x), DTypeError);
  CHECK_THROWS_AS(tape.gradient(x, n), DTypeError);
  CHECK_THROWS_AS(tape.gradient(Tensor(), x), ValueError);
  CHECK(values(tape.gradient(x * x, x)) == Floats{2, 4});  // mistakes did not use it up
}

TEST_CASE("a tape belongs to the thread that opened it") {
  const Tensor x = tensor({2.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * x;
  std::string error;
  std::thread([&] {
    const Tensor unheard = x * 3;
    error = thrown<GradientError>([&] { static_cast<void>(tape.gradient(y, x)); });
  }).join();
  CHECK(error.starts_with(
      "GradientTape: used on another thread than the one that opened it, at tape_test.cpp:"));
  CHECK(values(tape.gradient(y, x)) == Floats{4});
}

TEST_CASE("a chain of 100000 operations is recorded, replayed and destroyed without recursion") {
  const Variable w(tensor({1.0}));
  GradientTape kept({.persistent = true});
  GradientTape tape;
  Tensor x = tensor({1.0});
  for (int i = 0; i < 100000; ++i) x = x * w;
  CHECK(values(tape.gradient(x, w)) == Floats{100000});
}

TEST_CASE("a tape keeps only what gradient rules look at") {
  const std::size_t bytes = std::size_t{256} * 256 * sizeof(float);
  const Tensor x = ones({256, 256});
  const Variable w(ones({256, 256}));
  const std::size_t before = memory_statistics().allocated;
  {
    GradientTape tape;
    const Tensor y = [&] {
      const Tensor sums = x + w;  // its rule looks at nothing
      const Tensor shifted =
          sums * 2;  // nor does this one's, as nobody wants the number's gradient
      const Tensor roots = sqrt(shifted);  // looks at its result
      const Tensor scaled = roots * x;     // looks at x, which lives anyway; not at roots
      return sum(scaled);                  // looks at nothing
    }();
    const std::size_t alive = memory_statistics().allocated - before;
    CHECK(alive >= bytes);             // the roots
    CHECK(alive < bytes + bytes / 4);  // and nothing else of that size
    const Tensor dw = tape.gradient(y, w);
    CHECK(memory_statistics().allocated - before <
          bytes + bytes / 4);  // the gradient only: the roots are gone
  }
  CHECK(memory_statistics().allocated - before < bytes / 4);
}

TEST_CASE("listeners hear a tape's gradient between brackets") {
  struct Ear : Listener {
    std::vector<std::string> heard;
    void op(const OpEvent& e) override { heard.emplace_back(e.name); }
    void enter(const ScopeEvent& e) override {
      heard.emplace_back(e.kind == ScopeEvent::Kind::tape_gradient ? "enter" : "?");
    }
    void leave(const ScopeEvent&) override { heard.emplace_back("leave"); }
  } ear;
  const Tensor x = tensor({2.0});
  const Listening on(ear);
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * x;
  static_cast<void>(tape.gradient(y, x));
  CHECK(ear.heard == std::vector<std::string>{"multiply", "enter", "full", "multiply", "multiply",
                                              "add", "leave"});
}

TEST_CASE("grad gives the derivative as a function") {
  const auto cube = [](const Tensor& t) { return t * t * t; };
  CHECK(grad(cube)(2.0).item<float>() == 12);
  CHECK(grad(grad(cube))(2.0).item<float>() == 12);
  CHECK(grad(grad(grad(cube)))(2.0).item<float>() == 6);
  CHECK(grad(grad(grad(grad(cube))))(2.0).item<float>() == 0);
}

TEST_CASE("grad with respect to another argument, beside arguments that are no tensors") {
  const auto f = [](const Tensor& x, const Tensor& y, bool twice, int power) {
    Tensor result = x * y * y;
    for (int i = 1; i < power; ++i) result = result * y;
    return twice ? 2 * result : result;
  };
  CHECK(grad(f)(3.0, 2.0, false, 1).item<float>() == 4);
  CHECK(grad(f, {.argument = 1})(3.0, 2.0, true, 2).item<float>() == 72);
  CHECK_THROWS_AS(grad(f, {.argument = 2})(3.0, 2.0, true, 2), ValueError);
  CHECK_THROWS_AS(grad(f, {.argument = 9})(3.0, 2.0, true, 2), ValueError);
}

TEST_CASE("grad tells arguments apart that are one tensor") {
  const Tensor x = tensor({3.0});
  const auto f = [](const Tensor& a, const Tensor& b) { return a * a * b; };
  CHECK(values(grad(f)(x, x)) == Floats{18});
  CHECK(values(grad(f, {.argument = 1})(x, x)) == Floats{9});
}

TEST_CASE("value_and_grad gives both") {
  const auto [value, gradient] =
      value_and_grad([](const Tensor& t) { return sum(t * t); })(tensor({1.0, 2.0}));
  CHECK(value.item<float>() == 5);
  CHECK(values(gradient) == Floats{2, 4});
}

TEST_CASE("a tape differentiates while its thread ends") {
  static const auto differentiate = [] {
    const Variable v(tensor({3.0}), "v");
    GradientTape tape;
    const Tensor y = v * v;
    return values(tape.gradient(y, v));
  };
  struct Last {
    std::optional<Floats>* result = nullptr;
    ~Last() { *result = differentiate(); }
  };
  std::optional<Floats> before;
  std::optional<Floats> after;
  std::thread([&] {
    thread_local Last last;
    last.result = &after;
    before = differentiate();
  }).join();
  CHECK(before == Floats{6});
  CHECK(after == Floats{6});
}
