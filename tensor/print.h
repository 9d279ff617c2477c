/// Printing tensors, the way NumPy prints arrays.
/// Invariant: the text of a tensor depends on its elements, shape, dtype and the options alone,
/// never on its layout.
#pragma once

#include <concepts>
#include <cstdint>
#include <iosfwd>
#include <span>
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
  Printed(const Tensor& tensor);
  template <TensorLike T>
  Printed(const T& source) : Printed(static_cast<Tensor>(source)) {}
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
  /// What is printed as a tensor; undefined for anything else.
  [[nodiscard]] const Tensor& tensor() const { return tensor_; }
  /// What is no tensor.
  [[nodiscard]] const std::string& words() const { return words_; }
  /// Whether the words are of a size that only a traced call knows.
  [[nodiscard]] bool unknown_size() const { return unknown_size_; }
  [[nodiscard]] std::string text() const {
    return tensor_.defined() ? rill::text(tensor_) : words_;
  }

 private:
  Printed(DType dtype, const void* element);

  Tensor tensor_;
  std::string words_;
  bool unknown_size_ = false;
  bool anything_ = false;
};

/// Writes to the standard output, with blanks between and a newline at the end. In a traced
/// function it prints in every call: tensors as they are then, all else as it was recorded.
///
///     print(x);
///     print("step", step, "loss", loss);
RILL_API void print(const Printed& first, const Printed& second = {}, const Printed& third = {},
                    const Printed& fourth = {}, const Printed& fifth = {},
                    const Printed& sixth = {}, const Printed& seventh = {},
                    const Printed& eighth = {}, Where where = Where::here());

namespace detail {

/// Prints a line of words with tensors between them: one text more than there are tensors.
RILL_API void print_line(std::span<const std::string> words, std::span<const Tensor> tensors,
                         Where where, bool unknown_sizes = false);

/// Nothing is printed on this thread while it lives: for what is done twice.
class RILL_API Unprinted {
 public:
  Unprinted();
  Unprinted(const Unprinted&) = delete;
  Unprinted& operator=(const Unprinted&) = delete;
  ~Unprinted();

 private:
  bool outer_;
};

}  // namespace detail

}  // namespace rill
