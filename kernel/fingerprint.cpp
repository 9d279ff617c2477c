// The hash under which compiled kernels are cached, on disk too: it depends on the program's words
// alone, not on addresses, padding or what lies unused between the lists.

#include <bit>

#include <rill/kernel/program.h>

namespace rill::kernel {
namespace {

/// Two 64-bit lanes, each a chain of multiplications and rotations, mixed with one another at the
/// end.
class Hasher {
 public:
  void add(std::uint64_t word) {
    ++words_;
    a_ = std::rotl((a_ ^ word) * 0x9e3779b97f4a7c15U, 29) + b_;
    b_ = std::rotl((b_ + word) * 0xbf58476d1ce4e5b9U, 41) ^ a_;
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void add(Enum value) {
    add(static_cast<std::uint64_t>(value));
  }
  void add(std::span<const Id> list) {
    add(list.size());
    for (const Id id : list) add(std::uint64_t{id});
  }

  [[nodiscard]] std::array<std::uint64_t, 2> finish() const {
    const std::uint64_t a = finalised(a_ ^ words_);
    const std::uint64_t b = finalised(b_ + a);
    return {finalised(a ^ b), b};
  }

 private:
  /// The finaliser of MurmurHash3 (Appleby): every input bit reaches every output bit.
  static std::uint64_t finalised(std::uint64_t word) {
    word = (word ^ (word >> 33U)) * 0xff51afd7ed558ccdU;
    word = (word ^ (word >> 33U)) * 0xc4ceb9fe1a85ec53U;
    return word ^ (word >> 33U);
  }

  std::uint64_t a_ = 0x243f6a8885a308d3U;  // digits of pi
  std::uint64_t b_ = 0x13198a2e03707344U;
  std::uint64_t words_ = 0;
};

}  // namespace

std::array<std::uint64_t, 2> fingerprint(const Program& program) {
  Hasher hash;
  const auto access = [&](const Access& access) {
    hash.add(std::uint64_t{access.buffer});
    hash.add(program.list(access.index));
    hash.add(std::uint64_t{access.guard} << 32U | access.otherwise);
  };
  hash.add(program.sizes);
  hash.add(program.parameters.size());
  for (const DType type : program.parameters) hash.add(type);
  hash.add(program.exprs.size());
  for (const Expr& expr : program.exprs) {
    hash.add(static_cast<std::uint64_t>(expr.code) << 16U |
             static_cast<std::uint64_t>(expr.type) << 8U | expr.arity);
    for (std::size_t i = 0; i < expr.arity; ++i) hash.add(std::uint64_t{expr.args[i]});
    hash.add(expr.bits);
  }
  hash.add(program.axes.size());
  for (const Axis& axis : program.axes) hash.add(std::uint64_t{axis.extent});
  hash.add(program.buffers.size());
  for (const Buffer& buffer : program.buffers) {
    hash.add(buffer.type);
    hash.add(buffer.space);
    hash.add(program.list(buffer.extents));
    hash.add(program.list(buffer.strides));
    hash.add((buffer.facts.aligned ? 1U : 0U) | (buffer.facts.no_alias ? 2U : 0U) |
             (buffer.facts.wide_index ? 4U : 0U));
  }
  hash.add(program.accesses.size());
  for (const Access& one : program.accesses) access(one);
  hash.add(program.folds.size());
  for (const Fold& fold : program.folds) {
    hash.add(fold.kind);
    hash.add(program.list(fold.axes));
    hash.add(program.list(fold.init));
    hash.add(program.list(fold.step));
    hash.add(program.list(fold.merge));
  }
  hash.add(program.stores.size());
  for (const Store& store : program.stores) {
    access(store.to);
    hash.add(std::uint64_t{store.value});
    hash.add(static_cast<std::uint64_t>(store.mode) << 1U | (store.unique ? 1U : 0U));
  }
  hash.add(program.checks.size());
  for (const Check& check : program.checks) {
    hash.add(std::uint64_t{check.ok} << 16U | check.error);
    hash.add(program.list(check.shown));
  }
  hash.add(program.list(program.outer));
  for (const auto* stages : {&program.stages, &program.closing}) {
    hash.add(stages->size());
    for (const Stage& stage : *stages) {
      hash.add(program.list(stage.axes));
      hash.add(program.list(stage.folds));
      hash.add(program.list(stage.checks));
      hash.add(program.list(stage.stores));
    }
  }
  return hash.finish();
}

}  // namespace rill::kernel
