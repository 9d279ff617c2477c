#include <rill/cpu/kernel.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include <rill/cpu/divide_up.h>
#include <rill/cpu/environment.h>
#include <rill/cpu/recently_used.h>
#include <rill/cpu/scratch.h>
#include <rill/cpu/thread_pool.h>
#include <rill/kernel/arithmetic.h>
#include <rill/tensor/error.h>
#include <rill/tensor/float_environment.h>
#include <rill/tensor/unnamed.h>

namespace rill::cpu {

using kernel::Failure;
using kernel::Id;
using kernel::KernelArguments;
using kernel::Program;
using kernel::Schedule;

namespace {

/// Pieces of pointwise work begin at multiples of this, so that threads do not share cache lines.
constexpr std::int64_t piece_points = 1024;
constexpr std::size_t kernels_kept = 4096;
/// Points whose reductions take turns.
constexpr int points_at_once = 4;
/// From this much work on another compilation is worth it: for strides that turn out to be simple,
/// for reductions that take turns.
constexpr double specialised_nanoseconds = 50'000;
constexpr std::size_t specialisations = 16;

}  // namespace

// ---- Preparing --------------------------------------------------------------------------------

std::shared_ptr<const Kernel> Kernel::prepare(const Program& program) {
  struct Cache {
    std::mutex mutex;
    RecentlyUsed<std::shared_ptr<const Kernel>> kernels{kernels_kept};
  };
  static Cache& cache = *new Cache;  // used by threads that outlive static destruction

  const auto print = kernel::fingerprint(program);
  {
    const std::lock_guard lock(cache.mutex);
    if (const auto* known = cache.kernels.find(print)) return *known;
  }
  // Two threads may get here with one program; its code is compiled once all the same.
  auto made = std::make_shared<const Kernel>(program);
  const std::lock_guard lock(cache.mutex);
  if (const auto* known = cache.kernels.find(print)) return *known;
  return cache.kernels.keep(print, std::move(made));
}

Kernel::Kernel(Program program) : program_(std::move(program)) {
  kernel::check(program_);
  fingerprint_ = kernel::fingerprint(program_);
  const kernel::Dependence dependence(program_);
  costs_ = kernel::costs(program_, dependence);
  splits_ = kernel::splits(program_);
  closes_ = !program_.closing.empty();
  may_be_owned_ = kernel::may_be_owned(program_);
  shared_stores_ = std::any_of(program_.stores.begin(), program_.stores.end(),
                               [](const kernel::Store& store) { return !store.unique; });
  points_.schedule = kernel::choose(program_, dependence);
  points_.schedule.bounds_checks = environment::bounds();
  points_bypassing_.schedule = points_.schedule;
  points_bypassing_.schedule.nontemporal = true;
  points_prefetching_.schedule = points_.schedule;
  points_prefetching_.schedule.prefetches = true;
  points_prefetching_bypassing_.schedule = points_bypassing_.schedule;
  points_prefetching_bypassing_.schedule.prefetches = true;
  interleaves_ = kernel::interleaves(program_, points_.schedule);
  points_interleaved_.schedule = points_.schedule;
  points_interleaved_.schedule.interleave = points_at_once;
  split_.schedule = points_.schedule;
  split_.schedule.map = Schedule::Map::split;
  owned_.schedule = points_.schedule;
  owned_.schedule.map = Schedule::Map::owned;
  owned_prefetching_.schedule = owned_.schedule;
  owned_prefetching_.schedule.prefetches = true;
  const auto outer = program_.list(program_.outer);
  outer_lanes_ = !outer.empty() && outer.back() == points_.schedule.vector_axis;
  if (!points_.schedule.bounds_checks) {
    prefetched_loads_ = outer_lanes_ ? kernel::jumping_loads(program_, dependence, false)
                                     : kernel::repeated_loads(program_, dependence);
    if (outer_lanes_) prefetched_loads_owned_ = kernel::jumping_loads(program_, dependence, true);
  }
  tiles_ = outer_lanes_ && !points_.schedule.bounds_checks &&
           !kernel::transposed_loads(program_, dependence).empty();
  tiled_.schedule = points_.schedule;
  tiled_.schedule.map = Schedule::Map::tiles;
  tiled_bypassing_.schedule = tiled_.schedule;
  tiled_bypassing_.schedule.nontemporal = true;
  for (const kernel::Buffer& buffer : program_.buffers) {
    if (buffer.space == kernel::Buffer::Space::row) continue;
    for (const Id stride : program_.list(buffer.strides)) {
      const kernel::Expr& expr = program_.exprs[stride];
      if (expr.code == kernel::Code::size) stride_sizes_.push_back(static_cast<Id>(expr.bits));
    }
  }
  std::sort(stride_sizes_.begin(), stride_sizes_.end());
  stride_sizes_.erase(std::unique(stride_sizes_.begin(), stride_sizes_.end()), stride_sizes_.end());

  const bool rows = std::any_of(
      program_.buffers.begin(), program_.buffers.end(),
      [](const kernel::Buffer& buffer) { return buffer.space == kernel::Buffer::Space::row; });
  pointwise_ = !rows && program_.checks.empty() && program_.folds.empty() && !closes_;
}

kernel::KernelFunction Kernel::direct() const {
  const Code* compiled = pointwise_ ? code(points_) : nullptr;
  return compiled == nullptr ? nullptr : compiled->object.run();
}

const Code* Kernel::code(Variant& variant) const {
  std::call_once(variant.once,
                 [&] { variant.code = code_for(program_, fingerprint_, variant.schedule); });
  return variant.code.get();
}

// ---- What a launch's sizes say ----------------------------------------------------------------

/// Of an expression over sizes and constants.
std::int64_t Kernel::value(Id id, const std::int64_t* sizes) const {
  const kernel::Expr& expr = program_.exprs[id];
  if (expr.code == kernel::Code::constant) return static_cast<std::int64_t>(expr.bits);
  if (expr.code == kernel::Code::size) return sizes[expr.bits];
  alignas(8) std::array<std::array<std::byte, 8>, 3> operands{};
  std::array<const std::byte*, 3> pointers{};
  for (std::size_t i = 0; i < expr.arity; ++i) {
    const std::int64_t operand = value(expr.args[i], sizes);
    std::memcpy(operands[i].data(), &operand, 8);
    pointers[i] = operands[i].data();
  }
  const DType operand = program_.exprs[expr.args[expr.code == kernel::Code::select ? 1 : 0]].type;
  std::int64_t result = 0;
  kernel::operation(expr.code, operand, expr.type)(reinterpret_cast<std::byte*>(&result),
                                                   pointers.data(), 1);
  return result;
}

std::int64_t Kernel::product(std::span<const Id> axes, const std::int64_t* sizes) const {
  std::int64_t all = 1;
  for (const Id axis : axes) {
    const std::int64_t extent = std::max<std::int64_t>(0, value(program_.axes[axis].extent, sizes));
    if (__builtin_mul_overflow(all, extent, &all))
      throw InternalError("kernel: the extents of a launch overflow");
  }
  return all;
}

std::size_t Kernel::scratch_bytes(const Code& code, const std::int64_t* sizes) const {
  std::size_t bytes = code.fixed_scratch;
  for (const kernel::Buffer& buffer : program_.buffers) {
    if (buffer.space != kernel::Buffer::Space::row) continue;
    std::size_t row = size_of(buffer.type) * code.row_lanes;
    for (const Id extent : program_.list(buffer.extents)) {
      const auto count = static_cast<std::size_t>(std::max<std::int64_t>(0, value(extent, sizes)));
      if (__builtin_mul_overflow(row, count, &row))
        throw detail::UnnamedError<OutOfMemoryError>("the rows of a kernel overflow");
    }
    if (__builtin_add_overflow(row, 63, &row) ||
        __builtin_add_overflow(bytes, row / 64 * 64, &bytes))
      throw detail::UnnamedError<OutOfMemoryError>("the rows of a kernel overflow");
  }
  // Of every lane of a chunk.
  std::size_t lanes = closing_bytes(sizes);
  if (__builtin_mul_overflow(lanes, kernel::fold_lanes, &lanes) ||
      __builtin_add_overflow(bytes, (lanes + 63) / 64 * 64, &bytes))
    throw detail::UnnamedError<OutOfMemoryError>("the accumulators of a kernel overflow");
  return bytes;
}

/// A kernel that knows which of the strides are 0, 1, 2 or -1; null where none is, where there are
/// too many already, or where there is too little work.
const Kernel* Kernel::specialised(const Launch& launch) const {
  const std::int64_t* const sizes = launch.sizes;
  if (launch.work <= specialised_nanoseconds || stride_sizes_.empty()) return nullptr;
  Strides known;
  for (const Id number : stride_sizes_) {
    if (sizes[number] >= -1 && sizes[number] <= 2) known.emplace_back(number, sizes[number]);
  }
  if (known.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  for (const auto& [strides, kernel] : specialised_) {
    if (strides == known) return kernel.get();
  }
  if (specialised_.size() >= specialisations) return nullptr;
  specialised_.emplace_back(known, prepare(kernel::with_strides(program_, known)));
  return specialised_.back().second.get();
}

/// Whether what is written is too much for the caches, and every vector of it begins at a multiple
/// of 64 bytes.
bool Kernel::bypasses_caches(const Launch& launch) const {
  // A virtual machine reports the whole socket's cache, of which it has a share: hence the most.
  static const auto much = std::clamp(std::int64_t{sysconf(_SC_LEVEL3_CACHE_SIZE)} / 2,
                                      std::int64_t{8} << 20, std::int64_t{16} << 20);
  const Id lanes = points_.schedule.vector_axis;
  if (lanes == kernel::none || points_.schedule.bounds_checks) return false;
  std::int64_t written = 0;
  for (const kernel::Store& store : program_.stores) {
    const kernel::Buffer& buffer = program_.buffers[store.to.buffer];
    if (buffer.space == kernel::Buffer::Space::row) continue;
    if (buffer.space != kernel::Buffer::Space::output || store.mode != kernel::Store::Mode::set ||
        !store.unique)
      return false;
    std::size_t number = 0;
    for (Id k = 0; k < store.to.buffer; ++k)
      number += program_.buffers[k].space != kernel::Buffer::Space::row ? 1U : 0U;
    if (launch.buffers != nullptr &&
        reinterpret_cast<std::uintptr_t>(launch.buffers[number]) % 64 != 0)
      return false;
    const auto width = static_cast<std::int64_t>(size_of(buffer.type));
    const auto index = program_.list(store.to.index);
    const auto strides = program_.list(buffer.strides);
    const auto extents = program_.list(buffer.extents);
    std::int64_t bytes = width;
    for (std::size_t d = 0; d < index.size(); ++d) {
      // Plain indices only: rows that begin at multiples, and neighbours along the last.
      if (program_.exprs[index[d]].code != kernel::Code::axis) return false;
      const std::int64_t stride = value(strides[d], launch.sizes);
      if (d + 1 < index.size() ? stride * width % 64 != 0 : stride != 1) return false;
      bytes *= value(extents[d], launch.sizes);
    }
    written += bytes;
  }
  return written >= much;
}

/// Whether any of these loads is from a buffer that the second-level cache does not hold.
bool Kernel::read_far(std::span<const Id> loads, const std::int64_t* sizes) const {
  static const auto cache = std::max<std::int64_t>(sysconf(_SC_LEVEL2_CACHE_SIZE), 1 << 18);
  return std::any_of(loads.begin(), loads.end(), [&](Id load) {
    const kernel::Buffer& buffer = program_.buffers[program_.accesses[load].buffer];
    auto bytes = static_cast<std::int64_t>(size_of(buffer.type));
    for (const Id extent : program_.list(buffer.extents)) bytes *= value(extent, sizes);
    return bytes > cache;
  });
}

/// Whether reductions wait for themselves rather than for memory: rows of at most a chunk (longer
/// ones have chunks side by side), from buffers that the second-level caches hold. Rows from memory
/// are taken one by one: several streams in one page are foreseen less well than one.
bool Kernel::takes_turns(const std::int64_t* sizes) const {
  static const auto cache = std::max<std::int64_t>(sysconf(_SC_LEVEL2_CACHE_SIZE), 1 << 18);
  if (!interleaves_) return false;
  std::int64_t bytes = 0;
  for (const kernel::Buffer& buffer : program_.buffers) {
    if (buffer.space != kernel::Buffer::Space::input) continue;
    auto size = static_cast<std::int64_t>(size_of(buffer.type));
    const auto extents = program_.list(buffer.extents);
    const auto strides = program_.list(buffer.strides);
    for (std::size_t d = 0; d < extents.size(); ++d)
      size *= value(strides[d], sizes) == 0 ? 1 : value(extents[d], sizes);
    bytes += size;
  }
  return bytes <= cache * threads() &&
         std::all_of(program_.folds.begin(), program_.folds.end(), [&](const kernel::Fold& fold) {
           return product(program_.list(fold.axes), sizes) <= kernel::fold_chunk;
         });
}

void Kernel::join(Failure& all, const Failure& one) {
  if (one.error != 0 && (all.error == 0 || one.position < all.position)) all = one;
}

// ---- Running ----------------------------------------------------------------------------------

double Kernel::nanoseconds_per_point(const std::int64_t* sizes) const {
  double per_point = 0;
  for (const kernel::Cost& cost : costs_) {
    double all = cost.nanoseconds;
    for (const Id axis : cost.axes) {
      all *=
          static_cast<double>(std::max<std::int64_t>(0, value(program_.axes[axis].extent, sizes)));
    }
    per_point += all;
  }
  return per_point;
}

/// What to run a launch by: where there is more than one way, the fastest.
Kernel::Variant& Kernel::best_variant(const Launch& launch) const {
  const std::int64_t* const sizes = launch.sizes;
  if (launch.by_caller()) return points_;
  const std::int64_t many = std::int64_t{outer_lanes_ ? 64 : 4} * threads();
  if (splits_ && launch.points < many && threads() > 1 &&
      product(program_.list(program_.folds.front().axes), sizes) > 2 * kernel::split_block)
    return split_;
  if (shared_stores_) {
    if (!may_be_owned_ || threads() == 1) return points_;
    return read_far(prefetched_loads_owned_, sizes) ? owned_prefetching_ : owned_;
  }
  const auto outer = program_.list(program_.outer);
  const std::int64_t columns = outer.empty() ? 1 : value(program_.axes[outer.back()].extent, sizes);
  const bool bypasses = bypasses_caches(launch);
  if (tiles_) {
    const std::int64_t rows = value(program_.axes[outer[outer.size() - 2]].extent, sizes);
    if (rows < kernel::fold_lanes || columns < kernel::fold_lanes) return points_;
    return bypasses && columns % 64 == 0 ? tiled_bypassing_ : tiled_;
  }
  if (launch.work > specialised_nanoseconds && takes_turns(sizes) && columns >= points_at_once)
    return points_interleaved_;
  const bool whole_lines = !outer_lanes_ || outer.size() == 1 || columns % 64 == 0;
  if (read_far(prefetched_loads_, sizes))
    return bypasses && whole_lines ? points_prefetching_bypassing_ : points_prefetching_;
  return bypasses && whole_lines ? points_bypassing_ : points_;
}

kernel::Measure Kernel::measure(const std::int64_t* sizes) const {
  const Launch launch(*this, sizes);
  kernel::Measure measure;
  if (launch.points == 0) return measure;
  if (const Kernel* better = specialised(launch)) {
    measure = better->measure(sizes);
    measure.by_caller = false;
    return measure;
  }
  const Code* compiled = code(best_variant(launch));
  if (compiled == nullptr) return measure;
  measure.points = launch.points;
  measure.by_caller = launch.by_caller() && !closes_;
  if (measure.by_caller) measure.scratch = scratch_bytes(*compiled, sizes);
  return measure;
}

Failure Kernel::execute(const kernel::Measure& measure, std::byte* const* buffers,
                        const std::int64_t* sizes, const std::uint64_t* parameters) const {
  if (!measure.by_caller) return execute(buffers, sizes, parameters);
  const detail::FloatingPointGuard guard;
  Failure failure;
  const Scratch scratch(measure.scratch);
  const KernelArguments arguments{buffers, sizes, parameters, scratch.data(), nullptr, &failure};
  points_.code->object.run()(&arguments, 0, measure.points);
  return failure;
}

Failure Kernel::execute(std::byte* const* buffers, const std::int64_t* sizes,
                        const std::uint64_t* parameters) const {
  const detail::FloatingPointGuard guard;
  Failure failure;
  Launch launch(*this, sizes);
  launch.buffers = buffers;
  launch.parameters = parameters;
  if (launch.points == 0 && !closes_) return failure;
  if (const Kernel* better = specialised(launch))
    return better->execute(buffers, sizes, parameters);

  Variant* variant = &best_variant(launch);
  const Code* running = code(*variant);
  if (running == nullptr && variant != &points_) running = code(*(variant = &points_));
  if (running == nullptr) {
    interpret(buffers, sizes, parameters, failure);
    return failure;
  }
  if (variant == &split_) {
    run_split(launch, *running, failure);
    return failure;
  }
  if (closes_) {
    run_chunks(launch, *running, failure);
    return failure;
  }
  if (launch.by_caller() || (shared_stores_ && variant == &points_)) {
    const Scratch scratch(scratch_bytes(*running, sizes));
    const KernelArguments arguments{buffers, sizes, parameters, scratch.data(), nullptr, &failure};
    running->object.run()(&arguments, 0, launch.points);
    return failure;
  }

  std::int64_t count = launch.points;
  double per_point = launch.per_point;
  if (shared_stores_) {
    const kernel::Buffer& to = program_.buffers[program_.stores.front().to.buffer];
    count = value(program_.list(to.extents)[0], sizes);
    if (count <= 0) return failure;
  } else if (variant == &tiled_ || variant == &tiled_bypassing_) {
    const auto outer = program_.list(program_.outer);
    const std::int64_t rows = value(program_.axes[outer[outer.size() - 2]].extent, sizes);
    const std::int64_t columns = value(program_.axes[outer.back()].extent, sizes);
    count = launch.points / (rows * columns) * kernel::tile_units(rows, columns);
    per_point = launch.work / static_cast<double>(count);
  }
  // Whoever owns part of a destination walks through everything, so there is one piece per thread.
  auto grain =
      shared_stores_
          ? divide_up(count, threads())
          : static_cast<std::int64_t>(std::ceil(piece_nanoseconds / std::max(per_point, 1e-3)));
  grain = std::max<std::int64_t>(grain, 1);
  if (interleaves_) grain = divide_up(grain, points_at_once) * points_at_once;
  if (outer_lanes_ && !shared_stores_ && count == launch.points) {
    const bool folds = !program_.folds.empty();
    // Neighbouring outputs read neighbouring memory: long stretches of it for each thread.
    if (folds) grain = std::max(grain, std::min(piece_points, count / threads()));
    const std::int64_t unit = folds ? kernel::fold_lanes : piece_points;
    grain = divide_up(grain, unit) * unit;
  }
  const std::size_t bytes = scratch_bytes(*running, sizes);
  std::mutex mutex;
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    Failure mine;
    const Scratch scratch(bytes);
    const KernelArguments arguments{buffers, sizes, parameters, scratch.data(), nullptr, &mine};
    running->object.run()(&arguments, begin, end);
    if (mine.error != 0) {
      const std::lock_guard lock(mutex);
      join(failure, mine);
    }
  });
  return failure;
}

Failure Kernel::execute(std::span<const kernel::Operands> launches) const {
  Failure failure;
  const bool apart = shared_stores_ || closes_ || launches.size() == 1;
  const Code* const compiled = apart ? nullptr : code(points_);
  if (compiled == nullptr) {
    for (const kernel::Operands& launch : launches) {
      failure = execute(launch.buffers, launch.sizes, launch.parameters);
      if (failure.error != 0) break;
    }
    return failure;
  }
  std::vector<std::int64_t> ends;
  ends.reserve(launches.size());
  std::int64_t points = 0;
  double work = 0;
  for (const kernel::Operands& launch : launches) {
    const std::int64_t own = product(program_.list(program_.outer), launch.sizes);
    ends.push_back(points += own);
    work += nanoseconds_per_point(launch.sizes) * static_cast<double>(own);
  }
  if (points == 0) return failure;
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    const detail::FloatingPointGuard guard;
    auto at =
        static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin());
    while (begin < end) {
      const kernel::Operands& launch = launches[at];
      const std::int64_t first = at == 0 ? 0 : ends[at - 1];
      const std::int64_t stop = std::min(end, ends[at]);
      const Scratch scratch(scratch_bytes(*compiled, launch.sizes));
      Failure mine;
      const KernelArguments arguments{launch.buffers, launch.sizes, launch.parameters,
                                      scratch.data(), nullptr,      &mine};
      compiled->object.run()(&arguments, begin - first, stop - first);
      if (mine.error != 0) {
        const std::lock_guard lock(mutex_);
        join(failure, mine);
      }
      begin = stop;
      ++at;
    }
  };
  if (work < 2 * piece_nanoseconds) {
    run(0, points);
    return failure;
  }
  const auto grain =
      static_cast<std::int64_t>(std::ceil(piece_nanoseconds * static_cast<double>(points) / work));
  parallel_for(points, (grain + piece_points - 1) / piece_points * piece_points, run);
  return failure;
}

/// Where there is no emitter.
void Kernel::interpret(std::byte* const* buffers, const std::int64_t* sizes,
                       const std::uint64_t* parameters, Failure& failure) const {
  std::call_once(interpreted_, [&] { interpreter_.emplace(program_); });
  const std::int64_t points = interpreter_->points(sizes);
  if (closes_) {
    interpreter_->run({buffers, sizes, parameters, nullptr, nullptr, &failure}, 0, points);
    return;
  }
  // Each piece prepares arrays of its own; where stores meet, their order needs one piece.
  const std::int64_t grain =
      shared_stores_ ? points : std::max<std::int64_t>(1024, points / threads());
  std::mutex mutex;
  parallel_for(points, std::max<std::int64_t>(grain, 1), [&](std::int64_t begin, std::int64_t end) {
    Failure mine;
    interpreter_->run({buffers, sizes, parameters, nullptr, nullptr, &mine}, begin, end);
    if (mine.error != 0) {
      const std::lock_guard lock(mutex);
      join(failure, mine);
    }
  });
}

}  // namespace rill::cpu
