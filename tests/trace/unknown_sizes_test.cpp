// One trace for many sizes.
#include <rill/rill.h>

#include "tests/catch.h"
#include "tests/folder.h"
#include "tests/thrown.h"
#include "tests/trace/numbers.h"
#include "tests/trace/reloaded.h"

namespace rill {
namespace {

using test::numbers;
using test::thrown;

TEST_CASE("one trace serves every batch size with the eager bits") {
  const Variable w(numbers({3, 4}), "w");
  int runs = 0;
  const auto plain = [&](const Tensor& x) {
    ++runs;
    const Tensor y = softmax(relu(matmul(x, w)));
    return std::vector<Tensor>{y, mean(y, 0), reshape(y, {-1, 2}), y / x.dim(0)};
  };
  auto f = trace(plain, {.inputs = {spec({unknown, 3}, float32, "x")}});
  for (const int batch : {4, 1, 7, 64, 4, 0}) {
    const Tensor x = numbers({batch, 3});
    const auto traced = f(x);
    const int before = runs;
    const auto eager = plain(x);
    runs = before;
    for (std::size_t i = 0; i < eager.size(); ++i) {
      INFO("batch " << batch << ", result " << i << ": " << traced[i] << " for " << eager[i]);
      CHECK(allclose(traced[i], eager[i], {.equal_nan = true}));
    }
  }
  CHECK(runs == 1);
  CHECK(f.trace_count() == 1);
}

TEST_CASE("named sizes are shared between inputs") {
  const Dim batch("batch");
  auto f = trace([](const Tensor& a, const Tensor& b) { return a + b; },
                 {.inputs = {spec({batch, 2}, float32, "a"), spec({batch, 2}, float32, "b")}});
  CHECK(equal(f(ones({3, 2}), ones({3, 2})), ones({3, 2}) * 2.0));
  CHECK(thrown<TraceError>([&] { (void)f(ones({3, 2}), ones({4, 2})); })
            .find("the arguments (float32[3,2], float32[4,2]) are not like (float32[batch,2] a, "
                  "float32[batch,2] b)") != std::string::npos);
  CHECK(thrown<TraceError>([&] { (void)f(ones({3, 3}), ones({3, 3})); }).find("are not like") !=
        std::string::npos);
}

TEST_CASE("sizes that the function needs to be equal are checked at entry, by name") {
  auto f = trace([](const Tensor& a, const Tensor& b) { return a * b; },
                 {.inputs = {spec({Dim("n")}, float32, "a"), spec({Dim("m")}, float32, "b")}});
  CHECK(equal(f(ones({3}), ones({3})), ones({3})));
  const std::string text = thrown<ShapeError>([&] { (void)f(ones({3}), ones({1})); });
  CHECK(text ==
        "multiply: needs equal sizes: n (axis 0 of a) is 3, m (axis 0 of b) is 1; an unknown size "
        "does not broadcast, at unknown_sizes_test.cpp:" +
            std::to_string(__LINE__ - 7));
}

TEST_CASE("an error about sizes names the operator that needs them, and what it needs") {
  const auto at_line = [](int line) {
    return ", at unknown_sizes_test.cpp:" + std::to_string(line);
  };
  const TraceOptions rows{.inputs = {spec({unknown, unknown}, float32, "x")}};
  auto threes = trace([](const Tensor& x) { return reshape(x, {-1, 3}); }, rows);
  CHECK(thrown<ShapeError>([&] { (void)threes(ones({2, 2})); }) ==
        "reshape: needs a multiple of 3: x.dim(0)*x.dim(1) is 4" + at_line(__LINE__ - 2));
  auto square = trace([](const Tensor& x) { return reshape(x, {x.dim(0), x.dim(0)}); }, rows);
  CHECK(thrown<ShapeError>([&] { (void)square(ones({2, 3})); }) ==
        "reshape: needs equal sizes: x.dim(0)*x.dim(1) is 6, x.dim(0)*x.dim(0) is 4" +
            at_line(__LINE__ - 3));
  auto halves = trace([](const Tensor& x) { return exp(split(x, 2, 0)[1]); }, rows);
  CHECK(thrown<ShapeError>([&] { (void)halves(ones({3, 2})); }) ==
        "split: needs a multiple of 2: x.dim(0) is 3" + at_line(__LINE__ - 2));
  auto listed = trace([](const Tensor& x) { return split(exp(x), {1, 2}); }, rows);
  CHECK(thrown<ShapeError>([&] { (void)listed(ones({4, 2})); }) ==
        "split: needs equal sizes: x.dim(0) is 4, not 3" + at_line(__LINE__ - 2));
  auto product = trace([](const Tensor& x) { return matmul(x, x); }, rows);
  CHECK(thrown<ShapeError>([&] { (void)product(ones({2, 3})); }) ==
        "matmul: needs equal sizes: x.dim(1) is 3, x.dim(0) is 2" + at_line(__LINE__ - 2));

  // A file does not say it; where its operators do, they are named, at the line of the call.
  const Graph loaded = reloaded(square.graph());
  CHECK(thrown<ShapeError>([&] { (void)loaded(ones({2, 3})); }) ==
        "reshape: needs equal sizes: x.dim(0)*x.dim(1) is 6, x.dim(0)*x.dim(0) is 4" +
            at_line(__LINE__ - 2));
  const Graph parts = reloaded(halves.graph());
  CHECK(thrown<ShapeError>([&] { (void)parts(ones({3, 2})); }) ==
        "trace: the function needs equal sizes: x.dim(0) is 3, 2*(x.dim(0)/2) is 2" +
            at_line(__LINE__ - 2));
}

TEST_CASE("what a function is traced for is told by the words that a user writes") {
  const auto plain = [](const Tensor& x) { return exp(x); };
  auto f = trace(plain, {.inputs = {spec({unknown, 3})}});
  CHECK(thrown<TraceError>([&] { (void)f(ones({2})); }) ==
        "trace: the arguments (float32[2]) are not like (float32[unknown,3] x), for which the "
        "function is traced, at unknown_sizes_test.cpp:" +
            std::to_string(__LINE__ - 3));
  const Dim n = unknown;
  auto g = trace([](const Tensor& a, const Tensor& b) { return a + b; },
                 {.inputs = {spec({n, n}), spec({n + 1, Dim("m")}, int32, "b")}});
  CHECK(thrown<TraceError>([&] {
          (void)g(ones({2}), ones({2}));
        }).find("are not like (float32[unknown,x0.dim(0)] x0, int32[x0.dim(0)+1,m] b)") !=
        std::string::npos);
}

TEST_CASE("a spec of impossible sizes is refused where it is given") {
  const auto plain = [](const Tensor& x) { return x * 2.0; };
  const auto at_line = [](int line) {
    return ", at unknown_sizes_test.cpp:" + std::to_string(line);
  };
  CHECK(thrown<ShapeError>([&] { (void)trace(plain, {.inputs = {spec({-3})}}); }) ==
        "trace: spec 0: a size is negative: [-3]" + at_line(__LINE__ - 1));
  const std::int64_t large = std::int64_t{1} << 40U;
  CHECK(thrown<ShapeError>([&] { (void)trace(plain, {.inputs = {spec({large, large})}}); }) ==
        "trace: spec 0: a tensor of shape [1099511627776,1099511627776] has too many elements: at "
        "most 2^56" +
            at_line(__LINE__ - 3));
  auto two = trace([](const Tensor& a, const Tensor& b) { return a + b; });
  CHECK(thrown<ShapeError>([&] { two.warm_up({spec({3}), spec({-3})}); }) ==
        "warm_up: spec 1: a size is negative: [-3]" + at_line(__LINE__ - 1));
}

TEST_CASE("a size that is unknown is compared for tensors, and neither branches nor ends a loop") {
  const TraceOptions rows{.inputs = {spec({unknown}, float32, "x")}};
  const auto refused = [](int line) {
    return "trace: a bool is read of a size that is unknown (made at unknown_sizes_test.cpp:" +
           std::to_string(line) +
           ") while the function is recorded, and would be baked in: choose with where, make a "
           "loop an operator over the axis, or say in {.inputs} what the size is";
  };
  auto branch = trace([](const Tensor& x) { return x.dim(0) * 2 > 4 ? x : -x; }, rows);
  CHECK(thrown<TraceError>([&] { (void)branch(ones({3})); }) == refused(__LINE__ - 1));
  auto loop = trace(
      [](const Tensor& x) {
        Tensor y = x;
        for (int i = 0; i < x.dim(0); ++i) y = y + 1.0;
        return y;
      },
      rows);
  CHECK(thrown<TraceError>([&] { (void)loop(ones({3})); }) == refused(__LINE__ - 4));
  auto choice = trace([](const Tensor& x) { return where(x.dim(0) > 4, x, -x); }, rows);
  CHECK(equal(choice(ones({3})), -ones({3})));
  CHECK(equal(choice(ones({5})), ones({5})));
  auto mixed = trace(
      [](const Tensor& x) {
        if (sum(x) > x.dim(0)) return x;
        return -x;
      },
      rows);
  CHECK(thrown<TraceError>([&] { (void)mixed(ones({3})); }).find("a bool is read of bool[]") !=
        std::string::npos);
}

TEST_CASE("a size that is read as a number is refused while it is unknown") {
  auto f = trace([](const Tensor& x) { return zeros({static_cast<int>(x.dim(0))}); },
                 {.inputs = {spec({unknown})}});
  CHECK_THROWS_AS(f(ones({3})), ValueError);
}

TEST_CASE("a training step of unknown batch size learns as the plain one does") {
  const auto run = [](bool traced) {
    rng::seed(1);
    const Variable w(numbers({3, 2}), "w");
    SGD sgd(0.1);
    const auto step = [&](const Tensor& x, const Tensor& labels) {
      return sgd.minimize([&] { return mean(cross_entropy(matmul(dropout(x, 0.25), w), labels)); });
    };
    const Dim batch("batch");
    auto f = trace(step, {.inputs = {spec({batch, 3}), spec({batch}, int64)}});
    std::vector<float> losses;
    for (const int size : {4, 6, 4}) {
      const Tensor x = numbers({size, 3});
      const Tensor labels = arange(size) % 2;
      losses.push_back((traced ? f(x, labels) : step(x, labels)).item<float>());
    }
    losses.push_back(sum(w * w).item<float>());
    return losses;
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("a graph of unknown sizes is saved, runs with any, and is saved again as the same text") {
  const Variable w(numbers({3, 4}), "w");
  auto f = trace([&](const Tensor& x, const Tensor& y) { return matmul(x, w) + y / x.dim(0); },
                 {.inputs = {spec({unknown, 3}, float32, "x"), spec({unknown, 4}, float32, "y")}});
  const Tensor expected = f(ones({2, 3}), ones({2, 4}));
  const test::Folder folder;
  f.save(folder.file("f.json"));
  const Graph g = Graph::load(folder.file("f.json"));
  CHECK(equal(g(ones({2, 3}), ones({2, 4})), expected));
  CHECK(g(ones({5, 3}), ones({5, 4})).shape() == Shape{5, 4});
  CHECK(thrown<ShapeError>([&] { (void)g(ones({2, 3}), ones({3, 4})); }).find("equal sizes") !=
        std::string::npos);
  CHECK(g.text("f.safetensors") == f.graph().text("f.safetensors"));
}

TEST_CASE("relax_shapes makes one trace of the second shape on") {
  int runs = 0;
  auto f = trace(
      [&](const Tensor& x, const Tensor& y) {
        ++runs;
        return matmul(x, y);
      },
      {.relax_shapes = true});
  for (const int n : {2, 3, 4, 5, 2})
    CHECK(equal(f(ones({n, 3}), ones({3, 2})), ones({n, 2}) * 3.0));
  CHECK(runs == 2);
  REQUIRE(f.signatures().size() == 1);
  CHECK(f.signatures()[0].find(",3] x0, float32[3,2] x1) -> (float32[?") != std::string::npos);
}

TEST_CASE("shapes that broadcast are recorded by themselves when shapes are relaxed") {
  auto f = trace([](const Tensor& a, const Tensor& b) { return a + b; }, {.relax_shapes = true});
  const auto right = [&](std::int64_t n, std::int64_t m) {
    return equal(f(ones({n}), ones({m})), ones({n}) + ones({m}));
  };
  CHECK(right(3, 3));
  CHECK(right(4, 4));
  CHECK(right(3, 1));
  CHECK(right(3, 1));
  CHECK(right(5, 5));
  CHECK(right(3, 1));
  CHECK(f.trace_count() == 3);
  CHECK_THROWS_AS(f(ones({3}), ones({2})), ShapeError);
}

TEST_CASE("a size that differs later is relaxed with those that differed before") {
  auto f =
      trace([](const Tensor& a, const Tensor& b) { return a + sum(b); }, {.relax_shapes = true});
  for (const auto& [n, m] : {std::pair(2, 7), {3, 7}, {4, 8}, {5, 9}, {6, 1}})
    CHECK(equal(f(ones({n}), ones({m})), ones({n}) * (m + 1.0)));
  CHECK(f.trace_count() == 3);
  CHECK(f.signatures().size() == 1);
}

TEST_CASE("what was relaxed once is not relaxed again for the same sizes") {
  auto f = trace([](const Tensor& a, const Tensor& b) { return a + b; }, {.relax_shapes = true});
  for (const int n : {2, 3, 4, 5, 2, 3, 4, 5, 2, 3, 4, 5}) {
    for (const auto& [left, right] : {std::pair(n, n), {n, 1}, {1, n}})
      CHECK(equal(f(ones({left}), ones({right})), ones({n}) * 2.0));
  }
  CHECK(f.trace_count() == 12);
}

TEST_CASE("a size that stands in an expression only is found by it") {
  auto f = trace([](const Tensor& x) { return reshape(x, {2, -1}); },
                 {.inputs = {spec({2 * Dim("half")}, float32, "x")}});
  CHECK(f(ones({6})).shape() == Shape{2, 3});
  CHECK_THROWS_AS(f(ones({5})), TraceError);
  auto two = trace([](const Tensor& a, const Tensor& b) { return concat({a, b}, 0); },
                   {.inputs = {spec({Dim("n") + Dim("m")}), spec({Dim("n")})}});
  CHECK(two(ones({5}), ones({2})).size() == 7);
  CHECK_THROWS_AS(two(ones({2}), ones({5})), TraceError);
}

TEST_CASE("sizes without names are told by the axes that have them") {
  auto f = trace([](const Tensor& x) { return x + ones({3}); }, {.inputs = {spec({unknown})}});
  CHECK_THAT(thrown<ShapeError>([&] { (void)f(ones({4})); }),
             Catch::StartsWith("add: needs equal sizes: x.dim(0) is 4, not 3; an unknown size "
                               "does not broadcast, at unknown_sizes_test.cpp:"));
}

TEST_CASE("a part of a graph of unknown sizes needs the sizes that it has") {
  auto f = trace([](const Tensor& a, const Tensor& b) { return exp(a) * b; },
                 {.inputs = {spec({Dim("n")}, float32, "a"), spec({Dim("n")}, float32, "b")}});
  (void)f(ones({2}), ones({2}));
  const Graph graph = f.graph();
  const auto [inner] = graph.run({{"a", ones({3})}}, {"exp"});
  CHECK(equal(inner, exp(ones({3}))));
  const auto [outer] = graph.run({{"exp", ones({3})}, {"b", ones({3}) * 2.0}}, {"result"});
  CHECK(equal(outer, ones({3}) * 2.0));
  CHECK_THAT(thrown<TraceError>(
                 [&] { (void)graph.run({{"a", ones({3})}, {"b", ones({4})}}, {"result"}); }),
             Catch::StartsWith("run: what is fed does not fit together: 'a' is float32[n] and is "
                               "fed float32[3], 'b' is float32[n] and is fed float32[4], at "));
  CHECK_THAT(
      thrown<TraceError>([&] { (void)graph.run({{"a", ones({3})}, {"a", ones({3})}}, {"exp"}); }),
      Catch::StartsWith("run: 'a' is fed more than once, at "));
}

TEST_CASE("warm_up prepares a size of the inputs that are given, and no others") {
  auto f = trace([](const Tensor& x) { return x * 2.0; }, {.inputs = {spec({unknown, 3})}});
  f.warm_up({spec({32, 3})});
  CHECK(equal(f(ones({5, 3})), ones({5, 3}) * 2.0));
  CHECK(f.trace_count() == 1);
  CHECK_THROWS_AS(f.warm_up({spec({32, 4})}), TraceError);
}

TEST_CASE("a roll along an unknown size may meet one of 0") {
  auto f = trace([](const Tensor& x) { return roll(x, 4, 0); },
                 {.inputs = {spec({unknown, 2}, float32)}});
  const Tensor x = rng::normal({3, 2});
  CHECK(equal(f(x), roll(x, 1, 0)));
  CHECK(f(zeros({0, 2})).shape() == Shape{0, 2});
  CHECK(equal(f(x), roll(x, 1, 0)));
}

TEST_CASE("any node of a graph of unknown sizes runs by its name") {
  auto f = trace([](const Tensor& x) { return exp(x * 2.0); },
                 {.inputs = {spec({unknown, 3}, float32, "x")}});
  (void)f(ones({1, 3}));
  const auto [y] = f.graph().run({{"x", ones({4, 3})}}, {"multiply"});
  CHECK(equal(y, ones({4, 3}) * 2.0));
}

TEST_CASE("an element that is read while sizes are unknown is refused with a way out") {
  auto f = trace([](const Tensor& x) { return x * sum(x).item<float>(); },
                 {.inputs = {spec({unknown})}});
  const std::string text = thrown<TraceError>([&] { (void)f(ones({2})); });
  CHECK(text.find("trace: a number is read of float32[]") == 0);
}

TEST_CASE("a size that is read as a number while it is unknown is refused by its axis") {
  auto loop = trace(
      [](Tensor x) {
        for (int i = 0; i < static_cast<int>(x.dim(0)); ++i) x += i;
        return x;
      },
      {.inputs = {spec({unknown}, float32, "x")}});
  CHECK_THAT(thrown<ValueError>([&] { (void)loop(ones({2})); }),
             Catch::StartsWith("trace: the size x.dim(0) is read as a number while the function is "
                               "recorded for any size: compute with sizes (x / x.dim(0), "
                               "reshape({x.dim(0), -1})), or say in {.inputs} what it is, at "
                               "unknown_sizes_test.cpp:"));
  auto count = trace([](const Tensor& x) { return x * static_cast<double>(x.size()); },
                     {.inputs = {spec({Dim("rows"), 3})}});
  CHECK_THAT(thrown<ValueError>([&] { (void)count(ones({2, 3})); }),
             Catch::StartsWith("trace: the size 3*rows is read as a number "));
}

TEST_CASE("a function that needs its sizes is recorded per shape even when shapes are relaxed") {
  auto f =
      trace([](const Tensor& x) { return x * static_cast<int>(x.dim(0)); }, {.relax_shapes = true});
  for (const int n : {2, 3, 4, 2}) CHECK(equal(f(ones({n})), ones({n}) * n));
  CHECK(f.trace_count() == 3);
}

TEST_CASE("operators that look for sizes of 1 are right when shapes are relaxed") {
  auto f = trace([](const Tensor& x) { return squeeze(x); }, {.relax_shapes = true});
  for (const int n : {3, 4, 1, 5}) CHECK(f(ones({n, 2})).shape() == squeeze(ones({n, 2})).shape());
}

/// What `f` gives, captured once for an unknown number of rows, and eagerly, for several numbers.
template <class F>
void same_for_all_sizes(const F& f, std::initializer_list<int> sizes = {4, 2, 7}) {
  auto traced = trace<Tensor(const Tensor&)>(f, {.inputs = {spec({unknown, 3}, float32, "x")}});
  for (const int size : sizes) {
    const Tensor x = numbers({size, 3});
    INFO("size " << size << ": " << traced(x) << " for " << f(x));
    CHECK(equal(traced(x), f(x)));
  }
  INFO(traced.signatures()[0]);
  CHECK(traced.trace_count() == 1);
}

TEST_CASE("slices walk backwards over unknown sizes") {
  same_for_all_sizes([](const Tensor& x) { return x(slice({}, {}, -1)); }, {4, 1, 7, 0});
  same_for_all_sizes([](const Tensor& x) { return x(slice(-2, {}, -1)); }, {4, 1, 7, 0});
  same_for_all_sizes([](const Tensor& x) { return x(slice(5, 1, -2)); }, {4, 1, 9, 0});
  same_for_all_sizes([](const Tensor& x) { return x(slice({}, -4, -1)); }, {4, 1, 9, 0});
  same_for_all_sizes([](const Tensor& x) { return x(slice({}, 2, -3)); }, {4, 3, 9, 0});
}

TEST_CASE("parts of an unknown size are checked where it is known") {
  auto halves = trace([](const Tensor& x) { return split(x, 2); },
                      {.inputs = {spec({unknown, 3}, float32, "x")}});
  const auto parts = halves(numbers({4, 3}));
  REQUIRE(parts.size() == 2);
  CHECK(equal(parts[1], numbers({4, 3})(slice(2, 4))));
  const std::string text = thrown<ShapeError>([&] { (void)halves(numbers({3, 3})); });
  INFO(text);
  CHECK(text.starts_with("split: needs a multiple of 2: x.dim(0) is 3, at "));

  auto listed = trace([](const Tensor& x) { return split(x, {1, 2}); },
                      {.inputs = {spec({unknown, 3}, float32, "x")}});
  CHECK(equal(listed(numbers({3, 3}))[1], numbers({3, 3})(slice(1, 3))));
  CHECK_THROWS_AS(listed(numbers({4, 3})), ShapeError);
}

TEST_CASE("squeeze needs to be told the axes where sizes are unknown") {
  auto all =
      trace([](const Tensor& x) { return squeeze(x); }, {.inputs = {spec({Dim("rows"), 1})}});
  CHECK(thrown<ShapeError>([&] { (void)all(ones({4, 1})); })
            .find("squeeze: whether the axes of float32[rows,1] have size 1 is not known here: "
                  "name those to remove, squeeze(x, {1})") == 0);
  auto last =
      trace([](const Tensor& x) { return squeeze(x, {1}); }, {.inputs = {spec({unknown, 1})}});
  CHECK(last(ones({4, 1})).shape() == Shape{4});
  auto first =
      trace([](const Tensor& x) { return squeeze(x, {0}); }, {.inputs = {spec({unknown, 3})}});
  CHECK(first(ones({1, 3})).shape() == Shape{3});
  CHECK_THROWS_AS(first(ones({2, 3})), ShapeError);
}

TEST_CASE("slices of unknown sizes have gradients") {
  same_for_all_sizes([](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    const Dim n = x.dim(0);
    const Tensor steps = x(slice(1, n)) * x(slice(0, n - 1));
    return tape.gradient(sum(steps * steps), x);
  });
}

TEST_CASE("slices of unknown sizes are written to") {
  same_for_all_sizes([](const Tensor& x) {
    const Dim n = x.dim(0);
    Tensor y = x * 2.0;
    y.at(slice(1, n)) = x(slice(0, n - 1));
    return y;
  });
}

TEST_CASE("tensors stretch to unknown sizes, and have gradients") {
  same_for_all_sizes([](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    const Dim n = x.dim(0);
    const Tensor wide = broadcast_to(x, {2, n, 3}) * broadcast_to(mean(x, 0), {n, 3});
    const Tensor differences = broadcast_to(x(slice(1, n)), x(slice(0, n - 1)).shape());
    return tape.gradient(sum(wide * wide) + sum(differences * 3.0), x);
  });
}

TEST_CASE("scatter and put_along_axis work along unknown sizes") {
  const Tensor rows = tensor({1, 0});
  const auto scattered = [&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    const Dim n = x.dim(0);
    const Tensor onto = scatter(x, rows, x(slice(n - 2, n)), 0, {.mode = ScatterMode::add});
    const Tensor order = argsort(x, 0);
    const Tensor put = put_along_axis(zeros_like(x), order(slice(1, n)), x(slice(0, n - 1)), 0);
    return tape.gradient(sum(onto * onto * put), x);
  };
  same_for_all_sizes(scattered);
}

TEST_CASE("variables take values whose sizes are known at the call only") {
  const Variable v(zeros({4, 3}), "v");
  auto f = trace(
      [&](const Tensor& x) {
        v.assign(x);
        v.assign_add(x);
        v.assign_sub(x(slice(0, x.dim(0))) * 0.5);
        return v + x;
      },
      {.inputs = {spec({unknown, 3}, float32, "x")}});
  const Tensor x = numbers({4, 3});
  CHECK(equal(f(x), x + x - x * 0.5 + x));
  CHECK(equal(v.value(), x + x - x * 0.5));
  CHECK(thrown<ShapeError>([&] {
          (void)f(numbers({2, 3}));
        }).starts_with("assign: needs equal sizes: x.dim(0) is 2, not 4, at "));
  CHECK(equal(v.value(), x + x - x * 0.5));

  const test::Folder folder;
  f.save(folder.file("f.json"));
  const Graph loaded = Graph::load(folder.file("f.json"));
  CHECK(equal(loaded(x), x + x - x * 0.5 + x));
  CHECK_THROWS_AS(loaded(numbers({2, 3})), ShapeError);
}

TEST_CASE("grad, value_and_grad and custom gradients take unknown sizes") {
  const auto cube_sum = [](const Tensor& x) { return sum(x * x * x); };
  same_for_all_sizes(grad(cube_sum));
  same_for_all_sizes(grad([=](const Tensor& x) { return sum(grad(cube_sum)(x)); }));
  same_for_all_sizes([=](const Tensor& x) {
    const auto [value, gradient] = value_and_grad(cube_sum)(x);
    return value + gradient;
  });
  const auto clipped = custom_gradient([](const Tensor& x) {
    return std::pair(x * x, [x](const Tensor& dy) { return minimum(dy * x * 2.0, 1.0); });
  });
  same_for_all_sizes(grad([=](const Tensor& x) { return sum(clipped(x)); }));
}

TEST_CASE("masks, gradients that are given and updates take sizes that are equal in the call") {
  const auto later = [](const Tensor& x) { return x(slice(1, x.dim(0))); };
  const auto earlier = [](const Tensor& x) { return x(slice(0, x.dim(0) - 1)); };
  same_for_all_sizes([=](const Tensor& x) {
    Tensor y = later(x);
    y.at(earlier(x) > 0.5) = 7.0;
    y.at(earlier(x) > 0.25) += 1.0;
    return y;
  });
  same_for_all_sizes([=](const Tensor& x) {
    Tensor y = later(x);
    y += earlier(x);
    y -= later(x) * 2.0;
    return y;
  });
  same_for_all_sizes([=](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    const Tensor y = later(x) * later(x);
    return tape.gradient(y, x, {.output_gradients = earlier(x)});
  });
  const auto doubled = custom_gradient([=](const Tensor& a, const Tensor& b) {
    return std::pair(a * 2.0, [=](const Tensor& dy) { return std::array{b * 2.0, dy * a}; });
  });
  same_for_all_sizes(grad([=](const Tensor& x) { return sum(doubled(later(x), earlier(x))); }));
}

TEST_CASE("an optimizer takes gradients whose sizes are known at the call only") {
  const Variable w(zeros({4, 3}), "w");
  SGD sgd(0.5);
  auto f = trace(
      [&](const Tensor& x) {
        sgd.apply_gradients({{x, w}});
        return w + 0.0;
      },
      {.inputs = {spec({unknown, 3}, float32, "x")}});
  CHECK(equal(f(ones({4, 3})), ones({4, 3}) * -0.5));
  CHECK_THROWS_AS(f(ones({2, 3})), ShapeError);
}

TEST_CASE("a traced function of any size calls another one") {
  auto inner = trace([](const Tensor& x) { return x * 2.0; });
  same_for_all_sizes([&](const Tensor& x) { return inner(x) + 1.0; });
}

}  // namespace
}  // namespace rill
