// Mistakes that the interface turns into compile errors. Each part is compiled by itself, with its
// name defined, and must fail; the error must contain the words behind `says:`.

#include <rill/rill.h>

using namespace rill;

void misuse(Tensor x, Tensor y, Variable w) {
#if defined(NUMBER_AS_TENSOR)  // says: conversion
  Tensor t = 3.0;
#elif defined(SIZE_AS_INTEGER)        // says: Dim
  int n = x.dim(0);
#elif defined(ASSIGN_TO_VARIABLE)     // says: assign
  w = x;
#elif defined(ADD_TO_VARIABLE)        // says: assign_add
  w += x;
#elif defined(REMAINDER_OF_VARIABLE)  // says: assign
  w %= 2;
#elif defined(SHIFT_VARIABLE)         // says: assign
  w <<= 2;
#elif defined(WRITE_INTO_VARIABLE)    // says: assign
  w.at(0) = x;
#elif defined(WRITE_INTO_CONSTANT)    // says: at
  const Tensor c = x;
  c.at(0) = y;
#elif defined(READ_A_SLOT)            // says: Slot
  Tensor t = x.at(0);
#elif defined(STANDARD_MAX)           // says: UseMaximum
  Tensor t = max(x, y);
#elif defined(STANDARD_MIN)           // says: UseMinimum
  Tensor t = min(x, y);
#elif defined(SUM_OF_A_NUMBER)        // says: sum
  Tensor t = sum(3.0);
#elif defined(BOOL_AS_AXIS)           // says: sum
  Tensor t = sum(x, true);
#elif defined(FRACTION_AS_AXIS)       // says: sum
  Tensor t = sum(x, 1.5);
#elif defined(LOGICAL_NOT)            // says: ~
  Tensor t = !x;
#elif defined(TENSOR_AS_INTEGER)      // says: conver
  int n = x;
#endif
}
