/// For those who print with {fmt}: `fmt::print("{}\n", x)`. The only header of rill that includes
/// one of a third party, which is why <rill/rill.h> does not include it. Invariant: the text is
/// what `text(x)` and the like give.
#pragma once

#include <fmt/format.h>

#include <string>

#include <rill/tensor/device.h>
#include <rill/tensor/dim.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/print.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/tensor.h>

namespace rill::detail {

/// Takes the options of strings: `{:>20}`.
struct TextFormatter : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format_text(const std::string& text, Context& context) const {
    return fmt::formatter<fmt::string_view>::format(fmt::string_view(text.data(), text.size()),
                                                    context);
  }
};

}  // namespace rill::detail

template <>
struct fmt::formatter<rill::Tensor> : rill::detail::TextFormatter {
  template <class Context>
  auto format(const rill::Tensor& tensor, Context& context) const {
    return format_text(rill::text(tensor), context);
  }
};
template <>
struct fmt::formatter<rill::Shape> : rill::detail::TextFormatter {
  template <class Context>
  auto format(const rill::Shape& shape, Context& context) const {
    return format_text(shape.text(), context);
  }
};
template <>
struct fmt::formatter<rill::Dim> : rill::detail::TextFormatter {
  template <class Context>
  auto format(rill::Dim size, Context& context) const {
    return format_text(size.text(), context);
  }
};
template <>
struct fmt::formatter<rill::DType> : rill::detail::TextFormatter {
  template <class Context>
  auto format(rill::DType dtype, Context& context) const {
    return format_text(std::string(name(dtype)), context);
  }
};
template <>
struct fmt::formatter<rill::Device> : rill::detail::TextFormatter {
  template <class Context>
  auto format(rill::Device device, Context& context) const {
    return format_text(device.text(), context);
  }
};
