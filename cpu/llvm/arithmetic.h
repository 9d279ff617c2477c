// What each code of the kernel language is in LLVM's instructions, on scalars and on vectors alike.
//
// The kernel language defines results to the bit, whatever the instruction set; LLVM leaves some of
// them open (casts out of range, shifts by too much) and turns others into calls of a C library
// that generated code does without. Invariant: what is emitted here computes exactly what
// kernel/arithmetic.h says, and calls nothing but `fma` of doubles, at the baseline level only.
//
// In registers a bool is an i1 and a half type its 16 bits; in memory a bool is a byte, 0 or 1.
#pragma once

#include <rill/cpu/features.h>
#include <rill/kernel/program.h>

#include <llvm/ADT/ArrayRef.h>
#include <llvm/IR/IRBuilder.h>

namespace rill::cpu::llvm_emitter {

class Arithmetic {
 public:
  Arithmetic(llvm::IRBuilder<>& builder, Level level) : b_(builder), level_(level) {}

  /// The type of a scalar in a register.
  llvm::Type* type(DType dtype) const;
  /// The type of an element in memory.
  llvm::Type* stored(DType dtype) const;
  llvm::Constant* constant(DType dtype, std::uint64_t bits) const;

  /// An element as read from memory, in its register form, and back.
  llvm::Value* from_memory(DType dtype, llvm::Value* value);
  llvm::Value* to_memory(DType dtype, llvm::Value* value);

  /// `code` of operands of type `operand` (of a select: its choices) that gives `result`. The
  /// operands are all scalars or all vectors of one length.
  llvm::Value* apply(kernel::Code code, DType operand, DType result,
                     llvm::ArrayRef<llvm::Value*> args);

  /// How an element that a store meets joins the stored one.
  llvm::Value* combine(kernel::Store::Mode mode, DType dtype, llvm::Value* old, llvm::Value* value);

 private:
  llvm::Value* integer(kernel::Code code, DType dtype, llvm::ArrayRef<llvm::Value*> args);
  llvm::Value* floating(kernel::Code code, DType dtype, llvm::ArrayRef<llvm::Value*> args);
  llvm::Value* compare(kernel::Code code, DType dtype, llvm::Value* a, llvm::Value* b);
  llvm::Value* divide(kernel::Code code, DType dtype, llvm::Value* a, llvm::Value* b);
  llvm::Value* shift(kernel::Code code, DType dtype, llvm::Value* a, llvm::Value* count);
  llvm::Value* fused(DType dtype, llvm::Value* a, llvm::Value* b, llvm::Value* c);
  llvm::Value* rounded(kernel::Code code, DType dtype, llvm::Value* a);
  llvm::Value* bitcast(DType from, DType to, llvm::Value* value);

  // conversion.cpp
  llvm::Value* cast(DType from, DType to, llvm::Value* value);
  llvm::Value* half_to_float(DType half, llvm::Value* bits);
  llvm::Value* float_to_half(DType half, llvm::Value* value);
  llvm::Value* double_to_odd_float(llvm::Value* value);
  llvm::Value* integer_to_odd_double(DType from, llvm::Value* value);

  /// `scalar` with as many lanes as `like` has.
  llvm::Type* shaped(llvm::Type* scalar, llvm::Value* like) const;
  llvm::Value* number(double value, llvm::Value* like) const;
  llvm::Value* integer_like(std::uint64_t value, llvm::Value* like) const;
  llvm::Value* intrinsic(unsigned id, llvm::ArrayRef<llvm::Value*> args);

  llvm::IRBuilder<>& b_;
  Level level_;
};

}  // namespace rill::cpu::llvm_emitter
