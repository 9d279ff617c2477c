// Which steps run side by side, and that they may.
#include <rill/rill.h>
#include <rill/trace/compile.h>
#include <rill/trace/execute.h>
#include <rill/trace/same_bits.h>

#include <string>
#include <variant>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Values = std::vector<Tensor>;

/// Every step that may run beside another one does.
constexpr StageLimits always{.step = 1, .others = 0, .piece = 0};

/// The stages of a plan: of each its steps' first nodes.
std::vector<std::string> stages(const TracePlan& plan) {
  std::vector<std::string> texts;
  for (const Stage& stage : plan.stages) {
    std::string& text = texts.emplace_back();
    for (std::size_t s = stage.first; s < stage.first + stage.steps; ++s) {
      const auto* const kernel = std::get_if<KernelStep>(&plan.steps[s]);
      const int node = kernel != nullptr ? plan.groups[kernel->launches[0].group].nodes[0]
                                         : std::get<LibraryStep>(plan.steps[s]).node;
      text += (text.empty() ? "" : " ") + plan.node(node).name;
    }
  }
  return texts;
}
std::vector<std::string> stages(const std::shared_ptr<const Function>& function) {
  return stages(compile(function, *function, always));
}

TEST_CASE("products that do not need one another run side by side") {
  const auto f = recorded({ones({2, 2}), ones({2, 2})}, [](const Values& x) {
    const Tensor a = matmul(x[0], x[1]);
    const Tensor b = matmul(a, a);
    const Tensor c = matmul(x[1], x[0]);
    return Values{b, c, matmul(c, c)};
  });
  CHECK(stages(f) == std::vector<std::string>{"matmul matmul_2", "matmul_1 matmul_3"});
}

TEST_CASE("steps that are worth no other thread run one after the other, as they were written") {
  auto f = trace([](const Tensor& x) { return Values{matmul(x, x), matmul(x, x + 1.0F)}; });
  (void)f(ones({4, 4}));
  CHECK(f.explain().find("beside") == std::string::npos);
}

TEST_CASE("small steps that are worth another thread together say so") {
  const auto chains = [](const Tensor& x) {
    Values results;
    for (int i = 0; i < 4; ++i) results.push_back(tanh(matmul(x + static_cast<float>(i), x)));
    return results;
  };
  auto f = trace(chains);
  const Tensor x = rng::normal({64, 64});
  (void)f(x);
  CHECK(f.explain().find("(beside the next 3)") != std::string::npos);
  const Values expected = chains(x);
  for (const int threads : {1, 2, 7}) {
    set_threads(threads);
    const Values got = f(x);
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(same_bits(got[i], expected[i]));
  }
}

TEST_CASE("a large product is cut up by itself, and a small one runs before or after it") {
  auto f = trace([](const Tensor& x, const Tensor& y) {
    return Values{matmul(x, x), matmul(y, y), matmul(y, y + 1.0F)};
  });
  (void)f(ones({512, 512}), ones({32, 32}));
  CHECK(f.explain().find("beside") == std::string::npos);
}

TEST_CASE("nothing passes a draw, a check or a print") {
  const auto f = recorded({ones({2, 2})}, [](const Values& x) {
    const Tensor a = matmul(x[0], x[0]);
    check(x[0] > 0.0F, "positive");
    return Values{matmul(x[0], a), matmul(a, x[0]), exp(x[0])};
  });
  CHECK(stages(f) == std::vector<std::string>{"matmul greater", "matmul_1 matmul_2 exp"});
}

TEST_CASE("what is read is not written beside its reader") {
  const Variable v(ones({2, 2}));
  const auto f = recorded({ones({2, 2})}, [&](const Values& x) {
    const Tensor old = v;
    const Values results{matmul(old, x[0]), matmul(x[0], x[0])};
    v.assign(old * 2.0F);  // where the old value is
    return results;
  });
  const TracePlan plan = compile(f, *f, always);
  REQUIRE(plan.variables.at(0).in_place);
  CHECK(stages(plan) == std::vector<std::string>{"matmul matmul_1"});
}

TEST_CASE("steps of a stage share no memory, whatever has been read for the last time") {
  // By itself the second product could be made where the first one's operand was.
  const auto body = [](const Values& x) {
    const Tensor a = tanh(x[0]);
    const Tensor b = exp(x[0]);
    return Values{sum(matmul(a, a) + matmul(b, b))};
  };
  const Values x{rng::normal({16, 16})};
  const auto f = recorded(x, body);
  const TracePlan plan = compile(f, *f, always);
  CHECK_FALSE(plan.stages.empty());
  CHECK(plan.arena >= 4 * 16 * 16 * sizeof(float));
  std::vector<const Tensor*> arguments{&x[0]};
  set_threads(2);
  for (int i = 0; i < 100; ++i) CHECK(same_bits(execute(plan, arguments)[0], body(x)[0]));
}

TEST_CASE("parts of one value are made side by side, and read when all are there") {
  const auto body = [](const Values& x) {
    const Tensor whole = concat({matmul(x[0], x[0]), matmul(x[0], x[1]), matmul(x[1], x[0])});
    return Values{matmul(whole, x[0])};
  };
  const Values x{rng::normal({8, 8}), rng::normal({8, 8})};
  const auto f = recorded(x, body);
  const TracePlan plan = compile(f, *f, always);
  CHECK(stages(plan) == std::vector<std::string>{"matmul matmul_1 matmul_2"});
  std::vector<const Tensor*> arguments{&x[0], &x[1]};
  set_threads(3);
  for (int i = 0; i < 100; ++i) CHECK(same_bits(execute(plan, arguments)[0], body(x)[0]));
}

}  // namespace
}  // namespace rill
