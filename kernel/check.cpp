// The checker: whatever passes it can be printed, hashed, interpreted and compiled without looking
// twice at an id. It trusts nothing, since a program may come from a file.

#include <algorithm>
#include <concepts>
#include <string>

#include <rill/kernel/arithmetic.h>
#include <rill/kernel/program.h>
#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

/// A part of the program, for messages: "fold 2", "the step of fold 2". Programs are checked often
/// and wrong never: texts are made where one is.
struct Part {
  const char* kind;
  Id id = none;
  const char* of = "";  ///< "the step of "

  [[nodiscard]] std::string text() const {
    return of + (id == none ? std::string(kind) : std::string(kind) + " " + std::to_string(id));
  }
  /// A part of this one.
  [[nodiscard]] Part part(const char* its) const { return {kind, id, its}; }
};

/// What an expression may refer to at some place of the program.
struct Scope {
  Part place;
  std::vector<Id> axes;              ///< loop variables
  const std::vector<bool>* results;  ///< folds whose results are known
  Id accumulators = none;            ///< the fold whose accumulators exist here
  bool merging = false;              ///< both sides of them, and no memory
  bool closing = false;              ///< of a closing stage, which loads nothing that is stored
  bool rows = true;                  ///< of a point, which has rows
};

class Checker {
 public:
  explicit Checker(const Program& program) : p_(program), seen_(program.exprs.size()) {}

  void run() {
    ranges();
    for (Id id = 0; id < p_.parameters.size(); ++id) {
      require(known(p_.parameters[id]),
              [&] { return "parameter " + std::to_string(id) + " has no known type"; });
    }
    for (Id id = 0; id < p_.exprs.size(); ++id) expression(id);
    for (Id id = 0; id < p_.axes.size(); ++id)
      uniform(p_.axes[id].extent, Part{"axis", id, "the extent of "});
    for (Id id = 0; id < p_.buffers.size(); ++id) buffer(id);
    for (Id id = 0; id < p_.accesses.size(); ++id) {
      access(p_.accesses[id], Part{"access", id});
    }
    for (Id id = 0; id < p_.folds.size(); ++id) fold(id);
    for (Id id = 0; id < p_.checks.size(); ++id) check(id);
    for (Id id = 0; id < p_.stores.size(); ++id) store(id);
    scopes();
  }

 private:
  /// `what` is the message, or makes it.
  template <class What>
  static void require(bool holds, const What& what) {
    if (holds) return;
    if constexpr (std::invocable<What>)
      throw InternalError("kernel check: " + what());
    else
      throw InternalError(std::string("kernel check: ") + what);
  }
  static bool known(DType type) { return static_cast<int>(type) < dtype_count; }
  static std::string named(DType type) { return std::string(name(type)); }

  // ---- Ids ------------------------------------------------------------------------------------

  void range(Range range, const char* what) const {
    require(std::uint64_t{range.first} + range.count <= p_.ids.size(),
            [&] { return std::string("a list of ") + what + " runs past the pool of ids"; });
  }

  void ids(Range range, std::size_t pool, const char* what) const {
    this->range(range, what);
    for (const Id id : p_.list(range)) {
      require(id < pool,
              [&] { return "there is no " + std::string(what) + " " + std::to_string(id); });
    }
  }

  void ranges() const {
    const std::size_t exprs = p_.exprs.size();
    ids(p_.outer, p_.axes.size(), "axis");
    for (const Buffer& buffer : p_.buffers) {
      ids(buffer.extents, exprs, "expression");
      ids(buffer.strides, exprs, "expression");
    }
    for (const Access& access : p_.accesses) ids(access.index, exprs, "expression");
    for (const Fold& fold : p_.folds) {
      ids(fold.axes, p_.axes.size(), "axis");
      ids(fold.init, exprs, "expression");
      ids(fold.step, exprs, "expression");
      ids(fold.merge, exprs, "expression");
    }
    for (const Store& store : p_.stores) ids(store.to.index, exprs, "expression");
    for (const Check& check : p_.checks) ids(check.shown, exprs, "expression");
    for (const auto* stages : {&p_.stages, &p_.closing}) {
      for (const Stage& stage : *stages) {
        ids(stage.axes, p_.axes.size(), "axis");
        ids(stage.folds, p_.folds.size(), "fold");
        ids(stage.checks, p_.checks.size(), "check");
        ids(stage.stores, p_.stores.size(), "store");
      }
    }
  }

  // ---- Expressions ----------------------------------------------------------------------------

  [[nodiscard]] std::string shown(Id id) const {
    return "expression " + std::to_string(id) + " (" + std::string(name(p_.exprs[id].code)) + ")";
  }

  void before(Range range, Id id) const {
    for (const Id other : p_.list(range))
      require(other < id, [&] { return shown(id) + " stands before an operand: a cycle"; });
  }

  void expression(Id id) const {
    const Expr& expr = p_.exprs[id];
    require(expr.code <= Code::bitcast,
            [&] { return "expression " + std::to_string(id) + " has no known code"; });
    require(known(expr.type), [&] { return shown(id) + " has no known type"; });
    require(expr.arity == arity(expr.code),
            [&] { return shown(id) + " has the wrong number of operands"; });
    for (std::size_t i = 0; i < expr.args.size(); ++i) {
      if (i < expr.arity)
        require(expr.args[i] < id,
                [&] { return shown(id) + " stands before an operand: a cycle"; });
      else
        require(expr.args[i] == none, [&] { return shown(id) + " has an operand too many"; });
    }
    if (expr.arity == 0)
      leaf(id, expr);
    else
      computed(id, expr);
  }

  void leaf(Id id, const Expr& expr) const {
    DType type = int64;
    const auto one_of = [&](std::uint64_t number, std::size_t pool, const char* what) {
      require(number < pool, [&] {
        return shown(id) + " names " + what + " " + std::to_string(number) + " of " +
               std::to_string(pool);
      });
    };
    switch (expr.code) {
      case Code::constant: {
        const std::size_t width = expr.type == bool_ ? 1 : size_of(expr.type) * 8;
        require(width == 64 || expr.bits >> width == 0,
                [&] { return shown(id) + " has more bits than its type"; });
        type = expr.type;
        break;
      }
      case Code::parameter:
        one_of(expr.bits, p_.parameters.size(), "parameter");
        type = p_.parameters[expr.bits];
        break;
      case Code::size:
        one_of(expr.bits, p_.sizes, "size");
        break;
      case Code::axis:
        one_of(expr.bits, p_.axes.size(), "axis");
        break;
      case Code::load: {
        one_of(expr.bits, p_.accesses.size(), "access");
        const Access& access = p_.accesses[expr.bits];
        one_of(access.buffer, p_.buffers.size(), "buffer");
        const Buffer& buffer = p_.buffers[access.buffer];
        require(buffer.space != Buffer::Space::output,
                [&] { return shown(id) + " reads an output"; });
        before(access.index, id);
        require(access.guard == none || (access.guard < id && access.otherwise < id),
                [&] { return shown(id) + " stands before its guard or otherwise: a cycle"; });
        type = buffer.type;
        break;
      }
      default: {  // accumulator, result
        const bool result = expr.code == Code::result;
        const std::uint64_t number = expr.bits >> (result ? 8U : 9U);
        one_of(number, p_.folds.size(), "fold");
        const Fold& fold = p_.folds[number];
        const std::uint64_t slot = expr.bits & 0xffU;
        one_of(slot, fold.init.count, "accumulator");
        const Id init = p_.list(fold.init)[slot];
        require(init < id,
                [&] { return shown(id) + " stands before the start of its fold: a cycle"; });
        if (result) before(fold.init, id), before(fold.step, id), before(fold.merge, id);
        type = p_.exprs[init].type;
      }
    }
    require(expr.type == type,
            [&] { return shown(id) + " is " + named(expr.type) + " of " + named(type); });
  }

  void computed(Id id, const Expr& expr) const {
    require(expr.bits == 0, [&] { return shown(id) + " carries bits"; });
    const DType operand = p_.exprs[expr.args[expr.arity - 1U]].type;
    for (std::size_t i = 0; i < expr.arity; ++i) {
      const DType expected = expr.code == Code::select && i == 0 ? bool_ : operand;
      const DType got = p_.exprs[expr.args[i]].type;
      require(got == expected, [&] {
        return shown(id) + " has a " + named(got) + " operand where it needs " + named(expected);
      });
    }
    require(operation(expr.code, operand, expr.type) != nullptr, [&] {
      return shown(id) + " cannot take " + named(operand) + " and give " + named(expr.type);
    });
  }

  void typed(Id id, DType type, const Part& what) const {
    require(id < p_.exprs.size(), [&] { return what.text() + " is missing"; });
    require(p_.exprs[id].type == type, [&] {
      return what.text() + " is " + named(p_.exprs[id].type) + ", not " + named(type);
    });
  }

  /// An int64 over sizes and constants alone.
  void uniform(Id root, const Part& what) {
    typed(root, int64, what);
    walk({&root, 1}, [&](const Expr& expr) {
      require(expr.arity != 0 || expr.code == Code::constant || expr.code == Code::size,
              [&] { return what.text() + " depends on more than sizes and constants"; });
    });
  }

  // ---- Parts ----------------------------------------------------------------------------------

  void buffer(Id id) {
    const Buffer& buffer = p_.buffers[id];
    const Part what{"buffer", id};
    require(known(buffer.type), [&] { return what.text() + " has no known type"; });
    require(buffer.space <= Buffer::Space::row,
            [&] { return what.text() + " is in no known space"; });
    require(buffer.extents.count == buffer.strides.count,
            [&] { return what.text() + " needs one stride per extent"; });
    for (const Id extent : p_.list(buffer.extents)) uniform(extent, what.part("an extent of "));
    for (const Id stride : p_.list(buffer.strides)) uniform(stride, what.part("a stride of "));
  }

  void access(const Access& access, const Part& what) const {
    require(access.buffer < p_.buffers.size(), [&] { return what.text() + " is to no buffer"; });
    const Buffer& buffer = p_.buffers[access.buffer];
    require(access.index.count == buffer.extents.count, [&] {
      return what.text() + " has " + std::to_string(access.index.count) +
             " indices for a buffer of rank " + std::to_string(buffer.extents.count);
    });
    for (const Id index : p_.list(access.index)) typed(index, int64, what.part("an index of "));
    if (access.guard != none) typed(access.guard, bool_, what.part("the guard of "));
    if (access.otherwise != none)
      typed(access.otherwise, buffer.type, what.part("the otherwise of "));
  }

  void fold(Id id) const {
    const Fold& fold = p_.folds[id];
    const Part what{"fold", id};
    require(fold.kind <= Fold::Kind::sequence,
            [&] { return what.text() + " is of no known kind"; });
    require(fold.init.count >= 1 && fold.init.count <= 256,
            [&] { return what.text() + " needs 1 to 256 accumulators"; });
    require(fold.step.count == fold.init.count,
            [&] { return what.text() + " needs one step per accumulator"; });
    require(fold.merge.count == (fold.kind == Fold::Kind::sequence ? 0 : fold.init.count),
            [&] { return what.text() + " needs one merge per accumulator, a sequence none"; });
    for (std::size_t slot = 0; slot < fold.init.count; ++slot) {
      const DType type = p_.exprs[p_.list(fold.init)[slot]].type;
      typed(p_.list(fold.step)[slot], type, what.part("a step of "));
      if (fold.merge.count != 0) typed(p_.list(fold.merge)[slot], type, what.part("a merge of "));
    }
  }

  void check(Id id) const {
    const Check& check = p_.checks[id];
    const Part what{"check", id};
    typed(check.ok, bool_, what);
    require(check.shown.count <= 4, [&] { return what.text() + " shows more than 4 numbers"; });
    for (const Id number : p_.list(check.shown))
      typed(number, int64, what.part("a number shown by "));
  }

  void store(Id id) const {
    const Store& store = p_.stores[id];
    const Part what{"store", id};
    access(store.to, what);
    const Buffer& buffer = p_.buffers[store.to.buffer];
    require(buffer.space != Buffer::Space::input, [&] { return what.text() + " writes an input"; });
    require(store.to.otherwise == none, [&] { return what.text() + " has an otherwise"; });
    typed(store.value, buffer.type, what.part("the value of "));
    require(store.mode <= Store::Mode::maximum,
            [&] { return what.text() + " is of no known mode"; });
    if (store.mode == Store::Mode::set) return;
    require(buffer.space != Buffer::Space::output,
            [&] { return what.text() + " combines with an output, which starts undefined"; });
    require(combination(store.mode, buffer.type) != nullptr,
            [&] { return what.text() + " combines " + named(buffer.type); });
  }

  // ---- Scopes ---------------------------------------------------------------------------------

  /// Calls `visit` for each expression that the roots need, without looking into folds.
  template <class Visit>
  void walk(std::span<const Id> roots, Visit&& visit) {
    ++round_;
    // A fused program has some hundred expressions and a few dozen places that use them. Refusing
    // the absurd keeps a hostile one from costing the square of its size.
    const auto push = [&](Id id) {
      if (id == none || seen_[id] == round_) return;
      seen_[id] = round_;
      require(++steps_ < std::uint64_t{1} << 28U, "the program is too large");
      open_.push_back(id);
    };
    for (const Id root : roots) push(root);
    while (!open_.empty()) {
      const Id id = open_.back();
      open_.pop_back();
      const Expr& expr = p_.exprs[id];
      visit(expr);
      for (std::size_t i = 0; i < expr.arity; ++i) push(expr.args[i]);
      if (expr.code == Code::load) {
        const Access& access = p_.accesses[expr.bits];
        for (const Id index : p_.list(access.index)) push(index);
        push(access.guard);
        push(access.otherwise);
      }
    }
  }

  void in_scope(std::span<const Id> roots, const Scope& scope) {
    walk(roots, [&](const Expr& expr) {
      const auto fails = [&](const std::string& what) {
        require(false, [&] { return scope.place.text() + " uses " + what; });
      };
      switch (expr.code) {
        case Code::axis:
          if (std::find(scope.axes.begin(), scope.axes.end(), expr.bits) == scope.axes.end()) {
            fails("axis " + std::to_string(expr.bits) + ", which is not in scope");
          }
          break;
        case Code::load:
          if (scope.merging) fails("memory");
          if (p_.accesses[expr.bits].guard != none && p_.accesses[expr.bits].otherwise == none) {
            fails("a guarded load that has no otherwise");
          }
          loaded(p_.buffers[p_.accesses[expr.bits].buffer], scope);
          break;
        case Code::accumulator: {
          const std::uint64_t fold = expr.bits >> 9U;
          const bool right = (expr.bits >> 8U & 1U) != 0;
          if (fold != scope.accumulators || (right && !scope.merging)) {
            fails("an accumulator of fold " + std::to_string(fold) + ", which is not in scope");
          }
          break;
        }
        case Code::result: {
          const std::uint64_t fold = expr.bits >> 8U;
          if (scope.merging || !(*scope.results)[fold]) {
            fails("the result of fold " + std::to_string(fold) + ", which is not in scope");
          }
          break;
        }
        default:
          break;
      }
    });
  }

  void loaded(const Buffer& buffer, const Scope& scope) const {
    require(!scope.closing || buffer.space != Buffer::Space::in_out,
            [&] { return scope.place.text() + " loads what may have been stored before"; });
    require(scope.rows || buffer.space != Buffer::Space::row,
            [&] { return scope.place.text() + " loads a row, outside of every point"; });
  }

  void append_axes(std::vector<Id>& axes, Range more, const Part& place) const {
    require(axes.size() + more.count <= 256,
            [&] { return place.text() + " loops over more than 256 axes"; });
    for (const Id axis : p_.list(more)) {
      require(std::find(axes.begin(), axes.end(), axis) == axes.end(),
              [&] { return place.text() + " loops over axis " + std::to_string(axis) + " twice"; });
      axes.push_back(axis);
    }
  }

  /// `known`: the folds whose results the step may use.
  void fold_in_scope(Id id, const Scope& outside, const std::vector<bool>& known) {
    const Fold& fold = p_.folds[id];
    const Part what{"fold", id};
    Scope scope = outside;
    scope.place = what.part("the init of ");
    in_scope(p_.list(fold.init), scope);
    scope.place = what.part("the step of ");
    append_axes(scope.axes, fold.axes, what);
    scope.accumulators = id;
    scope.results = &known;
    scope.rows = true;
    in_scope(p_.list(fold.step), scope);
    scope.place = what.part("the merge of ");
    scope.axes.clear();
    scope.merging = true;
    in_scope(p_.list(fold.merge), scope);
  }

  void store_in_scope(Id id, Scope scope) {
    const Store& store = p_.stores[id];
    scope.place = {"store", id};
    in_scope({&store.value, 1}, scope);
    in_scope(p_.list(store.to.index), scope);
    if (store.to.guard != none) in_scope({&store.to.guard, 1}, scope);
  }

  static void place(std::vector<bool>& placed, Id id, const char* what) {
    require(!placed[id],
            [&] { return std::string(what) + " " + std::to_string(id) + " stands in two stages"; });
    placed[id] = true;
  }

  void scopes() {
    std::vector<bool> results(p_.folds.size());
    std::vector<bool> placed_folds(p_.folds.size());
    std::vector<bool> placed_checks(p_.checks.size());
    std::vector<bool> placed_stores(p_.stores.size());
    std::vector<Id> outer;
    append_axes(outer, p_.outer, Part{"the program"});
    for (std::size_t number = 0; number < p_.stages.size(); ++number) {
      const Stage& stage = p_.stages[number];
      const Part what{"stage", static_cast<Id>(number)};
      Scope scope{.place = what, .axes = outer, .results = &results};
      append_axes(scope.axes, stage.axes, what);
      Id scan = none;
      for (const Id id : p_.list(stage.folds)) {
        place(placed_folds, id, "fold");
        require(scan == none, [&] { return what.text() + " goes on after its scan"; });
        fold_in_scope(id, scope, results);
        if (p_.folds[id].kind == Fold::Kind::scan)
          scan = id;
        else
          results[id] = true;
      }
      require(scan == none || stage.axes.count == 0,
              [&] { return what.text() + " has a scan and axes of its own"; });
      for (const Id id : p_.list(stage.checks)) {
        place(placed_checks, id, "check");
        const Check& check = p_.checks[id];
        scope.place = {"check", id};
        in_scope({&check.ok, 1}, scope);
        in_scope(p_.list(check.shown), scope);
      }
      if (scan != none) {
        append_axes(scope.axes, p_.folds[scan].axes, what);
        results[scan] = true;
      }
      for (const Id id : p_.list(stage.stores)) {
        place(placed_stores, id, "store");
        store_in_scope(id, scope);
      }
      if (scan != none) results[scan] = false;
      if (stage.axes.count != 0) {
        for (const Id id : p_.list(stage.folds)) results[id] = false;
      }
    }
    for (std::size_t number = 0; number < p_.closing.size(); ++number) {
      const Stage& stage = p_.closing[number];
      for (const Id id : p_.list(stage.folds)) place(placed_folds, id, "fold");
      for (const Id id : p_.list(stage.stores)) place(placed_stores, id, "store");
      closing(stage, Part{"closing stage", static_cast<Id>(number)}, results);
    }
  }

  /// `points`: of which folds each point has results.
  void closing(const Stage& stage, const Part& what, const std::vector<bool>& points) {
    require(std::all_of(p_.stores.begin(), p_.stores.end(),
                        [](const Store& store) { return store.unique; }),
            [&] { return what.text() + " stands beside a store that is not unique"; });
    require(stage.checks.count == 0, [&] { return what.text() + " has checks"; });
    std::vector<bool> results(p_.folds.size());
    Scope scope{.place = what, .axes = {}, .results = &results, .closing = true, .rows = false};
    std::vector<Id> all(p_.list(p_.outer).begin(), p_.list(p_.outer).end());
    append_axes(all, stage.axes, what);
    append_axes(scope.axes, stage.axes, what);
    for (const Id id : p_.list(stage.folds)) {
      const Fold& fold = p_.folds[id];
      const auto over = p_.list(fold.axes);
      const auto outer = p_.list(p_.outer);
      require(fold.kind == Fold::Kind::reduce &&
                  std::equal(over.begin(), over.end(), outer.begin(), outer.end()),
              [&] { return what.text() + " has a fold that is no reduction of the outer axes"; });
      fold_in_scope(id, scope, points);
    }
    for (const Id id : p_.list(stage.folds)) results[id] = true;
    for (const Id id : p_.list(stage.stores)) {
      require(p_.buffers[p_.stores[id].to.buffer].space != Buffer::Space::row,
              [&] { return what.text() + " stores to a row, outside of every point"; });
      store_in_scope(id, scope);
    }
  }

  const Program& p_;
  std::vector<std::uint32_t> seen_;  ///< the round in which each expression was last walked over
  std::uint32_t round_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<Id> open_;
};

}  // namespace

void check(const Program& program) { Checker(program).run(); }

}  // namespace rill::kernel
