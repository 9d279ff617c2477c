// OpenBLAS, behind one file: the yardstick of rill's own products (matmul.h), which tests and
// benchmarks hold against it. No operator calls it.
//
// It is loaded when first needed, because its kernels are chosen while it loads: Debian's version
// does not know newer processors and falls back to one at a tenth of their speed, so rill names
// the kernels that belong to its own level. A core type that the user chose (OPENBLAS_CORETYPE),
// or an OpenBLAS that the process has loaded already, is left as it is.
//
// Invariant: every call computes on the calling thread, and the environment and OpenMP's settings
// are left as found.
#pragma once

#include <cstdint>
#include <string>

namespace rill::cpu::blas {

/// What was loaded, for `rill info` and for error reports.
struct Information {
  bool available = false;
  bool loaded_by_host = false;  ///< the process had it before rill did
  std::string core;             ///< the kernels in use, for example "SkylakeX"
  std::string configuration;    ///< version and build options, in OpenBLAS's own words
  std::string fault;            ///< why it is not available
};

/// Loads OpenBLAS if that has not happened yet.
const Information& information();

/// Whether the functions below may be called.
bool available();

/// A row-major matrix, or a part of one.
template <class T>
struct Matrix {
  T* data;
  std::int64_t stride;      ///< elements from one row to the next
  bool transposed = false;  ///< the matrix that takes part is the transpose of what is stored
};

/// c[m,n] = a[m,k] b[k,n], or c += a b. Strides and sizes must fit 32 bits.
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const float> a,
          Matrix<const float> b, Matrix<float> c, bool accumulate = false);
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const double> a,
          Matrix<const double> b, Matrix<double> c, bool accumulate = false);

/// y[rows] = a[rows,columns] x[columns], where `a` may be stored transposed.
void gemv(std::int64_t rows, std::int64_t columns, Matrix<const float> a, const float* x, float* y);
void gemv(std::int64_t rows, std::int64_t columns, Matrix<const double> a, const double* x,
          double* y);

}  // namespace rill::cpu::blas
