// Generated code against the interpreter, bit for bit, on random programs: every level that this
// machine has, every way to place lanes, whole and in pieces, split over blocks, by owner, with
// every access checked.

#include "tests/catch.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <rill/kernel/interpret.h>

#include "tests/cpu/compiled.h"
#include "tests/kernel/random_program.h"

namespace rill::cpu {
namespace {

using kernel::Failure;
using kernel::Id;
using kernel::KernelArguments;
using kernel::Program;
using kernel::RandomProgram;
using kernel::Schedule;

/// Memory for rows and accumulators, aligned, filled with what no code may rely on.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : memory_(bytes + 64, std::byte{0xaa}) {}
  std::byte* aligned() {
    return memory_.data() + (64 - reinterpret_cast<std::uintptr_t>(memory_.data()) % 64) % 64;
  }

 private:
  std::vector<std::byte> memory_;
};

/// The value of an expression over sizes and constants.
std::int64_t uniform(const Program& program, Id id, const std::vector<std::int64_t>& sizes) {
  const kernel::Expr& expr = program.exprs[id];
  const auto operand = [&](std::size_t i) { return uniform(program, expr.args[i], sizes); };
  switch (expr.code) {
    case kernel::Code::constant:
      return static_cast<std::int64_t>(expr.bits);
    case kernel::Code::size:
      return sizes[expr.bits];
    case kernel::Code::multiply:
      return operand(0) * operand(1);
    default:
      throw std::runtime_error("the random programs have only products of sizes");
  }
}

/// One run of a program on memory of its own.
struct Trial {
  const RandomProgram& given;
  std::vector<RandomProgram::Memory> memories = given.memories;
  std::vector<std::byte*> buffers;
  Failure failure;

  explicit Trial(const RandomProgram& program) : given(program) {
    for (auto& memory : memories) buffers.push_back(memory.bytes.data() + memory.first);
  }

  KernelArguments arguments(std::byte* scratch, std::byte* partials) {
    return {buffers.data(), given.sizes.data(), given.parameters.data(),
            scratch,        partials,           &failure};
  }
};

std::size_t scratch_bytes(const RandomProgram& given, const CompiledObject& object) {
  std::size_t bytes = object.fixed_scratch;
  for (const kernel::Buffer& buffer : given.program.buffers) {
    if (buffer.space != kernel::Buffer::Space::row) continue;
    std::size_t row = size_of(buffer.type) * object.row_lanes;
    for (const Id extent : given.program.list(buffer.extents)) {
      row *= static_cast<std::size_t>(uniform(given.program, extent, given.sizes));
    }
    bytes += (row + 63) / 64 * 64;
  }
  return bytes;
}

std::int64_t product(const RandomProgram& given, kernel::Range axes) {
  std::int64_t count = 1;
  for (const Id axis : given.program.list(axes)) {
    count *= uniform(given.program, given.program.axes[axis].extent, given.sizes);
  }
  return count;
}

/// Runs compiled code in pieces that `random` chooses.
void run(Trial& trial, const Compiled& compiled, const Schedule& schedule,
         std::mt19937_64& random) {
  const RandomProgram& given = trial.given;
  Scratch scratch(scratch_bytes(given, compiled.object));
  std::vector<std::uint64_t> partials;
  std::int64_t count = given.points;
  bool in_pieces = random() % 2 == 0;
  if (schedule.map == Schedule::Map::split) {
    const kernel::Fold& fold = given.program.folds.front();
    count = (product(given, fold.axes) + kernel::split_block - 1) / kernel::split_block;
    partials.resize(static_cast<std::size_t>(count * given.points) * fold.init.count);
  } else if (schedule.map == Schedule::Map::owned) {
    const kernel::Buffer& to = given.program.buffers[given.program.stores.front().to.buffer];
    count = uniform(given.program, given.program.list(to.extents)[0], given.sizes);
  } else {
    const auto& stores = given.program.stores;
    in_pieces = in_pieces && std::all_of(stores.begin(), stores.end(),
                                         [](const auto& store) { return store.unique; });
  }
  const KernelArguments arguments =
      trial.arguments(scratch.aligned(), reinterpret_cast<std::byte*>(partials.data()));
  std::int64_t begin = 0;
  while (begin < count) {
    std::int64_t end = count;
    if (in_pieces) end = std::min(count, begin + 1 + static_cast<std::int64_t>(random() % 40));
    compiled.code.run()(&arguments, begin, end);
    begin = end;
  }
  if (schedule.map == Schedule::Map::split) compiled.code.finish()(&arguments, 0, given.points);
}

/// The ways in which a program may be compiled: the chosen one, and some other.
std::vector<Schedule> schedules(const RandomProgram& given, std::mt19937_64& random) {
  const Program& program = given.program;
  std::vector<Schedule> all = schedules_of(program);
  std::shuffle(all.begin() + 1, all.end(), random);
  if (all.size() > 2) all.resize(2);
  if (kernel::splits(program)) {
    all.push_back(all.back());
    all.back().map = Schedule::Map::split;
  } else if (kernel::may_be_owned(program)) {
    all.push_back(all.back());
    all.back().map = Schedule::Map::owned;
  }
  for (Schedule& schedule : all) {
    schedule.bounds_checks = random() % 3 == 0;
    const kernel::Dependence dependence(program);
    const auto outer = program.list(program.outer);
    const bool outer_lanes = !outer.empty() && outer.back() == schedule.vector_axis;
    const bool owned = schedule.map == Schedule::Map::owned;
    schedule.prefetches = !(outer_lanes ? kernel::jumping_loads(program, dependence, owned)
                                        : kernel::repeated_loads(program, dependence))
                               .empty();
    if (random() % 2 == 0) schedule.interleave = static_cast<std::uint8_t>(1U << random() % 4);
  }
  return all;
}

std::string described(const Schedule& schedule, Level level) {
  return std::string(name_of(level)) + ", map " + std::to_string(static_cast<int>(schedule.map)) +
         ", lanes on axis " + std::to_string(static_cast<int>(schedule.vector_axis)) +
         ", interleave " + std::to_string(schedule.interleave) +
         (schedule.nontemporal ? ", nontemporal" : "") +
         (schedule.prefetches ? ", prefetching" : "") + (schedule.bounds_checks ? ", checked" : "");
}

/// What differs between the interpreter and compiled code on the program of this seed; empty when
/// nothing does.
std::string differences(std::uint64_t seed) {
  const RandomProgram given = kernel::random_program(seed);
  std::mt19937_64 random(seed ^ 0x5eedU);
  Trial expected(given);
  kernel::interpret(given.program, expected.arguments(nullptr, nullptr));
  const std::vector<Level> levels = runnable_levels();
  for (const Schedule& schedule : schedules(given, random)) {
    const Level level = levels[random() % levels.size()];
    const Compiled compiled(given.program, schedule, level);
    Trial trial(given);
    run(trial, compiled, schedule, random);
    std::string found;
    if (trial.failure.error != expected.failure.error ||
        trial.failure.position != expected.failure.position ||
        trial.failure.shown_count != expected.failure.shown_count ||
        trial.failure.shown != expected.failure.shown) {
      found = "failure " + std::to_string(trial.failure.error) + " at " +
              std::to_string(trial.failure.position) + " instead of " +
              std::to_string(expected.failure.error) + " at " +
              std::to_string(expected.failure.position);
    }
    for (std::size_t m = 0; m < given.memories.size() && found.empty(); ++m) {
      found = kernel::difference(expected.memories[m], trial.memories[m]);
      if (!found.empty()) found.insert(0, "buffer " + std::to_string(m) + ", ");
    }
    if (!found.empty()) {
      return "seed " + std::to_string(seed) + ", " + described(schedule, level) + ": " + found;
    }
  }
  return {};
}

/// A number from the environment: RILL_TEST_SEED tries one program, RILL_TEST_PROGRAMS more of
/// them.
std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST_CASE("generated code gives the interpreter's bits on random programs") {
  const std::uint64_t first = setting("RILL_TEST_SEED", 0);
  const std::uint64_t count = setting("RILL_TEST_PROGRAMS", first == 0 ? 300 : 1);
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + count && failures < 10; ++seed) {
    std::string found;
    try {
      found = differences(seed);
    } catch (const std::exception& error) {
      found = "seed " + std::to_string(seed) + ": " + error.what();
    }
    if (found.empty()) continue;
    ++failures;
    if (count == 1) found += "\n" + kernel::text(kernel::random_program(seed).program);
    FAIL_CHECK(found);
  }
}

}  // namespace
}  // namespace rill::cpu
