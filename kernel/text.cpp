// Programs as text. Loops are indented, small expressions stand where they are used; what is used
// twice, or long, is named `%number` on a line of its own before.

#include <charconv>
#include <cmath>
#include <cstring>

#include <rill/kernel/arithmetic.h>
#include <rill/kernel/program.h>

namespace rill::kernel {
namespace {

/// The shortest number that reads back the same, never without a sign that it is a float.
template <class T>
std::string decimal(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  std::string text(digits.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

/// `2.0` is float32 and `2` int64; other types are told.
std::string constant_text(DType type, std::uint64_t bits) {
  const std::string suffix = ":" + std::string(name(type));
  switch (type) {
    case bool_:
      return bits != 0 ? "true" : "false";
    case int64:
      return std::to_string(static_cast<std::int64_t>(bits));
    case float32:
      return decimal(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case float64:
      return decimal(std::bit_cast<double>(bits)) + suffix;
    case float16:
      return decimal(static_cast<float>(Half::from_bits(static_cast<std::uint16_t>(bits)))) +
             suffix;
    case bfloat16:
      return decimal(static_cast<float>(BFloat16::from_bits(static_cast<std::uint16_t>(bits)))) +
             suffix;
    default:
      break;
  }
  if (is_unsigned(type)) return std::to_string(bits) + suffix;
  const unsigned unused = 64U - static_cast<unsigned>(size_of(type)) * 8U;
  return std::to_string(static_cast<std::int64_t>(bits << unused) >> unused) + suffix;
}

std::string_view infix(Code code) {
  switch (code) {
    case Code::add:
      return " + ";
    case Code::subtract:
      return " - ";
    case Code::multiply:
      return " * ";
    case Code::divide:
      return " / ";
    case Code::modulo:
      return " % ";
    case Code::bit_and:
      return " & ";
    case Code::bit_or:
      return " | ";
    case Code::bit_xor:
      return " ^ ";
    case Code::shift_left:
      return " << ";
    case Code::shift_right:
      return " >> ";
    case Code::equal:
      return " == ";
    case Code::not_equal:
      return " != ";
    case Code::less:
      return " < ";
    case Code::less_equal:
      return " <= ";
    default:
      return {};
  }
}

class Printer {
 public:
  explicit Printer(const Program& program)
      : p_(program), uses_(program.exprs.size()), texts_(program.exprs.size()) {
    count_uses();
  }

  std::string run() {
    for (Id id = 0; id < p_.parameters.size(); ++id) {
      line("parameter p" + std::to_string(id) + ": " + std::string(name(p_.parameters[id])));
    }
    for (Id id = 0; id < p_.buffers.size(); ++id) buffer(id);
    loops("for ", p_.outer, ":");
    const std::size_t outside = texted_.size();
    for (const Stage& stage : p_.stages) {
      this->stage("stage", stage);
      forget(outside);
    }
    indent_ = 0;
    for (const Stage& stage : p_.closing) {
      this->stage("closing", stage);
      forget(outside);
    }
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += std::string(indent_ * 2, ' ') + text + '\n'; }

  // ---- Expressions ----------------------------------------------------------------------------

  void count_uses() {
    const auto use = [&](Id id) {
      if (id != none) ++uses_[id];
    };
    for (const Expr& expr : p_.exprs) {
      for (std::size_t i = 0; i < expr.arity; ++i) use(expr.args[i]);
    }
    // Every list but those of axes and of the parts of a stage holds expressions.
    const auto use_all = [&](Range range) {
      for (const Id id : p_.list(range)) use(id);
    };
    for (const Axis& axis : p_.axes) use(axis.extent);
    for (const Buffer& buffer : p_.buffers) use_all(buffer.extents), use_all(buffer.strides);
    for (const Access& access : p_.accesses)
      use_all(access.index), use(access.guard), use(access.otherwise);
    for (const Fold& fold : p_.folds) use_all(fold.init), use_all(fold.step), use_all(fold.merge);
    for (const Check& check : p_.checks) use(check.ok), use_all(check.shown);
    for (const Store& store : p_.stores)
      use_all(store.to.index), use(store.to.guard), use(store.value);
  }

  /// Forgets the texts made since there were `count`: names end with the loop in which they were
  /// given.
  void forget(std::size_t count) {
    for (; texted_.size() > count; texted_.pop_back()) texts_[texted_.back()].clear();
  }

  [[nodiscard]] std::vector<Id> operands_of(const Expr& expr) const {
    if (expr.code != Code::load) return {expr.args.begin(), expr.args.begin() + expr.arity};
    const Access& access = p_.accesses[expr.bits];
    std::vector<Id> ids(p_.list(access.index).begin(), p_.list(access.index).end());
    if (access.guard != none) ids.insert(ids.end(), {access.guard, access.otherwise});
    return ids;
  }

  /// The text of an expression; writes lines for what must be named before it.
  const std::string& text(Id root) {
    std::vector<Id> open{root};
    while (!open.empty()) {
      const Id id = open.back();
      if (texts_[id].empty()) {
        const std::size_t before = open.size();
        const std::vector<Id> operands = operands_of(p_.exprs[id]);
        for (std::size_t i = operands.size(); i-- > 0;) {
          if (texts_[operands[i]].empty()) open.push_back(operands[i]);
        }
        if (open.size() != before) continue;
        write(id);
      }
      open.pop_back();
    }
    return texts_[root];
  }

  void write(Id id) {
    const Expr& expr = p_.exprs[id];
    std::string made = composed(expr);
    const bool small = expr.arity == 0 && expr.code != Code::load;
    if (!small && (uses_[id] > 1 || made.size() > 72)) {
      const std::string label = "%" + std::to_string(id);
      line(label + " = " + made);
      made = label;
    }
    texts_[id] = std::move(made);
    texted_.push_back(id);
  }

  /// In parentheses when it is more than one word.
  [[nodiscard]] std::string operand(Id id) const {
    const std::string& text = texts_[id];
    const Expr& expr = p_.exprs[id];
    const bool compound = text.find(' ') != std::string::npos &&
                          (!infix(expr.code).empty() || expr.code == Code::select);
    return compound ? "(" + text + ")" : text;
  }

  [[nodiscard]] std::string composed(const Expr& expr) const {
    const auto number = [&](const char* letter) { return letter + std::to_string(expr.bits); };
    switch (expr.code) {
      case Code::constant:
        return constant_text(expr.type, expr.bits);
      case Code::parameter:
        return number("p");
      case Code::size:
        return number("s");
      case Code::axis:
        return number("i");
      case Code::load: {
        const Access& access = p_.accesses[expr.bits];
        std::string element = this->element(access);
        if (access.guard == none) return element;
        return "(" + operand(access.guard) + " ? " + element + " : " + operand(access.otherwise) +
               ")";
      }
      case Code::accumulator:
        return ((expr.bits >> 8U & 1U) != 0 ? "right" : "acc") + std::to_string(expr.bits & 0xffU);
      case Code::result:
        return result(static_cast<Id>(expr.bits >> 8U), static_cast<Id>(expr.bits & 0xffU));
      case Code::select:
        return operand(expr.args[0]) + " ? " + operand(expr.args[1]) + " : " +
               operand(expr.args[2]);
      case Code::negate:
        return "-" + operand(expr.args[0]);
      case Code::bit_not:
        return "~" + operand(expr.args[0]);
      case Code::cast:
        return std::string(name(expr.type)) + "(" + texts_[expr.args[0]] + ")";
      case Code::bitcast:
        return "bitcast<" + std::string(name(expr.type)) + ">(" + texts_[expr.args[0]] + ")";
      default:
        break;
    }
    if (const std::string_view symbol = infix(expr.code); !symbol.empty()) {
      return operand(expr.args[0]) + std::string(symbol) + operand(expr.args[1]);
    }
    std::string call(name(expr.code));
    for (std::size_t i = 0; i < expr.arity; ++i)
      call += (i == 0 ? "(" : ", ") + texts_[expr.args[i]];
    return call + ")";
  }

  [[nodiscard]] std::string result(Id fold, Id slot) const {
    const std::string number = "f" + std::to_string(fold);
    return p_.folds[fold].init.count == 1 ? number : number + "." + std::to_string(slot);
  }

  /// `b0[i0, i1 + 1]`, of texts that are there.
  [[nodiscard]] std::string element(const Access& access) const {
    return "b" + std::to_string(access.buffer) + "[" + joined(p_.list(access.index)) + "]";
  }

  [[nodiscard]] std::string joined(std::span<const Id> ids) const {
    std::string list;
    for (std::size_t i = 0; i < ids.size(); ++i) list += (i == 0 ? "" : ", ") + texts_[ids[i]];
    return list;
  }

  std::string list(Range range) {
    for (const Id id : p_.list(range)) text(id);
    return joined(p_.list(range));
  }

  // ---- Parts ----------------------------------------------------------------------------------

  void buffer(Id id) {
    constexpr std::array<const char*, 4> spaces = {"input", "output", "in_out", "row"};
    const Buffer& buffer = p_.buffers[id];
    std::string words = std::string(spaces[static_cast<std::size_t>(buffer.space)]) + " b" +
                        std::to_string(id) + ": " + std::string(name(buffer.type)) + "[" +
                        list(buffer.extents) + "]";
    if (buffer.space != Buffer::Space::row) {
      words += " strides [" + list(buffer.strides) + "]";
      if (buffer.facts.aligned) words += ", aligned";
      if (buffer.facts.no_alias) words += ", no alias";
      if (!buffer.facts.wide_index) words += ", 32-bit offsets";
    }
    line(words);
  }

  /// `for i0 in s0, i1 in s1:`, and indents what follows; nothing when there are no axes.
  void loops(const std::string& before, Range axes, const char* after) {
    if (axes.count == 0) return;
    line(before + ranges(axes) + after);
    ++indent_;
  }

  std::string ranges(Range axes) {
    std::string words;
    for (const Id axis : p_.list(axes)) {
      words += (words.empty() ? "i" : ", i") + std::to_string(axis) + " in " +
               text(p_.axes[axis].extent);
    }
    return words;
  }

  void stage(const std::string& kind, const Stage& stage) {
    if (stage.axes.count == 0) line(kind + ":");
    loops(kind + " for ", stage.axes, ":");
    if (stage.axes.count == 0) ++indent_;
    for (const Id id : p_.list(stage.folds)) fold(id);
    for (const Id id : p_.list(stage.checks)) {
      const Check& check = p_.checks[id];
      std::string words = "check " + text(check.ok) + ", error " + std::to_string(check.error);
      if (check.shown.count != 0) words += ", shows " + list(check.shown);
      line(words);
    }
    const bool scans =
        stage.folds.count != 0 && p_.folds[p_.list(stage.folds).back()].kind == Fold::Kind::scan;
    if (scans && stage.stores.count != 0) {
      line("each f" + std::to_string(p_.list(stage.folds).back()) + ":");
      ++indent_;
    }
    for (const Id id : p_.list(stage.stores)) store(p_.stores[id]);
    if (scans && stage.stores.count != 0) --indent_;
    --indent_;
  }

  void fold(Id id) {
    constexpr std::array<const char*, 3> kinds = {"reduce", "scan", "sequence"};
    const Fold& fold = p_.folds[id];
    const std::string init = list(fold.init);
    std::string words =
        "f" + std::to_string(id) + " = " + kinds[static_cast<std::size_t>(fold.kind)];
    if (fold.axes.count != 0) words += " over " + ranges(fold.axes);
    line(words + ":");
    ++indent_;
    line("init " + init);
    const std::size_t outside = texted_.size();
    line("step " + list(fold.step));
    forget(outside);
    if (fold.merge.count != 0) line("merge " + list(fold.merge));
    forget(outside);
    --indent_;
  }

  void store(const Store& store) {
    constexpr std::array<const char*, 5> modes = {" = ", " += ", " *= ", " min= ", " max= "};
    list(store.to.index);
    std::string words = store.to.guard == none ? "" : "if " + text(store.to.guard) + ": ";
    const std::string& value = text(store.value);
    words += element(store.to) + modes[static_cast<std::size_t>(store.mode)] + value;
    if (!store.unique) words += ", in order";
    line(words);
  }

  const Program& p_;
  std::vector<std::uint32_t> uses_;
  std::vector<std::string> texts_;  ///< by expression, empty where there is none in this scope
  std::vector<Id> texted_;
  std::size_t indent_ = 0;
  std::string out_;
};

}  // namespace

std::string text(const Program& program) { return Printer(program).run(); }

}  // namespace rill::kernel
