// Random numbers inside traced functions: whose they are, how long they live, and what is refused.
#include <rill/rill.h>

#include <memory>
#include <optional>

#include "tests/catch.h"
#include "tests/folder.h"
#include "tests/thrown.h"

namespace rill {
namespace {

using test::thrown;

TEST_CASE("a trace keeps the stream of a generator that is gone") {
  auto generator = std::make_unique<rng::Generator>(7);
  rng::Generator like(7);
  auto f =
      trace([&](const Tensor& x) { return x + rng::uniform({3}, {.generator = generator.get()}); });
  const auto expected = [&] { return ones({3}) + rng::uniform({3}, {.generator = &like}); };
  CHECK(equal(f(ones({3})), expected()));
  CHECK(equal(f(ones({3})), expected()));
  generator.reset();
  CHECK(equal(f(ones({3})), expected()));
  CHECK(equal(f(ones({3})), expected()));
}

TEST_CASE("a trace and its generator draw from one stream") {
  rng::Generator mine(3);
  rng::Generator like(3);
  auto f = trace([&](const Tensor& x) { return x + rng::normal({2}, {.generator = &mine}); },
                 {.verify = true});
  const Tensor zero = zeros({2});
  for (int call = 0; call < 3; ++call) {
    CHECK(equal(f(zero), rng::normal({2}, {.generator = &like})));
    CHECK(equal(rng::normal({2}, {.generator = &mine}), rng::normal({2}, {.generator = &like})));
  }
  mine.seed(3);
  like.seed(3);
  CHECK(equal(f(zero), rng::normal({2}, {.generator = &like})));
  CHECK(mine.draws() == 1);
}

TEST_CASE("a generator that the function makes is refused: it would give other numbers later") {
  const auto draws = [](const Tensor& x) {
    rng::Generator own(1);
    return x + rng::uniform({3}, {.generator = &own});
  };
  auto f = trace(draws);
  const std::string text = thrown<TraceError>([&] { (void)f(ones({3})); });
  CHECK(text.find("trace: a generator that is made while the function is recorded gives the same "
                  "numbers in every call, and other ones in a trace: make it outside, at "
                  "generators_test.cpp:") == 0);
  auto captured = trace(draws, {.inputs = {spec({unknown})}});
  CHECK(thrown<TraceError>([&] { (void)captured(ones({3})); }).find("make it outside") !=
        std::string::npos);
}

TEST_CASE("seeding is refused while a function is recorded") {
  rng::Generator mine(5);
  const auto refused = [](const auto& f, const std::string& operation) {
    auto traced = trace(f);
    auto captured = trace(f, {.inputs = {spec({unknown})}});
    for (auto* each : {&traced, &captured}) {
      const std::string text = thrown<TraceError>([&] { (void)(*each)(ones({2})); });
      INFO(text);
      CHECK(text.find("trace: " + operation +
                      ": a generator is set while the function is recorded, and later calls would "
                      "not set it: do it outside, at generators_test.cpp:") == 0);
    }
  };
  refused(
      [&](const Tensor& x) {
        mine.seed(1);
        return x;
      },
      "seed");
  refused(
      [&](const Tensor& x) {
        mine.skip_to(0);
        return x;
      },
      "skip_to");
  refused(
      [&](const Tensor& x) {
        rng::seed(1);
        return x;
      },
      "seed");
}

TEST_CASE("capturing a function that sets a generator does not set it") {
  rng::Generator mine(5);
  (void)rng::uniform({2}, {.generator = &mine});
  auto f = trace(
      [&](const Tensor& x) {
        mine.seed(1);
        return x;
      },
      {.inputs = {spec({unknown})}});
  CHECK_THROWS_AS(f(ones({2})), TraceError);
  CHECK(mine.draws() == 1);
}

TEST_CASE("a first call that makes variables may make and seed generators for them") {
  std::optional<Variable> w;
  auto f = trace([&](const Tensor& x) {
    if (!w) {
      rng::Generator own(1);
      own.seed(7);
      w.emplace(rng::normal({2}, {.generator = &own}), "w");
    }
    return x * *w;
  });
  rng::Generator like(7);
  const Tensor weights = rng::normal({2}, {.generator = &like});
  for (int call = 0; call < 3; ++call) CHECK(equal(f(ones({2})), weights));
}

TEST_CASE("a graph is saved with draws from the default generator, and from no other") {
  const test::Folder folder;
  auto f = trace([](const Tensor& x) { return x + rng::uniform({3}); });
  (void)f(ones({3}));
  f.save(folder.file("f.json"));
  const Graph g = Graph::load(folder.file("f.json"));
  rng::seed(2);
  const Tensor expected = ones({3}) + rng::uniform({3});
  rng::seed(2);
  CHECK(equal(g(ones({3})), expected));

  rng::Generator mine(1);
  auto other = trace([&](const Tensor& x) { return x + rng::uniform({3}, {.generator = &mine}); });
  (void)other(ones({3}));
  const std::string text = thrown<TraceError>([&] { other.save(folder.file("other.json")); });
  INFO(text);
  CHECK(text.find("save: 'draw' draws from a generator of the program's, which a file does not "
                  "hold: draw from the default one") == 0);
  CHECK_THROWS_AS(Graph::load(folder.file("other.json")), FileError);
}

}  // namespace
}  // namespace rill
