// Closing stages: what they print as, what of them is refused, what they compute.
#include "tests/catch.h"

#include <array>
#include <string>
#include <vector>

#include <rill/kernel/builder.h>
#include <rill/kernel/program.h>
#include <rill/tensor/error.h>

#include "tests/kernel/launch.h"
#include "tests/kernel/programs.h"

namespace rill::kernel {
namespace {

TEST_CASE("closing stages print behind the loop over the points") {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id x = matrix(b, float32, Space::input, n, m, true);
  const Id out = line(b, float32, Space::output, m);
  b.outer(std::array{i});
  b.stage({});
  const auto term = [&] { return b.load(x, std::array{b.index(i), b.index(j)}); };
  const Value row = b.fold(std::array{j}, summing(b, float32, term))[0];
  b.closing(std::array{j});
  const auto sum = b.fold(std::array{i}, summing(b, float32, [&] { return term() * row; }));
  b.store(out, std::array{b.index(j)}, sum[0] * 2.0);
  CHECK(text(b.finish()) ==
        "input b0: float32[s0, s1] strides [s1, 1]\n"
        "output b1: float32[s1] strides [1]\n"
        "for i0 in s0:\n"
        "  stage:\n"
        "    f0 = reduce over i1 in s1:\n"
        "      init 0.0\n"
        "      %7 = b0[i0, i1]\n"
        "      step acc0 + %7\n"
        "      merge acc0 + right0\n"
        "closing for i1 in s1:\n"
        "  f1 = reduce over i0 in s0:\n"
        "    init 0.0\n"
        "    %7 = b0[i0, i1]\n"
        "    step acc0 + (%7 * f0)\n"
        "    merge acc0 + right0\n"
        "  b1[i1] = f1 * 2.0\n");
}

TEST_CASE("a program with a closing stage is another program") {
  Program without = shares_and_totals();
  without.closing.pop_back();
  CHECK(fingerprint(without) != fingerprint(shares_and_totals()));
}

void refuses_closing(const std::string& message, const std::function<void(Program&)>& change) {
  Program program = shares_and_totals();
  change(program);
  INFO(message);
  CHECK_THROWS_WITH(check(program), "kernel check: " + message);
}

TEST_CASE("closing stages that could not be closed are refused") {
  CHECK_NOTHROW(check(shares_and_totals()));
  refuses_closing("closing stage 0 loops over axis 0 twice",
                  [](Program& p) { p.closing[0].axes = p.outer; });
  refuses_closing("closing stage 0 has a fold that is no reduction of the outer axes",
                  [](Program& p) { p.folds[1].axes.count = 0; });
  refuses_closing("closing stage 0 has a fold that is no reduction of the outer axes",
                  [](Program& p) {
                    p.folds[1].kind = Fold::Kind::sequence;
                    p.folds[1].merge.count = 0;
                  });
  refuses_closing("fold 0 stands in two stages",
                  [](Program& p) { p.closing[0].folds = p.stages[0].folds; });
  refuses_closing("store 2 uses the result of fold 1, which is not in scope",
                  [](Program& p) { p.closing[0].folds.first += 1, p.closing[0].folds.count = 1; });
  refuses_closing("store 5 uses the result of fold 0, which is not in scope", [](Program& p) {
    p.stores[5].value = p.exprs[p.ids[p.folds[3].step.first]].args[1];
  });
  refuses_closing("closing stage 0 stores to a row, outside of every point",
                  [](Program& p) { p.stores[2].to = p.stores[0].to; });
  refuses_closing("closing stage 0 stands beside a store that is not unique",
                  [](Program& p) { p.stores[1].unique = false; });
  refuses_closing("the step of fold 2 loads what may have been stored before",
                  [](Program& p) { p.buffers[0].space = Space::in_out; });
  refuses_closing("a list of store runs past the pool of ids",
                  [](Program& p) { p.closing[1].stores.count = 0xffffffff; });
}

/// The buffers of a launch of `shares_and_totals`.
struct Shares {
  std::vector<float> x, w, out, totals, largest, all;
  std::vector<std::int64_t> first;
  Launch launch;

  Shares(std::vector<float> of, std::int64_t n, std::int64_t m)
      : x(std::move(of)),
        w(static_cast<std::size_t>(m), 0.25F),
        out(x.size()),
        totals(w.size(), -1),
        largest(w.size(), -1),
        all(1, -1),
        first(w.size(), -1) {
    launch.sizes = {n, m};
    launch.add(x), launch.add(w), launch.add(out), launch.add(totals), launch.add(largest);
    launch.add(first), launch.add(all);
    CHECK(launch.interpret(shares_and_totals()).error == 0);
  }
};

TEST_CASE("columns are summed over the points when all points have been") {
  const Shares rows({1, 3, 6, 2, 3, 1}, 3, 2);
  CHECK(rows.out == std::vector<float>{0.25F, 0.75F, 0.75F, 0.25F, 0.75F, 0.25F});
  CHECK(rows.totals == std::vector<float>{0.25F + 1.75F, 0.25F + 1.25F});
  CHECK(rows.largest == std::vector<float>{6, 3});
  CHECK(rows.first == std::vector<std::int64_t>{1, 0});
  CHECK(rows.all == std::vector<float>{16});
}

TEST_CASE("without a point each closing fold gives its init") {
  const Shares rows({}, 0, 3);
  CHECK(rows.totals == std::vector<float>(3, 0.25F));
  CHECK(rows.first == std::vector<std::int64_t>(3, std::numeric_limits<std::int64_t>::max()));
  CHECK(rows.all == std::vector<float>{0});
}

TEST_CASE("closing folds have the documented order: that of the same sums by themselves") {
  for (const std::int64_t n : {1, 15, 511, 512, 513, 1537, 5000}) {
    for (const std::int64_t m : {1, 7, 300}) {
      Shares rows(uneven(static_cast<std::size_t>(n * m)), n, m);
      std::vector<float> totals(rows.w.size());
      Launch sum;  // of the columns
      sum.sizes = {m, n};
      sum.add(rows.out), sum.add(totals);
      sum.interpret(sums(float32, false));
      for (float& total : totals) total = 0.25F + total;
      INFO(n << " rows of " << m);
      CHECK(rows.totals == totals);
      std::vector<float> by_row(static_cast<std::size_t>(n)), all(1);
      Launch row_sums;
      row_sums.sizes = {n, m};
      row_sums.add(rows.x), row_sums.add(by_row);
      row_sums.interpret(sums(float32, true));
      Launch whole;
      whole.sizes = {1, n};
      whole.add(by_row), whole.add(all);
      whole.interpret(sums(float32, true));
      CHECK(rows.all == all);
    }
  }
}

}  // namespace
}  // namespace rill::kernel
