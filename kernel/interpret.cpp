#include <rill/kernel/interpret.h>

#include <algorithm>
#include <numeric>

#include <rill/kernel/arithmetic.h>
#include <rill/kernel/interpreter_run.h>

// Compiled without contraction, like all of rill: the meaning of the codes is in arithmetic.cpp.

namespace rill::kernel {

Interpreter::Run::Run(const Tapes& tapes, const KernelArguments& arguments)
    : tapes_(tapes),
      program_(tapes.program),
      arguments_(arguments),
      arrays_(program_.exprs.size()),
      axis_values_(program_.axes.size()),
      results_(program_.folds.size()) {
  for (std::byte*& values : axis_values_) values = fresh();
  for (Id id = 0; id < arrays_.size(); ++id) {
    const Expr& expr = program_.exprs[id];
    if (expr.code == Code::axis)
      arrays_[id] = axis_values_[expr.bits];
    else if (expr.code != Code::accumulator)
      arrays_[id] = fresh();
  }
  for (const Id id : tapes_.once) {
    const Expr& expr = program_.exprs[id];
    if (expr.arity != 0) {
      compute(id, block_points);
      continue;
    }
    std::uint64_t bits = expr.bits;
    if (expr.code == Code::parameter) bits = arguments_.parameters[expr.bits];
    if (expr.code == Code::size) bits = static_cast<std::uint64_t>(arguments_.sizes[expr.bits]);
    if (expr.type == bool_) bits = (bits & 0xffU) != 0 ? 1 : 0;
    fill(arrays_[id], reinterpret_cast<const std::byte*>(&bits), tapes_.width(id), block_points);
  }
  for (Id fold = 0; fold < results_.size(); ++fold) results_[fold] = fresh_set(fold);
  if (tapes_.point_by_point) points_at_once_ = 1;
  bind_buffers();
}

void Interpreter::Run::run(std::int64_t begin, std::int64_t end, std::int64_t points) {
  const auto step = static_cast<std::int64_t>(points_at_once_);
  for (first_point_ = begin; first_point_ < end;
       first_point_ += std::min(step, end - first_point_)) {
    const std::int64_t count = std::min(step, end - first_point_);
    for (std::size_t number = 0; number < program_.stages.size(); ++number) {
      stage(program_.stages[number], tapes_.stages[number], count);
    }
    for (std::size_t number = 0; number < program_.closing.size(); ++number) {
      take_points(program_.closing[number], tapes_.closing[number], count, points);
    }
  }
  for (std::size_t number = 0; number < program_.closing.size(); ++number) {
    close(program_.closing[number], tapes_.closing[number], points);
  }
  if (failure_.error != 0 && arguments_.failure != nullptr &&
      (arguments_.failure->error == 0 || failure_.position < arguments_.failure->position)) {
    *arguments_.failure = failure_;
  }
}

std::byte* Interpreter::Run::fresh() {
  pool_.push_back(std::make_unique<Array>());  // zeros: nothing ever shows what memory held before
  return pool_.back()->bytes.data();
}

Interpreter::Run::Set Interpreter::Run::fresh_set(Id fold) {
  Set set(program_.folds[fold].init.count);
  for (std::byte*& array : set) array = fresh();
  return set;
}

std::int64_t Interpreter::Run::uniform_value(Id expr) const {
  std::int64_t value = 0;
  std::memcpy(&value, arrays_[expr], sizeof value);
  return value;
}

std::int64_t Interpreter::Run::extent(Id axis) const {
  return std::max<std::int64_t>(0, uniform_value(program_.axes[axis].extent));
}

// ---- Expressions ------------------------------------------------------------------------------

void Interpreter::Run::compute(Id id, std::size_t count) {
  const Expr& expr = program_.exprs[id];
  std::array<const std::byte*, 3> args{};
  for (std::size_t i = 0; i < expr.arity; ++i) args[i] = arrays_[expr.args[i]];
  tapes_.operations[id](arrays_[id], args.data(), count);
}

void Interpreter::Run::evaluate(const Tape& tape, std::size_t count) {
  for (const Id id : tape) {
    const Expr& expr = program_.exprs[id];
    if (expr.arity != 0)
      compute(id, count);
    else if (expr.code == Code::load)
      load(id, program_.accesses[expr.bits], count);
    else if (expr.code == Code::result)
      recall(id, expr, count);
    // Axes and accumulators stand in their arrays already.
  }
}

void Interpreter::Run::recall(Id id, const Expr& expr, std::size_t count) {
  const Id fold = static_cast<Id>(expr.bits >> 8U);
  const std::byte* from = results_[fold][expr.bits & 0xffU];
  const std::size_t width = tapes_.width(id);
  if (!tapes_.per_point[fold]) {
    std::memcpy(arrays_[id], from, count * width);
    return;
  }
  with_word(width, [&](auto word) {
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(arrays_[id] + i * sizeof word, from + points_[i] * sizeof word, sizeof word);
    }
  });
}

// ---- Failures ---------------------------------------------------------------------------------

bool Interpreter::Run::earliest(std::size_t i) const {
  return failure_.error == 0 ||
         first_point_ + static_cast<std::int64_t>(points_[i]) < failure_.position;
}

void Interpreter::Run::fail(std::size_t i, std::uint32_t error) {
  if (!earliest(i)) return;
  failure_ = Failure{};
  failure_.error = error;
  failure_.position = first_point_ + static_cast<std::int64_t>(points_[i]);
}

void Interpreter::Run::run_checks(const Stage& stage, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    for (const Id id : program_.list(stage.checks)) {
      const Check& check = program_.checks[id];
      if (arrays_[check.ok][i] != std::byte{0} || !earliest(i)) continue;
      fail(i, id + 1);
      for (const Id number : program_.list(check.shown)) {
        std::memcpy(&failure_.shown[failure_.shown_count++], arrays_[number] + i * 8, 8);
      }
    }
  }
}

// ---- Stages -----------------------------------------------------------------------------------

void Interpreter::Run::stage(const Stage& stage, const StageTape& tape, std::int64_t points) {
  std::vector<Id> axes(program_.list(program_.outer).begin(), program_.list(program_.outer).end());
  std::int64_t inner = 1;
  for (const Id axis : program_.list(stage.axes)) {
    axes.push_back(axis);
    inner = product_of_extents(inner, extent(axis));
  }
  const std::int64_t total = product_of_extents(points, inner);
  for (std::int64_t done = 0; done < total;) {
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::int64_t>(block_points, total - done));
    place(axes, inner, done, count);
    for (const FoldTape& loop : tape.folds) {
      evaluate(loop.before, count);
      if (program_.folds[loop.fold].kind != Fold::Kind::scan) fold(loop, count);
    }
    evaluate(tape.after, count);
    run_checks(stage, count);
    if (!tape.folds.empty() && program_.folds[tape.folds.back().fold].kind == Fold::Kind::scan) {
      scan(stage, tape, tape.folds.back(), count);
    } else {
      write(stage, tape.in_order, count);
    }
    done += static_cast<std::int64_t>(count);
  }
}

void Interpreter::Run::place(std::span<const Id> axes, std::int64_t inner, std::int64_t from,
                             std::size_t count) {
  std::vector<std::int64_t> extents;
  for (const Id axis : axes) extents.push_back(extent(axis));
  std::vector<std::int64_t> at(axes.size());
  std::int64_t rest_inner = from % inner;
  std::int64_t rest_outer = first_point_ + from / inner;
  const std::size_t outer = program_.outer.count;
  for (std::size_t d = axes.size(); d-- > 0;) {
    std::int64_t& rest = d < outer ? rest_outer : rest_inner;
    at[d] = rest % extents[d];
    rest /= extents[d];
  }
  std::int64_t point = from / inner;
  std::int64_t within = from % inner;
  for (std::size_t i = 0; i < count; ++i) {
    points_[i] = static_cast<std::size_t>(point);
    if (++within == inner) within = 0, ++point;
  }
  // Along the last axis values follow each other; the others stay as long.
  for (std::size_t i = 0; i < count && !axes.empty();) {
    const std::size_t last = axes.size() - 1;
    const std::size_t length =
        std::min(count - i, static_cast<std::size_t>(extents[last] - at[last]));
    for (std::size_t d = 0; d < last; ++d) std::fill_n(values_of(axes[d]) + i, length, at[d]);
    std::iota(values_of(axes[last]) + i, values_of(axes[last]) + i + length, at[last]);
    at[last] += static_cast<std::int64_t>(length) - 1;
    advance(at, extents);
    i += length;
  }
}

std::size_t Interpreter::Run::advance(std::vector<std::int64_t>& at,
                                      const std::vector<std::int64_t>& extents) {
  for (std::size_t d = at.size(); d-- > 0;) {
    if (++at[d] < extents[d]) return d;
    at[d] = 0;
  }
  return 0;
}

// ---- The interface ----------------------------------------------------------------------------

Interpreter::Interpreter(const Program& program) : tapes_(std::make_shared<const Tapes>(program)) {}

std::int64_t Interpreter::points(const std::int64_t* sizes) const { return tapes_->points(sizes); }

void Interpreter::run(const KernelArguments& arguments, std::int64_t begin,
                      std::int64_t end) const {
  const std::int64_t points = this->points(arguments.sizes);
  end = std::min(end, points);
  if (begin < end || !tapes_->program.closing.empty())
    Run(*tapes_, arguments).run(begin, end, points);
}

void interpret(const Program& program, const KernelArguments& arguments) {
  const Interpreter interpreter(program);
  interpreter.run(arguments, 0, interpreter.points(arguments.sizes));
}

}  // namespace rill::kernel
