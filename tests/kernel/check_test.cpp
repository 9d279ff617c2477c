#include "tests/catch.h"
#include "tests/kernel/programs.h"

#include <array>
#include <functional>
#include <random>
#include <string>

#include <rill/kernel/builder.h>
#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

/// One of everything: fold, row, scan, guard, check, scatter.
Program sample() {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Value one = b.integer(1);
  const Value p = b.parameter(float32);
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id k = b.axis(m);
  const Id x = b.buffer(float32, Space::input, std::array{n, m}, std::array{m, one});
  const Id y = b.buffer(float32, Space::in_out, std::array{n, m}, std::array{m, one});
  const Id row = b.row(float32, std::array{m});
  b.outer(std::array{i});
  const auto load = [&](Id axis) { return b.load(x, std::array{b.index(i), b.index(axis)}); };
  const auto sum =
      b.fold(std::array{j},
             {.init = {b.constant(float32, 0)},
              .step = [&](std::span<const Value> a) { return std::vector{a[0] + load(j) * p}; },
              .merge = added});
  b.check(sum[0] < 100.0, 1, std::array{n, b.index(i)});
  b.stage(std::array{k});
  b.store(row, std::array{b.index(k)}, load(k) / sum[0]);
  b.stage({});
  const auto prefix =
      b.fold(std::array{j}, {.kind = Fold::Kind::scan,
                             .init = {b.constant(float32, 0)},
                             .step =
                                 [&](std::span<const Value> a) {
                                   return std::vector{a[0] + b.load(row, std::array{b.index(j)})};
                                 },
                             .merge = added});
  b.store(y, std::array{b.index(i), b.index(j)}, prefix[0], Store::Mode::add, false,
          b.index(j) < 10);
  return b.finish();
}

/// What `check` says of the sample after a change.
void refused(const std::string& message, const std::function<void(Program&)>& change) {
  Program program = sample();
  change(program);
  CHECK_THROWS_WITH(check(program), "kernel check: " + message);
  CHECK_THROWS_AS(check(program), InternalError);
}

Expr& first(Program& program, Code code) {
  for (Expr& expr : program.exprs) {
    if (expr.code == code) return expr;
  }
  throw InternalError("the sample has no such expression");
}

TEST_CASE("what the builder makes passes the checker") { CHECK_NOTHROW(check(sample())); }

TEST_CASE("ids out of range are refused") {
  refused("a list of axis runs past the pool of ids", [](Program& p) { p.outer.count = 1000000; });
  refused("a list of store runs past the pool of ids",
          [](Program& p) { p.stages[0].stores = {0xffffffff, 0xffffffff}; });
  refused("there is no axis 77", [](Program& p) { p.ids[p.outer.first] = 77; });
  refused("there is no fold 9", [](Program& p) { p.ids[p.stages[0].folds.first] = 9; });
  refused("expression 0 (size) names size 5 of 2",
          [](Program& p) { first(p, Code::size).bits = 5; });
  refused("expression 8 (parameter) names parameter 0 of 0",
          [](Program& p) { p.parameters.clear(); });
  refused("expression 7 (load) names access 1099511627776 of 3",
          [](Program& p) { first(p, Code::load).bits = 1ULL << 40U; });
  refused("expression 13 (result) names fold 99 of 2",
          [](Program& p) { first(p, Code::result).bits = 99U << 8U; });
  refused("expression 4 (accumulator) names accumulator 7 of 1",
          [](Program& p) { first(p, Code::accumulator).bits |= 7; });
  refused("expression 7 (load) names buffer 30 of 3",
          [](Program& p) { p.accesses[0].buffer = 30; });
  refused("the value of store 0 is missing", [](Program& p) { p.stores[0].value = none; });
  refused("the extent of axis 0 is missing", [](Program& p) { p.axes[0].extent = 4000; });
}

TEST_CASE("cycles and unknown codes are refused") {
  refused("expression 10 (add) stands before an operand: a cycle", [](Program& p) {
    Expr& add = first(p, Code::add);
    add.args[0] = static_cast<Id>(&add - p.exprs.data());
  });
  refused("expression 9 (multiply) stands before an operand: a cycle", [](Program& p) {
    first(p, Code::multiply).args[1] = static_cast<Id>(p.exprs.size() - 1);
  });
  refused("expression 10 has no known code",
          [](Program& p) { first(p, Code::add).code = static_cast<Code>(200); });
  refused("expression 10 (add) has no known type",
          [](Program& p) { first(p, Code::add).type = static_cast<DType>(77); });
  refused("expression 10 (add) has the wrong number of operands",
          [](Program& p) { first(p, Code::add).arity = 3; });
  refused("fold 0 is of no known kind",
          [](Program& p) { p.folds[0].kind = static_cast<Fold::Kind>(9); });
  refused("store 0 is of no known mode",
          [](Program& p) { p.stores[0].mode = static_cast<Store::Mode>(9); });
  refused("buffer 0 is in no known space",
          [](Program& p) { p.buffers[0].space = static_cast<Space>(9); });
}

TEST_CASE("types that do not fit are refused") {
  refused("expression 10 (add) cannot take float32 and give float16",
          [](Program& p) { first(p, Code::add).type = float16; });
  refused("expression 7 (load) is float64 of float32",
          [](Program& p) { first(p, Code::load).type = float64; });
  refused("expression 3 (constant) has more bits than its type", [](Program& p) {
    for (Expr& expr : p.exprs) {
      if (expr.code == Code::constant && expr.type == float32) expr.bits = ~0ULL;
    }
  });
  refused("check 0 is float32, not bool", [](Program& p) { p.checks[0].ok = p.stores[0].value; });
  refused("the extent of axis 0 depends on more than sizes and constants", [](Program& p) {
    p.axes[0].extent = static_cast<Id>(&first(p, Code::axis) - p.exprs.data());
  });
}

TEST_CASE("what is out of scope is refused") {
  refused("stage 1 loops over axis 0 twice", [](Program& p) { p.stages[1].axes = p.outer; });
  refused("the step of fold 0 uses axis 0, which is not in scope",
          [](Program& p) { p.outer.count = 0; });
  refused("check 0 uses the result of fold 0, which is not in scope",
          [](Program& p) { p.stages[0].folds.count = 0; });
  refused("store 0 uses an accumulator of fold 0, which is not in scope", [](Program& p) {
    p.stores[0].value = static_cast<Id>(&first(p, Code::accumulator) - p.exprs.data());
  });
  refused("check 0 stands in two stages",
          [](Program& p) { p.stages[2].checks = p.stages[0].checks; });
  refused("stage 2 has a scan and axes of its own",
          [](Program& p) { p.stages[2].axes = p.stages[1].axes; });
  refused("the merge of fold 0 uses memory",
          [](Program& p) { p.folds[0].merge = p.folds[0].step; });
}

TEST_CASE("memory that may not be touched is refused") {
  refused("expression 7 (load) reads an output",
          [](Program& p) { p.buffers[0].space = Space::output; });
  refused("store 1 writes an input", [](Program& p) { p.buffers[1].space = Space::input; });
  refused("store 1 combines with an output, which starts undefined",
          [](Program& p) { p.buffers[1].space = Space::output; });
  refused("access 0 has 1 indices for a buffer of rank 2",
          [](Program& p) { p.accesses[0].index.count = 1; });
  refused("buffer 0 needs one stride per extent",
          [](Program& p) { p.buffers[0].strides.count = 1; });
  refused("store 0 has an otherwise",
          [](Program& p) { p.stores[0].to.otherwise = p.stores[0].value; });
}

TEST_CASE("no damage to a program gets past the checker and breaks something") {
  // Whatever is changed: either it is refused, or it prints and hashes without a fault.
  const Program original = sample();
  std::mt19937 random(1);
  int refusals = 0;
  for (int round = 0; round < 20000; ++round) {
    Program p = original;
    const auto some = [&](auto& pool) -> auto& { return pool[random() % pool.size()]; };
    const Id id = random() % 4 == 0 ? static_cast<Id>(random()) : static_cast<Id>(random() % 40);
    switch (random() % 8) {
      case 0:
        some(p.ids) = id;
        break;
      case 1:
        some(p.exprs).args[random() % 3] = id;
        break;
      case 2:
        some(p.exprs).bits = id;
        break;
      case 3:
        some(p.exprs).code = static_cast<Code>(random() % 40);
        break;
      case 4:
        some(p.exprs).type = static_cast<DType>(random() % 15);
        break;
      case 5:
        some(p.accesses).buffer = id;
        break;
      case 6:
        some(p.accesses).guard = id;
        break;
      default:
        some(p.stages).stores = {id, static_cast<Id>(random() % 5)};
        break;
    }
    try {
      check(p);
    } catch (const InternalError&) {
      ++refusals;
      continue;
    }
    CHECK(!text(p).empty());
    (void)fingerprint(p);
  }
  CHECK(refusals > 1000);
}

}  // namespace
}  // namespace rill::kernel
