#include <rill/rill.h>

#include "tests/catch.h"
#include "tests/folder.h"
#include "tests/trace/told.h"

namespace rill {
namespace {

const Tensor pair = tensor({1.5, 2.0});

TEST_CASE("a traced function prints in every call, in the order of the program") {
  const Variable count(tensor(0.0), "count");
  auto f = trace([&](const Tensor& t) {
    print("call", count.value(), "of", t, "like", t.shape());
    count.assign_add(1);
    print(count.value());
    check(t > 0, "t is positive");
    print("done");
    return t * 2.0;
  });
  CHECK(printed([&] { (void)f(pair); }) == "call 0.0 of [1.5 2. ] like [2]\n1.0\ndone\n");
  CHECK(printed([&] { (void)f(pair); }) == "call 1.0 of [1.5 2. ] like [2]\n2.0\ndone\n");
  CHECK(printed([&] { CHECK_THROWS_AS(f(-pair), ValueError); }) ==
        "call 2.0 of [-1.5 -2. ] like [2]\n3.0\n");
  CHECK(f.trace_count() == 1);
}

TEST_CASE("what a traced function has computed is printed as it is eagerly") {
  auto f = trace([](const Tensor& t) {
    const Tensor y = exp(t) / 3.0;
    print(y);
    return sum(y);
  });
  const std::string first = printed([&] { (void)f(pair); });
  CHECK(printed([&] { (void)f(pair); }) == first);
  set_print_options({.precision = 2});
  CHECK(printed([&] { (void)f(pair); }) == "[1.49 2.46]\n");
  set_print_options({});
}

TEST_CASE("a traced print happens once under tapes, in verified calls and in nested traces") {
  auto inner = trace([](const Tensor& t) {
    print("inner", t);
    return t * t;
  });
  auto outer = trace([&](const Tensor& t) { return inner(t + 1.0); }, {.verify = true});
  for (int call = 0; call < 3; ++call) {
    CHECK(printed([&] { (void)outer(pair); }) == "inner [2.5 3. ]\n");
    GradientTape tape;
    tape.watch(pair);
    Tensor y;
    CHECK(printed([&] { y = inner(pair); }) == "inner [1.5 2. ]\n");
    CHECK(printed([&] { (void)tape.gradient(y, pair); }).empty());
  }
}

TEST_CASE("capturing without values prints nothing") {
  auto f = trace(
      [](const Tensor& t) {
        print("rows:", sum(t));
        return t;
      },
      {.inputs = {spec({unknown})}});
  CHECK(printed([&] { f.warm_up({spec({2})}); }).empty());
  CHECK(printed([&] { (void)f(ones({3})); }) == "rows: 3.0\n");
  auto g = trace(
      [](const Tensor& t) {
        print(t.shape());
        return t;
      },
      {.inputs = {spec({unknown})}});
  CHECK_THROWS_WITH(g(ones({3})), Catch::StartsWith("trace: print: a size that is unknown"));
}

TEST_CASE("a graph from a file prints") {
  const test::Folder folder;
  auto f = trace([](const Tensor& t) {
    print("\"total\"", sum(t), "\n");
    return t;
  });
  (void)printed([&] { (void)f(pair); });
  f.save(folder.file("f.json"));
  const Graph g = Graph::load(folder.file("f.json"));
  CHECK(printed([&] { (void)g(pair); }) == "\"total\" 3.5 \n\n");
}

}  // namespace
}  // namespace rill
