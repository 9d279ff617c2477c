#include <rill/cpu/llvm/arithmetic.h>

#include <llvm/IR/Intrinsics.h>

#include <rill/tensor/error.h>

namespace rill::cpu::llvm_emitter {

using kernel::Code;
using llvm::Value;

namespace {
[[noreturn]] void unknown(const char* what) {
  throw InternalError(std::string("LLVM emitter: not in the kernel language: ") + what);
}
}  // namespace

// ---- Types ------------------------------------------------------------------------------------

llvm::Type* Arithmetic::type(DType dtype) const {
  auto& context = b_.getContext();
  if (dtype == bool_) return llvm::Type::getInt1Ty(context);
  if (dtype == float32) return llvm::Type::getFloatTy(context);
  if (dtype == float64) return llvm::Type::getDoubleTy(context);
  return llvm::Type::getIntNTy(context, static_cast<unsigned>(size_of(dtype) * 8));
}

llvm::Type* Arithmetic::stored(DType dtype) const {
  return dtype == bool_ ? llvm::Type::getInt8Ty(b_.getContext()) : type(dtype);
}

llvm::Constant* Arithmetic::constant(DType dtype, std::uint64_t bits) const {
  llvm::Type* to = type(dtype);
  if (!to->isFloatingPointTy()) {
    const unsigned width = to->getIntegerBitWidth();
    return llvm::ConstantInt::get(b_.getContext(), llvm::APInt(64, bits).trunc(width));
  }
  const bool wide = dtype == float64;
  const llvm::APInt word = llvm::APInt(64, bits).trunc(wide ? 64 : 32);
  const auto& format = wide ? llvm::APFloat::IEEEdouble() : llvm::APFloat::IEEEsingle();
  return llvm::ConstantFP::get(b_.getContext(), llvm::APFloat(format, word));
}

llvm::Type* Arithmetic::shaped(llvm::Type* scalar, Value* like) const {
  if (auto* vector = llvm::dyn_cast<llvm::VectorType>(like->getType())) {
    return llvm::VectorType::get(scalar, vector->getElementCount());
  }
  return scalar;
}

Value* Arithmetic::number(double value, Value* like) const {
  return llvm::ConstantFP::get(like->getType(), value);
}

Value* Arithmetic::integer_like(std::uint64_t value, Value* like) const {
  const unsigned width = like->getType()->getScalarSizeInBits();
  const llvm::APInt bits = llvm::APInt(64, value).trunc(width);
  return llvm::ConstantInt::get(like->getType(), bits);
}

Value* Arithmetic::intrinsic(unsigned id, llvm::ArrayRef<Value*> args) {
  return b_.CreateIntrinsic(id, {args[0]->getType()}, args);
}

Value* Arithmetic::from_memory(DType dtype, Value* value) {
  return dtype == bool_ ? b_.CreateICmpNE(value, integer_like(0, value)) : value;
}

Value* Arithmetic::to_memory(DType dtype, Value* value) {
  return dtype == bool_ ? b_.CreateZExt(value, shaped(b_.getInt8Ty(), value)) : value;
}

// ---- Codes ------------------------------------------------------------------------------------

Value* Arithmetic::apply(Code code, DType operand, DType result, llvm::ArrayRef<Value*> args) {
  switch (code) {
    case Code::select:
      return b_.CreateSelect(args[0], args[1], args[2]);
    case Code::cast:
      return cast(operand, result, args[0]);
    case Code::bitcast:
      return bitcast(operand, result, args[0]);
    case Code::equal:
    case Code::not_equal:
    case Code::less:
    case Code::less_equal:
      return compare(code, operand, args[0], args[1]);
    default:
      break;
  }
  if (operand == float32 || operand == float64) return floating(code, operand, args);
  if (!is_half(operand)) return integer(code, operand, args);
  unknown("arithmetic of a half type");
}

Value* Arithmetic::compare(Code code, DType dtype, Value* a, Value* b) {
  using Predicate = llvm::CmpInst::Predicate;
  if (is_float(dtype)) {
    switch (code) {
      case Code::equal:
        return b_.CreateFCmpOEQ(a, b);
      case Code::not_equal:
        return b_.CreateFCmpUNE(a, b);
      case Code::less:
        return b_.CreateFCmpOLT(a, b);
      default:
        return b_.CreateFCmpOLE(a, b);
    }
  }
  const bool is_signed = is_signed_integer(dtype);
  switch (code) {
    case Code::equal:
      return b_.CreateICmpEQ(a, b);
    case Code::not_equal:
      return b_.CreateICmpNE(a, b);
    case Code::less:
      return b_.CreateICmp(is_signed ? Predicate::ICMP_SLT : Predicate::ICMP_ULT, a, b);
    default:
      return b_.CreateICmp(is_signed ? Predicate::ICMP_SLE : Predicate::ICMP_ULE, a, b);
  }
}

Value* Arithmetic::integer(Code code, DType dtype, llvm::ArrayRef<Value*> args) {
  const bool is_signed = is_signed_integer(dtype);
  switch (code) {
    case Code::add:
      return b_.CreateAdd(args[0], args[1]);
    case Code::subtract:
      return b_.CreateSub(args[0], args[1]);
    case Code::multiply:
      return b_.CreateMul(args[0], args[1]);
    case Code::divide:
    case Code::modulo:
      return divide(code, dtype, args[0], args[1]);
    case Code::minimum:
      return intrinsic(is_signed ? llvm::Intrinsic::smin : llvm::Intrinsic::umin, args);
    case Code::maximum:
      return intrinsic(is_signed ? llvm::Intrinsic::smax : llvm::Intrinsic::umax, args);
    case Code::negate:
      return b_.CreateNeg(args[0]);
    case Code::absolute: {
      if (!is_signed) return args[0];
      return intrinsic(llvm::Intrinsic::abs, {args[0], b_.getFalse()});
    }
    case Code::bit_and:
      return b_.CreateAnd(args[0], args[1]);
    case Code::bit_or:
      return b_.CreateOr(args[0], args[1]);
    case Code::bit_xor:
      return b_.CreateXor(args[0], args[1]);
    case Code::bit_not:
      return b_.CreateNot(args[0]);
    case Code::shift_left:
    case Code::shift_right:
      return shift(code, dtype, args[0], args[1]);
    default:
      unknown("a code of integers");
  }
}

Value* Arithmetic::divide(Code code, DType dtype, Value* a, Value* b) {
  const bool is_signed = is_signed_integer(dtype);
  Value* zero = integer_like(0, b);
  Value* one = integer_like(1, b);
  auto* known = llvm::dyn_cast<llvm::Constant>(b);
  const bool safe =
      known != nullptr && known->getSplatValue() != nullptr
          ? !known->getSplatValue()->isZeroValue() && !known->getSplatValue()->isAllOnesValue()
          : llvm::isa<llvm::ConstantInt>(b) && !llvm::cast<llvm::ConstantInt>(b)->isZero() &&
                !llvm::cast<llvm::ConstantInt>(b)->isMinusOne();
  Value* by_zero = safe ? nullptr : b_.CreateICmpEQ(b, zero);
  // The hardware traps on a zero divisor, and on the lowest by -1: both divide by 1 instead.
  Value* divisor = b;
  Value* by_minus_one = nullptr;
  if (!safe) {
    divisor = b_.CreateSelect(by_zero, one, b);
    if (is_signed) {
      by_minus_one = b_.CreateICmpEQ(b, integer_like(~std::uint64_t{0}, b));
      divisor = b_.CreateSelect(by_minus_one, one, divisor);
    }
  }
  Value* quotient = is_signed ? b_.CreateSDiv(a, divisor) : b_.CreateUDiv(a, divisor);
  Value* remainder = b_.CreateSub(a, b_.CreateMul(quotient, divisor));
  if (is_signed) {
    Value* opposite = b_.CreateICmpSLT(b_.CreateXor(remainder, divisor), zero);
    Value* adjust = b_.CreateAnd(b_.CreateICmpNE(remainder, zero), opposite);
    quotient = b_.CreateSelect(adjust, b_.CreateSub(quotient, one), quotient);
    remainder = b_.CreateSelect(adjust, b_.CreateAdd(remainder, divisor), remainder);
  }
  if (code == Code::modulo) return safe ? remainder : b_.CreateSelect(by_zero, zero, remainder);
  if (by_minus_one != nullptr) quotient = b_.CreateSelect(by_minus_one, b_.CreateNeg(a), quotient);
  return safe ? quotient : b_.CreateSelect(by_zero, zero, quotient);
}

Value* Arithmetic::shift(Code code, DType dtype, Value* a, Value* count) {
  const unsigned width = a->getType()->getScalarSizeInBits();
  Value* inside = b_.CreateICmpULT(count, integer_like(width, count));
  if (code == Code::shift_right && is_signed_integer(dtype)) {
    return b_.CreateAShr(a, b_.CreateSelect(inside, count, integer_like(width - 1, count)));
  }
  Value* bounded = b_.CreateSelect(inside, count, integer_like(0, count));
  Value* shifted = code == Code::shift_left ? b_.CreateShl(a, bounded) : b_.CreateLShr(a, bounded);
  return b_.CreateSelect(inside, shifted, integer_like(0, a));
}

Value* Arithmetic::floating(Code code, DType dtype, llvm::ArrayRef<Value*> args) {
  switch (code) {
    case Code::add:
      return b_.CreateFAdd(args[0], args[1]);
    case Code::subtract:
      return b_.CreateFSub(args[0], args[1]);
    case Code::multiply:
      return b_.CreateFMul(args[0], args[1]);
    case Code::divide:
      return b_.CreateFDiv(args[0], args[1]);
    // LLVM looks at the sign of the first operand before anything else. In a fold the accumulator
    // stands first, and would be waited for twice.
    case Code::minimum:
      return intrinsic(llvm::Intrinsic::minimum, {args[1], args[0]});
    case Code::maximum:
      return intrinsic(llvm::Intrinsic::maximum, {args[1], args[0]});
    case Code::fma:
      return fused(dtype, args[0], args[1], args[2]);
    case Code::negate:
      return b_.CreateFNeg(args[0]);
    case Code::absolute:
      return intrinsic(llvm::Intrinsic::fabs, args);
    case Code::sqrt:
      return intrinsic(llvm::Intrinsic::sqrt, args);
    case Code::floor:
    case Code::ceil:
    case Code::trunc:
    case Code::round:
      return rounded(code, dtype, args[0]);
    default:
      unknown("a code of floats");
  }
}

/// Without the instruction a float32 product is exact in double, and the sum is rounded to odd
/// there, so that rounding it to float32 is the only rounding that counts (Boldo and Melquiond,
/// 2008). Doubles call the C library.
Value* Arithmetic::fused(DType dtype, Value* a, Value* b, Value* c) {
  if (level_ != Level::baseline || dtype == float64) {
    return intrinsic(llvm::Intrinsic::fma, {a, b, c});
  }
  llvm::Type* wide = shaped(b_.getDoubleTy(), a);
  llvm::Type* word = shaped(b_.getInt64Ty(), a);
  Value* product = b_.CreateFMul(b_.CreateFPExt(a, wide), b_.CreateFPExt(b, wide));
  Value* addend = b_.CreateFPExt(c, wide);
  Value* sum = b_.CreateFAdd(product, addend);
  // Knuth's two-sum gives what the addition rounded away.
  Value* part = b_.CreateFSub(sum, product);
  Value* error =
      b_.CreateFAdd(b_.CreateFSub(product, b_.CreateFSub(sum, part)), b_.CreateFSub(addend, part));
  Value* bits = b_.CreateBitCast(sum, word);
  Value* one = integer_like(1, bits);
  Value* even = b_.CreateICmpEQ(b_.CreateAnd(bits, one), integer_like(0, bits));
  Value* inexact = b_.CreateFCmpONE(error, number(0, error));
  Value* away =
      b_.CreateICmpSGE(b_.CreateXor(b_.CreateBitCast(error, word), bits), integer_like(0, bits));
  Value* moved = b_.CreateSelect(away, b_.CreateAdd(bits, one), b_.CreateSub(bits, one));
  Value* odd = b_.CreateSelect(b_.CreateAnd(even, inexact), moved, bits);
  return b_.CreateFPTrunc(b_.CreateBitCast(odd, wide), a->getType());
}

/// The baseline has no rounding instruction: adding and subtracting 2^23 (2^52) rounds to an
/// integer, which is then moved by one where another direction is asked for.
Value* Arithmetic::rounded(Code code, DType dtype, Value* a) {
  if (level_ != Level::baseline) {
    switch (code) {
      case Code::floor:
        return intrinsic(llvm::Intrinsic::floor, {a});
      case Code::ceil:
        return intrinsic(llvm::Intrinsic::ceil, {a});
      case Code::trunc:
        return intrinsic(llvm::Intrinsic::trunc, {a});
      default:
        return intrinsic(llvm::Intrinsic::roundeven, {a});
    }
  }
  Value* magnitude = intrinsic(llvm::Intrinsic::fabs, {a});
  Value* big = number(dtype == float64 ? 0x1p52 : 0x1p23, a);
  Value* one = number(1, a);
  Value* zero = number(0, a);
  Value* nearest = b_.CreateFSub(b_.CreateFAdd(magnitude, big), big);
  Value* result = nearest;
  if (code != Code::round) {
    Value* above = b_.CreateFCmpOGT(nearest, magnitude);
    Value* below = b_.CreateFCmpOLT(nearest, magnitude);
    Value* down = b_.CreateFSub(nearest, b_.CreateSelect(above, one, zero));
    Value* up = b_.CreateFAdd(nearest, b_.CreateSelect(below, one, zero));
    if (code == Code::trunc) {
      result = down;
    } else {
      Value* negative = b_.CreateFCmpOLT(a, zero);
      result = code == Code::floor ? b_.CreateSelect(negative, up, down)
                                   : b_.CreateSelect(negative, down, up);
    }
  }
  result = intrinsic(llvm::Intrinsic::copysign, {result, a});
  // Large numbers are integers already, and NaN stays as it is.
  return b_.CreateSelect(b_.CreateFCmpOLT(magnitude, big), result, a);
}

Value* Arithmetic::bitcast(DType, DType to, Value* value) {
  return b_.CreateBitCast(value, shaped(type(to), value));
}

Value* Arithmetic::combine(kernel::Store::Mode mode, DType dtype, Value* old, Value* value) {
  using Mode = kernel::Store::Mode;
  if (mode == Mode::set) return value;
  const Code code = mode == Mode::add        ? Code::add
                    : mode == Mode::multiply ? Code::multiply
                    : mode == Mode::minimum  ? Code::minimum
                                             : Code::maximum;
  if (!is_half(dtype)) return apply(code, dtype, dtype, {old, value});
  Value* joined = floating(code, float32, {half_to_float(dtype, old), half_to_float(dtype, value)});
  return float_to_half(dtype, joined);
}

}  // namespace rill::cpu::llvm_emitter
