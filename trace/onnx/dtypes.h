/// Dtypes by ONNX's numbers, and back. Invariant: each is the other's inverse.
#pragma once

#include <optional>

#include <rill/tensor/dtype.h>
#include <rill/trace/onnx/element_type.h>

namespace rill::onnx {

constexpr ElementType element_type(DType dtype) {
  constexpr ElementType types[dtype_count] = {
      ElementType::bool_,   ElementType::int8,    ElementType::int16,    ElementType::int32,
      ElementType::int64,   ElementType::uint8,   ElementType::uint16,   ElementType::uint32,
      ElementType::uint64,  ElementType::float16, ElementType::bfloat16, ElementType::float32,
      ElementType::float64,
  };
  return types[static_cast<std::size_t>(dtype)];
}

/// Nothing for a type that no tensor of rill's has.
constexpr std::optional<DType> dtype_of(std::int64_t type) {
  for (int i = 0; i < dtype_count; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (static_cast<std::int64_t>(element_type(dtype)) == type) return dtype;
  }
  return std::nullopt;
}

}  // namespace rill::onnx
