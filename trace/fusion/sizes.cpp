#include <rill/trace/fusion/sizes.h>

namespace rill {
namespace {

constexpr std::int64_t limit = std::int64_t{1} << 61;

}  // namespace

kernel::Value Sizes::value(Dim size) {
  if (size.known()) return builder_.integer(size.value());
  const auto [found, is_new] = known_.try_emplace(size.bits());
  if (is_new) {
    found->second = builder_.size();
    passed_.push_back(size);
  }
  return found->second;
}

std::optional<Dim> Sizes::dim(kernel::Id expr) const {
  return size_of_expression(builder_.program(), passed_, expr);
}

std::optional<Dim> size_of_expression(const kernel::Program& program, std::span<const Dim> passed,
                                      kernel::Id expr) {
  const kernel::Expr& e = program.exprs[expr];
  const auto both = [&](auto join) -> std::optional<Dim> {
    const auto a = size_of_expression(program, passed, e.args[0]);
    const auto b = size_of_expression(program, passed, e.args[1]);
    if (!a || !b) return std::nullopt;
    return join(*a, *b);
  };
  switch (e.code) {
    case kernel::Code::constant: {
      const auto number = static_cast<std::int64_t>(e.bits);
      if (e.type != int64 || number < -limit || number >= limit) return std::nullopt;
      return Dim(number);
    }
    case kernel::Code::size:
      return passed[e.bits];
    case kernel::Code::add:
      return both([](Dim a, Dim b) { return a + b; });
    case kernel::Code::subtract:
      return both([](Dim a, Dim b) { return a - b; });
    case kernel::Code::multiply:
      return both([](Dim a, Dim b) { return a * b; });
    default:
      return std::nullopt;
  }
}

}  // namespace rill
