// Casts between the element types, among them the two half types, which LLVM would turn into
// library calls or convert by instructions that flush denormals.
#include <rill/cpu/llvm/arithmetic.h>

#include <llvm/IR/Intrinsics.h>

namespace rill::cpu::llvm_emitter {

using llvm::Value;

Value* Arithmetic::cast(DType from, DType to, Value* value) {
  if (from == to) return value;
  if (is_half(from)) {
    return cast(float32, to, half_to_float(from, value));
  }
  if (to == bool_) {
    return is_float(from) ? b_.CreateFCmpUNE(value, number(0, value))
                          : b_.CreateICmpNE(value, integer_like(0, value));
  }
  if (is_half(to)) {
    if (from == float32) return float_to_half(to, value);
    Value* wide = from == float64 ? value : integer_to_odd_double(from, value);
    return float_to_half(to, double_to_odd_float(wide));
  }
  llvm::Type* target = shaped(type(to), value);
  if (is_float(from)) {
    if (is_float(to))
      return to == float64 ? b_.CreateFPExt(value, target) : b_.CreateFPTrunc(value, target);
    const auto id = is_unsigned(to) ? llvm::Intrinsic::fptoui_sat : llvm::Intrinsic::fptosi_sat;
    return b_.CreateIntrinsic(id, {target, value->getType()}, {value});
  }
  const bool is_signed = is_signed_integer(from);
  if (is_float(to))
    return is_signed ? b_.CreateSIToFP(value, target) : b_.CreateUIToFP(value, target);
  return is_signed ? b_.CreateSExtOrTrunc(value, target) : b_.CreateZExtOrTrunc(value, target);
}

Value* Arithmetic::half_to_float(DType half, Value* bits) {
  llvm::Type* word = shaped(b_.getInt32Ty(), bits);
  llvm::Type* single = shaped(b_.getFloatTy(), bits);
  Value* wide = b_.CreateZExt(bits, word);
  if (half == bfloat16) {
    return b_.CreateBitCast(b_.CreateShl(wide, integer_like(16, wide)), single);
  }
  if (level_ != Level::baseline) {
    return b_.CreateFPExt(b_.CreateBitCast(bits, shaped(b_.getHalfTy(), bits)), single);
  }
  // The exponent moves up by 112; of subnormals the number is its fraction in units of 2^-24,
  // exactly.
  Value* sign =
      b_.CreateShl(b_.CreateAnd(wide, integer_like(0x8000, wide)), integer_like(16, wide));
  Value* rest = b_.CreateAnd(wide, integer_like(0x7fff, wide));
  Value* moved = b_.CreateShl(rest, integer_like(13, wide));
  Value* normal = b_.CreateAdd(moved, integer_like(112U << 23U, wide));
  Value* beyond = b_.CreateOr(moved, integer_like(0x7f800000U, wide));
  Value* tiny =
      b_.CreateFMul(b_.CreateSIToFP(rest, single), llvm::ConstantFP::get(single, 0x1p-24));
  Value* magnitude = b_.CreateSelect(b_.CreateICmpULT(rest, integer_like(0x400, wide)),
                                     b_.CreateBitCast(tiny, word), normal);
  magnitude =
      b_.CreateSelect(b_.CreateICmpUGE(rest, integer_like(0x7c00, wide)), beyond, magnitude);
  return b_.CreateBitCast(b_.CreateOr(sign, magnitude), single);
}

Value* Arithmetic::float_to_half(DType half, Value* value) {
  llvm::Type* word = shaped(b_.getInt32Ty(), value);
  llvm::Type* narrow = shaped(b_.getInt16Ty(), value);
  if (half == float16 && level_ != Level::baseline) {
    return b_.CreateBitCast(b_.CreateFPTrunc(value, shaped(b_.getHalfTy(), value)), narrow);
  }
  Value* all = b_.CreateBitCast(value, word);
  const auto word_of = [&](std::uint32_t number) { return integer_like(number, all); };
  Value* rest = b_.CreateAnd(all, word_of(0x7fffffffU));
  Value* is_nan = b_.CreateICmpUGT(rest, word_of(0x7f800000U));
  if (half == bfloat16) {
    Value* odd = b_.CreateAnd(b_.CreateLShr(all, word_of(16)), word_of(1));
    Value* rounded = b_.CreateAdd(b_.CreateAdd(all, word_of(0x7fffU)), odd);
    Value* quiet = b_.CreateOr(all, word_of(0x400000U));
    Value* result = b_.CreateSelect(is_nan, quiet, rounded);
    return b_.CreateTrunc(b_.CreateLShr(result, word_of(16)), narrow);
  }
  Value* sign = b_.CreateAnd(b_.CreateLShr(all, word_of(16)), word_of(0x8000U));
  Value* odd = b_.CreateAnd(b_.CreateLShr(rest, word_of(13)), word_of(1));
  Value* rounded = b_.CreateAdd(b_.CreateAdd(rest, word_of(0xfffU)), odd);
  Value* normal = b_.CreateLShr(b_.CreateSub(rounded, word_of(112U << 23U)), word_of(13));
  // Below 2^-14: adding 0.5 puts the last bit of the subnormal at the float's last bit.
  Value* shifted = b_.CreateFAdd(b_.CreateBitCast(rest, value->getType()), number(0.5, value));
  Value* tiny = b_.CreateSub(b_.CreateBitCast(shifted, word), word_of(0x3f000000U));
  Value* result = b_.CreateSelect(b_.CreateICmpUGE(rest, word_of(0x38800000U)), normal, tiny);
  result = b_.CreateSelect(b_.CreateICmpUGE(rest, word_of(0x477ff000U)), word_of(0x7c00U), result);
  result = b_.CreateSelect(is_nan, word_of(0x7e00U), result);
  return b_.CreateTrunc(b_.CreateOr(sign, result), narrow);
}

/// A float whose last bit says whether anything was cut off, so that rounding it once more to a
/// half type gives what rounding the double itself would (see kernel/arithmetic.cpp).
Value* Arithmetic::double_to_odd_float(Value* value) {
  llvm::Type* single = shaped(b_.getFloatTy(), value);
  llvm::Type* word = shaped(b_.getInt32Ty(), value);
  Value* nearest = b_.CreateFPTrunc(value, single);
  Value* back = b_.CreateFPExt(nearest, value->getType());
  Value* bits = b_.CreateBitCast(nearest, word);
  Value* inexact = b_.CreateFCmpONE(back, value);
  Value* above = b_.CreateFCmpOGT(intrinsic(llvm::Intrinsic::fabs, {back}),
                                  intrinsic(llvm::Intrinsic::fabs, {value}));
  Value* toward_zero = b_.CreateSelect(above, b_.CreateSub(bits, integer_like(1, bits)), bits);
  Value* odd = b_.CreateOr(toward_zero, integer_like(1, bits));
  return b_.CreateBitCast(b_.CreateSelect(inexact, odd, bits), single);
}

/// An integer as a double, exactly but for bits that no half type's rounding sees: those below bit
/// 32 of a number above 2^44 become one odd bit.
Value* Arithmetic::integer_to_odd_double(DType from, Value* value) {
  if (size_of(from) == 8) {
    const std::uint64_t limit = std::uint64_t{1} << 44U;
    Value* large = is_unsigned(from)
                       ? b_.CreateICmpUGE(value, integer_like(limit, value))
                       : b_.CreateOr(b_.CreateICmpSGE(value, integer_like(limit, value)),
                                     b_.CreateICmpSLE(value, integer_like(~limit + 1, value)));
    Value* kept = b_.CreateAnd(value, integer_like(~std::uint64_t{0xffffffff}, value));
    Value* odd = b_.CreateOr(kept, integer_like(std::uint64_t{1} << 32U, value));
    Value* cut = b_.CreateSelect(b_.CreateICmpEQ(kept, value), kept, odd);
    value = b_.CreateSelect(large, cut, value);
  }
  llvm::Type* wide = shaped(b_.getDoubleTy(), value);
  return is_signed_integer(from) ? b_.CreateSIToFP(value, wide) : b_.CreateUIToFP(value, wide);
}

}  // namespace rill::cpu::llvm_emitter
