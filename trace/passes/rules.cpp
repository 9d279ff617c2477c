#include <rill/trace/passes/rules.h>

namespace rill {
namespace {

using Rule = AlgebraRule;

// What looks exact and is not: x + 0 of x = -0 is +0, x - x of infinity is NaN, x * 0 of -1 is -0,
// -(a - b) of equal ones is -0. Integers have one zero and nothing beyond their range.
constexpr Rule exact[] = {
    // ---- Units --------------------------------------------------------------------------------
    {"x * 1", "x", Rule::numbers},
    {"x / 1", "x"},
    {"x + -0", "x", Rule::numbers},
    {"x - 0", "x", Rule::numbers},
    {"x * -1", "-x", Rule::with_sign},
    {"x / -1", "-x"},
    {"x / p", "x * (1 / p)"},  // both round the same exact quotient
    {"x * 0", "0", Rule::integers},
    {"0 - x", "-x", Rule::integers},
    {"x - x", "0", Rule::integers},

    // ---- Signs: rounding does not see them ----------------------------------------------------
    {"--x", "x", Rule::numbers},
    {"a + -b", "a - b", Rule::numbers},
    {"a - -b", "a + b", Rule::numbers},
    {"-a * -b", "a * b", Rule::numbers},
    {"-a / -b", "a / b"},
    {"-x * n", "x * -n"},
    {"-x / n", "x / -n"},
    {"n / -x", "-n / x"},
    {"abs(-x)", "abs(x)", Rule::with_sign},
    {"abs(abs(x))", "abs(x)", Rule::numbers},
    {"abs(square(x))", "square(x)"},
    {"square(-x)", "square(x)", Rule::numbers},
    {"square(abs(x))", "square(x)", Rule::numbers},
    {"-x * x", "-square(x)", Rule::numbers},

    // ---- Names for the same -------------------------------------------------------------------
    {"x * x", "square(x)", Rule::numbers},
    {"copy(x)", "x", Rule::any},
    {"stop_gradient(x)", "x", Rule::any},

    // ---- Choices ------------------------------------------------------------------------------
    {"maximum(x, x)", "x", Rule::numbers},
    {"minimum(x, x)", "x", Rule::numbers},
    {"maximum(x, maximum(x, y))", "maximum(x, y)", Rule::numbers},
    {"minimum(x, minimum(x, y))", "minimum(x, y)", Rule::numbers},
    {"relu(relu(x))", "relu(x)"},
    {"where(c, x, x)", "x", Rule::any},
    {"where(logical_not(c), a, b)", "where(c, b, a)", Rule::any},
    {"where(c, where(c, a, b), d)", "where(c, a, d)", Rule::any},
    {"where(c, a, where(c, b, d))", "where(c, a, d)", Rule::any},

    // ---- Rounding -----------------------------------------------------------------------------
    {"floor(floor(x))", "floor(x)"},
    {"floor(ceil(x))", "ceil(x)"},
    {"floor(trunc(x))", "trunc(x)"},
    {"floor(round(x))", "round(x)"},
    {"ceil(ceil(x))", "ceil(x)"},
    {"ceil(floor(x))", "floor(x)"},
    {"trunc(trunc(x))", "trunc(x)"},
    {"round(round(x))", "round(x)"},
    {"round(floor(x))", "floor(x)"},

    // ---- Logic --------------------------------------------------------------------------------
    {"logical_not(logical_not(c))", "c", Rule::booleans},
    {"logical_and(c, c)", "c", Rule::booleans},
    {"logical_or(c, c)", "c", Rule::booleans},
    {"logical_not(equal(a, b))", "not_equal(a, b)", Rule::booleans},
    {"logical_not(not_equal(a, b))", "equal(a, b)", Rule::booleans},
    {"bitwise_not(bitwise_not(x))", "x", Rule::integers},
    {"bitwise_and(x, x)", "x", Rule::integers},
    {"bitwise_or(x, x)", "x", Rule::integers},
};

// Equal for real numbers, and nearly so for floats: what they do to rounding, signed zeros,
// infinities and NaN is not looked at.
constexpr Rule fast_math[] = {
    {"x + 0", "x"},
    {"0 - x", "-x"},
    {"x - x", "0"},
    {"x * 0", "0"},
    {"0 / x", "0"},
    {"x / x", "1"},
    {"-(a - b)", "b - a"},

    // ---- Numbers come together ----------------------------------------------------------------
    {"x / n", "x * (1 / n)"},
    {"(x * n) * m", "x * (n * m)"},
    {"(x + n) + m", "x + (n + m)"},
    {"(x + n) - m", "x + (n - m)"},
    {"(x - n) + m", "x + (m - n)"},
    {"(x - n) - m", "x - (n + m)"},
    {"a * c + b * c", "(a + b) * c"},
    {"a * c - b * c", "(a - b) * c"},

    // ---- Functions ----------------------------------------------------------------------------
    {"a / sqrt(b)", "a * rsqrt(b)"},
    {"sqrt(square(x))", "abs(x)"},
    {"square(sqrt(x))", "x"},
    {"exp(log(x))", "x"},
    {"log(exp(x))", "x"},
    {"exp(a) * exp(b)", "exp(a + b)"},
    {"pow(x, 0)", "1"},
    {"pow(x, 1)", "x"},
    {"pow(x, 2)", "square(x)"},
    {"pow(x, 3)", "square(x) * x"},
    {"pow(x, 0.5)", "sqrt(x)"},
    {"pow(x, -0.5)", "rsqrt(x)"},
    {"pow(x, -1)", "1 / x"},

    // ---- Contraction --------------------------------------------------------------------------
    {"a * b + c", "fma(a, b, c)"},
    {"a * b - c", "fma(a, b, -c)"},
    {"c - a * b", "fma(-a, b, c)"},
};

}  // namespace

std::span<const AlgebraRule> exact_rules() { return exact; }
std::span<const AlgebraRule> fast_math_rules() { return fast_math; }

}  // namespace rill
