/// Printing tensors, the way NumPy prints arrays.
/// Invariant: the text of a tensor depends on its elements, shape, dtype and the options alone,
/// never on its layout.
#pragma once

#include <concepts>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

#include <rill/tensor/dim.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// How tensors print; the meaning and the defaults of the fields are those of
/// `numpy.set_printoptions`.
struct PrintOptions {
  int precision = 8;  ///< most digits after the point; fewer where fewer tell the element apart
  std::int64_t threshold = 1000;  ///< tensors of more elements are summarised with `...`
  int edge_items = 3;             ///< how many items then remain at each end of an axis
  int line_width = 75;            ///< characters per line
  bool suppress = false;          ///< no exponents for small numbers: they print as 0
};

/// Sets how tensors print from now on, in every thread.
/// Throws `ValueError` for a precision outside [0, 100], edge items or a line width below 1, a
/// negative threshold.
RILL_API void set_print_options(const PrintOptions& options, Where where = Where::here());
RILL_API PrintOptions print_options();

/// A tensor as text, without a newline at its end. One without values (abstract) reads as its dtype
/// and shape, an undefined one as `undefined`.
///
///     text(tensor({{1.5, 2}, {3, 4}}))      // "[[1.5 2. ]\n [3.  4. ]]"
RILL_API std::string text(const Tensor& tensor, const PrintOptions& options = print_options(),
                          Where where = Where::here());

/// `float32`.
RILL_API std::ostream& operator<<(std::ostream& out, DType dtype);

/// One thing to print: a tensor, a variable, a number, a size, a shape, a dtype or words.
class RILL_API Printed {
 public:
  Printed() = default;  ///< nothing
  // NOLINTBEGIN(google-explicit-constructor): whatever can be printed converts
  Printed(const Tensor& tensor, Where where = Where::here());
  template <TensorLike T>
  Printed(const T& source, Where where = Where::here())
      : Printed(static_cast<Tensor>(source), where) {}
  template <Element T>
  Printed(T number) : Printed(dtype_of<T>, &number) {}
  Printed(std::string_view words);
  Printed(const std::string& words);
  Printed(const char* words);
  Printed(Dim size);
  Printed(const Shape& shape);
  Printed(DType dtype);
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] bool anything() const { return anything_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Printed(DType dtype, const void* element);

  std::string text_;
  bool anything_ = false;
};

/// Writes to the standard output, with blanks between and a newline at the end. Listeners hear of
/// each tensor, so that a trace prints too.
///
///     print(x);
///     print("step", step, "loss", loss);
RILL_API void print(const Printed& first, const Printed& second = {}, const Printed& third = {},
                    const Printed& fourth = {}, const Printed& fifth = {},
                    const Printed& sixth = {}, const Printed& seventh = {},
                    const Printed& eighth = {});

}  // namespace rill
