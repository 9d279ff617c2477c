// What a test needs to compare generated code with the interpreter, at every level this machine
// has.

#pragma once

#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <rill/cpu/compiled_object.h>
#include <rill/cpu/features.h>
#include <rill/cpu/llvm_module.h>
#include <rill/cpu/loader.h>
#include <rill/kernel/dependence.h>
#include <rill/kernel/program.h>
#include <rill/kernel/schedule.h>

#include "tests/catch.h"
#include "tests/kernel/launch.h"

namespace rill::cpu {

/// Code for one program at one level.
struct Compiled {
  CompiledObject object;
  LoadedObject code;

  Compiled(const kernel::Program& program, const kernel::Schedule& schedule, Level level)
      : object(compiled(program, schedule, level)), code(object.elf) {}

  /// Runs the points [begin, end).
  kernel::Failure run(kernel::Launch& launch, std::int64_t begin, std::int64_t end,
                      std::size_t row_bytes = 0) const {
    std::vector<std::byte> memory(object.fixed_scratch + row_bytes + 64);
    auto* scratch =
        memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64) % 64;
    kernel::KernelArguments arguments = launch.arguments();
    launch.failure = {};
    arguments.scratch = scratch;
    code.run()(&arguments, begin, end);
    return launch.failure;
  }

 private:
  static CompiledObject compiled(const kernel::Program& program, const kernel::Schedule& schedule,
                                 Level level) {
    CompiledObject object;
    std::string error;
    if (!compile(program, schedule, level, object, error)) throw std::runtime_error(error);
    return object;
  }
};

/// The same code again for a program that was compiled before.
inline const Compiled& compiled_once(const kernel::Program& program,
                                     const kernel::Schedule& schedule, Level level) {
  struct Known {
    kernel::Schedule schedule;
    std::unique_ptr<Compiled> code;
  };
  static std::map<std::pair<std::array<std::uint64_t, 2>, Level>, std::vector<Known>> known;
  std::vector<Known>& of_program = known[{kernel::fingerprint(program), level}];
  for (const Known& each : of_program) {
    if (each.schedule == schedule) return *each.code;
  }
  of_program.push_back({schedule, std::make_unique<Compiled>(program, schedule, level)});
  return *of_program.back().code;
}

/// The levels that can run here.
inline std::vector<Level> runnable_levels() {
  std::vector<Level> all;
  for (const Level level : levels) {
    if (level <= detected_level()) all.push_back(level);
  }
  return all;
}

/// The schedules that a program may be compiled under: scalar, and lanes on each axis that can have
/// them.
inline std::vector<kernel::Schedule> schedules_of(const kernel::Program& program) {
  std::vector<kernel::Schedule> all;
  all.push_back({});
  const kernel::Schedule chosen = kernel::choose(program, kernel::Dependence(program));
  if (chosen.vector_axis != kernel::none) all.push_back(chosen);
  const auto outer = program.list(program.outer);
  bool shared = false;
  for (const kernel::Store& store : program.stores) shared = shared || !store.unique;
  if (!outer.empty() && outer.back() != chosen.vector_axis && !shared)
    all.push_back({.vector_axis = outer.back()});
  for (kernel::Id axis = 0; axis < program.axes.size(); ++axis) {
    bool is_outer = false;
    for (const kernel::Id each : outer) is_outer = is_outer || each == axis;
    if (!is_outer && axis != chosen.vector_axis) {
      all.push_back({.vector_axis = axis});
      break;
    }
  }
  return all;
}

/// Equal to the last bit, but for the bits of NaN.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    }
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): -0 and +0 differ here
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0) return false;
  }
  return true;
}

/// Runs a program under every schedule at every level, in one piece and in three, and calls `look`
/// after each run. What `reset` does comes before.
inline void everywhere(const kernel::Program& program, kernel::Launch& launch, std::int64_t points,
                       const std::function<void()>& reset, const std::function<void()>& look,
                       std::size_t row_bytes = 0, bool in_pieces = true) {
  for (const Level level : runnable_levels()) {
    for (const kernel::Schedule& schedule : schedules_of(program)) {
      INFO("level " << name_of(level) << ", lanes on axis "
                    << static_cast<int>(schedule.vector_axis));
      const Compiled& compiled = compiled_once(program, schedule, level);
      reset();
      compiled.run(launch, 0, points, row_bytes);
      look();
      if (!in_pieces) continue;
      reset();
      for (const auto& [begin, end] : {std::pair{0L, points / 3}, std::pair{points / 3, points / 2},
                                       std::pair{points / 2, points}}) {
        compiled.run(launch, begin, end, row_bytes);
      }
      look();
    }
  }
}

}  // namespace rill::cpu
