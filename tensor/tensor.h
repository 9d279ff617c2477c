/// `Tensor`: an n-dimensional array that is a value. It behaves like an `int` that is cheap to
/// copy: no operation changes another tensor, and views share memory invisibly. Invariant: a handle
/// to one immutable, counted body; rebinding (`=`, `+=`, writing by `at`) gives the handle another
/// body, or changes the body in place when nobody else can see it, under a new id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <rill/tensor/device.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/error.h>
#include <rill/tensor/export.h>
#include <rill/tensor/reference_count.h>
#include <rill/tensor/scalar.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/storage.h>
#include <rill/tensor/where.h>

namespace rill {

class Index;
class Operand;
class Slot;
class Axes;

namespace detail {

/// What a tensor's handle points to: where the elements are and how they lie. Three cache lines; a
/// tensor with memory of its own is one block: body, storage's header, elements. So `storage` is
/// never replaced.
struct TensorBody {
  ReferenceCount references;
  DType dtype = DType::float32;
  Device device;
  bool weak : 1 = false;  // a number on its way into an operation: rank 0, its bits in `immediate`
  bool contiguous : 1 = true;   // row-major without gaps
  bool in_storage : 1 = false;  // this body lies in the block that `storage` refers to
  std::uint64_t id = 0;
  std::byte* data = nullptr;  // the first element; null for an abstract tensor, which has no values
  Storage storage;
  Shape shape;
  std::array<std::int64_t, max_rank> strides;  // in elements; set up to the rank only
  Scalar scalar;                               // of weak tensors
  std::uint64_t immediate = 0;

  static void* operator new(std::size_t bytes);
  static void operator delete(void* body, std::size_t bytes) noexcept;
};
static_assert(sizeof(TensorBody) == 192);

/// Stands where `x(...)` and `x.at(...)` are given fewer indices than they take.
RILL_API extern const Index no_index;
/// A number that no other value has had.
RILL_API std::uint64_t next_value_id();
RILL_API void destroy(TensorBody* body) noexcept;
[[noreturn]] RILL_API void fail_undefined(const char* what, Where where = {});

}  // namespace detail

/// An n-dimensional array.
///
///     Tensor x = arange(6.0f).reshape({2, 3});
///     Tensor row = x(1);                     // a view
///     x.at(1, 0) = 7;                        // rebinds x: views and copies keep their values
///     float first = x(1, 0).item<float>();
///     row                                    // [3, 4, 5]
///     first                                  // 7
class RILL_API Tensor {
 public:
  /// An undefined tensor; using it in an operation is a `ValueError`.
  Tensor() = default;
  Tensor(const Tensor& other) noexcept : body_(other.body_) {
    if (body_ != nullptr) body_->references.add();
  }
  Tensor(Tensor&& other) noexcept : body_(other.body_) { other.body_ = nullptr; }
  Tensor& operator=(const Tensor& other) noexcept {
    Tensor(other).swap(*this);
    return *this;
  }
  Tensor& operator=(Tensor&& other) noexcept {
    Tensor(std::move(other)).swap(*this);
    return *this;
  }
  constexpr ~Tensor() {
    if (body_ != nullptr && body_->references.drop()) detail::destroy(body_);
  }
  void swap(Tensor& other) noexcept { std::swap(body_, other.body_); }

  // ---- What it is -----------------------------------------------------------------------------
  [[nodiscard]] bool defined() const { return body_ != nullptr; }
  [[nodiscard]] DType dtype() const { return body().dtype; }
  [[nodiscard]] const Shape& shape() const { return body().shape; }
  [[nodiscard]] int rank() const { return body().shape.rank(); }
  /// The size along an axis; negative axes count from the end. Throws `IndexError`.
  [[nodiscard]] Dim dim(int axis, Where where = Where::here()) const;
  /// The number of elements. Throws `ValueError` when it is symbolic.
  [[nodiscard]] std::int64_t size() const { return body().shape.size().value(); }
  [[nodiscard]] Device device() const { return body().device; }
  /// Names this value: never reused, shared by copies, new after rebinding.
  [[nodiscard]] std::uint64_t id() const { return body().id; }
  /// Distance between neighbours along each axis, in elements; 0 where an axis is stretched,
  /// negative where flipped.
  [[nodiscard]] std::span<const std::int64_t> strides() const {
    return {body().strides.data(), static_cast<std::size_t>(rank())};
  }
  /// True when the elements lie in row-major order without gaps.
  [[nodiscard]] bool contiguous() const { return body().contiguous; }
  /// True when there are only a dtype and a shape: inside shape inference and valueless capture.
  [[nodiscard]] bool abstract() const { return body().data == nullptr; }
  /// `float32[2,3]`, as it stands in error texts.
  [[nodiscard]] std::string type_text() const;

  // ---- Reading from the host: explicit, and heard by listeners --------------------------------
  /// The only element, converted to `T`. Throws `ValueError` unless there is exactly one.
  template <Element T>
  [[nodiscard]] T item(Where where = Where::here()) const {
    T value;
    item_into(dtype_of<T>, &value, where);
    return value;
  }
  /// All elements in row-major order, converted to `T`. Throws `OutOfMemoryError` when there is no
  /// room for them: those of a stretched view may be many more than its memory holds.
  template <Element T>
  [[nodiscard]] std::vector<T> to_vector(Where where = Where::here()) const;
  /// The elements themselves. Throws `DTypeError` unless `T` is the dtype's, `ValueError` unless
  /// contiguous and on the host. Valid while this tensor, or another that shares its memory, is.
  template <Element T>
  [[nodiscard]] std::span<const T> data(Where where = Where::here()) const {
    return {static_cast<const T*>(checked_data(dtype_of<T>, where)),
            static_cast<std::size_t>(size())};
  }
  /// The only element is not zero: `if (sum(x) > 1) ...`. Throws `ValueError` unless there is
  /// exactly one.
  explicit operator bool() const;

  // ---- Views and conversions; defined by the operators ----------------------------------------
  /// Elements converted to another dtype: float to integer saturates and NaN gives 0.
  [[nodiscard]] Tensor to(DType dtype, Where where = Where::here()) const;
  /// The same elements on another device.
  [[nodiscard]] Tensor to(Device device, Where where = Where::here()) const;
  /// Same elements in row-major order under another shape; one size may be -1. A view where the
  /// strides allow it.
  [[nodiscard]] Tensor reshape(const Shape& shape, Where where = Where::here()) const;
  /// Axes in another order; without an order, reversed. A view.
  [[nodiscard]] Tensor transpose(Where where = Where::here()) const;
  [[nodiscard]] Tensor transpose(const Axes& order, Where where = Where::here()) const;
  /// A tensor of the same values that is `contiguous()`.
  [[nodiscard]] Tensor contiguous_copy(Where where = Where::here()) const;

  /// Reads by index: numbers, `slice`s, `{first, last}`, `newaxis`, `ellipsis`, integer tensors.
  /// Basic indices give views. Throws `IndexError`.
  ///
  ///     Tensor x = arange(6).reshape({2, 3});
  ///     x(1)                      // [3, 4, 5]
  ///     x(0, slice(0, 3, 2))      // [0, 2]
  ///     x({0, 1})                 // [[0, 1, 2]]
  ///     x(ellipsis, -1)           // [2, 5]
  ///     x(newaxis)                // int64[1,2,3]
  Tensor operator()(const Index& i0, const Index& i1 = detail::no_index,
                    const Index& i2 = detail::no_index, const Index& i3 = detail::no_index,
                    const Index& i4 = detail::no_index, const Index& i5 = detail::no_index,
                    const Index& i6 = detail::no_index, const Index& i7 = detail::no_index,
                    Where where = Where::here()) const;

  /// A place to write to: `x.at(1) = v; x.at(0, slice()) += 2; x.at(x < 0) = 0;`.
  Slot at(const Index& i0, const Index& i1 = detail::no_index, const Index& i2 = detail::no_index,
          const Index& i3 = detail::no_index, const Index& i4 = detail::no_index,
          const Index& i5 = detail::no_index, const Index& i6 = detail::no_index,
          const Index& i7 = detail::no_index, Where where = Where::here()) &;

  /// `x = x + y`, in the buffer of `x` when nobody else holds it. `x` keeps its shape and dtype: a
  /// result of another is a `ShapeError` or `DTypeError`. NumPy would round within a kind, here a
  /// float32 takes no float64 tensor unless converted with `.to(float32)`; numbers take the dtype
  /// of `x`. `<<=` and `>>=` shift.
  Tensor& operator+=(const Operand& y);
  Tensor& operator-=(const Operand& y);
  Tensor& operator*=(const Operand& y);
  Tensor& operator/=(const Operand& y);
  Tensor& operator%=(const Operand& y);
  Tensor& operator&=(const Operand& y);
  Tensor& operator|=(const Operand& y);
  Tensor& operator^=(const Operand& y);
  Tensor& operator<<=(const Operand& y);
  Tensor& operator>>=(const Operand& y);

  // ---- For the floors above -------------------------------------------------------------------
  /// A body that the caller has just made.
  static Tensor adopt(detail::TensorBody* body) {
    Tensor tensor;
    tensor.body_ = body;
    return tensor;
  }
  /// New memory of the shape, not set to anything, contiguous. Throws `OutOfMemoryError`,
  /// `ShapeError`.
  static Tensor empty(const Shape& shape, DType dtype, Device device = Device::cpu());
  /// No values: only a dtype and a shape, which may be symbolic.
  static Tensor abstract(const Shape& shape, DType dtype, Device device = Device::cpu());
  /// A weak rank-0 tensor: takes the dtype of what it meets.
  static Tensor weak(const Scalar& scalar);
  /// The same without a value.
  static Tensor abstract_weak(DType dtype);
  /// A view of this tensor's memory: `offset` from its first element, in elements.
  [[nodiscard]] Tensor view(const Shape& shape, std::span<const std::int64_t> strides,
                            std::int64_t offset) const;
  /// A tensor over memory of somebody else's, never written through rill. `release` runs once
  /// nobody needs it. `strides` in elements; `data` points to the first element.
  static Tensor wrap(void* data, const Shape& shape, std::span<const std::int64_t> strides,
                     DType dtype, std::function<void()> release, Device device = Device::cpu(),
                     Where where = Where::here());

  [[nodiscard]] detail::TensorBody& body() const {
    if (body_ == nullptr) detail::fail_undefined("this tensor");
    return *body_;
  }
  [[nodiscard]] detail::TensorBody* body_or_null() const { return body_; }
  /// True when nobody else can see this tensor's elements, so that they may be changed in place.
  [[nodiscard]] bool sole_owner() const {
    return body().references.sole() && body().storage && body().storage.writable();
  }

 private:
  void item_into(DType dtype, void* value, Where where) const;
  void copy_into(DType dtype, void* values, Where where) const;
  [[nodiscard]] std::size_t checked_count(Where where) const;
  [[noreturn]] void fail_memory(Where where) const;
  [[nodiscard]] const void* checked_data(DType dtype, Where where) const;

  detail::TensorBody* body_ = nullptr;
};

template <Element T>
std::vector<T> Tensor::to_vector(Where where) const {
  // std::vector<bool> has no elements to copy into.
  using Copied = std::conditional_t<std::same_as<T, bool>, std::uint8_t, T>;
  const std::size_t count = checked_count(where);
  try {
    std::vector<Copied> values(count);
    copy_into(dtype_of<T>, values.data(), where);
    if constexpr (std::same_as<T, bool>)
      return {values.begin(), values.end()};
    else
      return values;
  } catch (const std::bad_alloc&) {
    fail_memory(where);
  }
}

/// True when the tensors have equal shapes, dtypes and elements; NaN differs from everything.
RILL_API bool equal(const Tensor& a, const Tensor& b, Where where = Where::here());

struct AllcloseOptions {
  double rtol = 1e-5;
  double atol = 1e-8;
  bool equal_nan = false;
};
/// True when |a - b| <= atol + rtol * |b| everywhere, after broadcasting (NumPy's rule).
RILL_API bool allclose(const Tensor& a, const Tensor& b, const AllcloseOptions& options = {},
                       Where where = Where::here());

/// Prints like NumPy.
RILL_API std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace rill
