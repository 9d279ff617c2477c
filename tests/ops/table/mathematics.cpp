#include <cmath>
#include <limits>
#include <numbers>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

/// By Newton's steps on erf.
double inverse_error(double y) {
  if (!(std::abs(y) < 1)) {
    return std::abs(y) == 1 ? y * std::numeric_limits<double>::infinity()
                            : std::numeric_limits<double>::quiet_NaN();
  }
  double x = 0;
  for (int step = 0; step < 100; ++step) {
    x -= (std::erf(x) - y) * std::sqrt(std::numbers::pi) / 2 * std::exp(x * x);
  }
  return x;
}

}  // namespace

std::vector<Row> mathematics_rows() {
  return {
      // ---- Exponentials and logarithms --------------------------------------------------------
      real(
          "exp", [](auto& x) { return exp(x); }, [](double x) { return std::exp(x); }),
      real(
          "exp2", [](auto& x) { return exp2(x); }, [](double x) { return std::exp2(x); }),
      real(
          "expm1", [](auto& x) { return expm1(x); }, [](double x) { return std::expm1(x); }),
      real(
          "log", [](auto& x) { return log(x); }, [](double x) { return std::log(x); }, 0.1, 4),
      real(
          "log2", [](auto& x) { return log2(x); }, [](double x) { return std::log2(x); }, 0.1, 4),
      real(
          "log10", [](auto& x) { return log10(x); }, [](double x) { return std::log10(x); }, 0.1,
          4),
      real(
          "log1p", [](auto& x) { return log1p(x); }, [](double x) { return std::log1p(x); }, -0.9,
          4),
      real(
          "sqrt", [](auto& x) { return sqrt(x); }, [](double x) { return std::sqrt(x); }, 0.1, 4),
      real(
          "rsqrt", [](auto& x) { return rsqrt(x); }, [](double x) { return 1 / std::sqrt(x); }, 0.1,
          4),

      real(
          "cbrt", [](auto& x) { return cbrt(x); }, [](double x) { return std::cbrt(x); }, 0.1, 4),

      // ---- Trigonometry -----------------------------------------------------------------------
      real(
          "asin", [](auto& x) { return asin(x); }, [](double x) { return std::asin(x); }, -0.9,
          0.9),
      real(
          "acos", [](auto& x) { return acos(x); }, [](double x) { return std::acos(x); }, -0.9,
          0.9),
      real(
          "atan", [](auto& x) { return atan(x); }, [](double x) { return std::atan(x); }),
      with(with(binary(
                    "atan2", [](auto& a, auto& b) { return atan2(a, b); },
                    [](double a, double b) { return std::atan2(a, b); }, floats),
                2, 4),
           floating),
      real(
          "sinh", [](auto& x) { return sinh(x); }, [](double x) { return std::sinh(x); }),
      real(
          "cosh", [](auto& x) { return cosh(x); }, [](double x) { return std::cosh(x); }),
      real(
          "asinh", [](auto& x) { return asinh(x); }, [](double x) { return std::asinh(x); }),
      real(
          "acosh", [](auto& x) { return acosh(x); }, [](double x) { return std::acosh(x); }, 1.2,
          4),
      real(
          "atanh", [](auto& x) { return atanh(x); }, [](double x) { return std::atanh(x); }, -0.9,
          0.9),
      real(
          "sin", [](auto& x) { return sin(x); }, [](double x) { return std::sin(x); }),
      real(
          "cos", [](auto& x) { return cos(x); }, [](double x) { return std::cos(x); }),
      real(
          "tan", [](auto& x) { return tan(x); }, [](double x) { return std::tan(x); }, -1.2, 1.2),
      real(
          "tanh", [](auto& x) { return tanh(x); }, [](double x) { return std::tanh(x); }),

      // ---- Error functions --------------------------------------------------------------------
      real(
          "erf", [](auto& x) { return erf(x); }, [](double x) { return std::erf(x); }),
      real(
          "erfc", [](auto& x) { return erfc(x); }, [](double x) { return std::erfc(x); }),
      real(
          "erfinv", [](auto& x) { return erfinv(x); }, inverse_error, -0.9, 0.9),

      // ---- Their gradients --------------------------------------------------------------------
      with(
          binary(
              "tanh_gradient", [](auto& dy, auto& y) { return call_named("tanh_gradient", dy, y); },
              [](double dy, double y) { return dy * (1 - y * y); }, floats, -0.9, 0.9),
          2, 8),
  };
}

}  // namespace rill::table
