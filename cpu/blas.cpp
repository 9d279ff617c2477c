#include <rill/cpu/blas.h>

#include <dlfcn.h>

#include <cstdlib>
#include <limits>
#include <mutex>
#include <string>

#include <rill/cpu/features.h>
#include <rill/cpu/serial_openmp.h>
#include <rill/tensor/error.h>

namespace rill::cpu::blas {
namespace {

constexpr const char* library_name = "libopenblas.so.0";

// CBLAS passes these as plain integers.
constexpr int row_major = 101;
constexpr int as_stored = 111;
constexpr int transpose = 112;

template <class T>
using Gemm = void (*)(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
template <class T>
using Gemv = void (*)(int, int, int, int, T, const T*, int, const T*, int, T, T*, int);

/// The kernels that a level's processors all have.
const char* core_type(Level level) {
  switch (level) {
    case Level::baseline:
      return "Prescott";
    case Level::avx2:
      return "Haswell";
    case Level::avx512:
      return "SkylakeX";
  }
  throw InternalError("core_type: not a level");
}

/// An environment variable that has a value for a scope, unless the user gave it one.
class DefaultVariable {
 public:
  DefaultVariable(const char* variable, const char* value)
      : variable_(std::getenv(variable) == nullptr ? variable : nullptr) {
    if (variable_ != nullptr) setenv(variable_, value, 0);
  }
  ~DefaultVariable() {
    if (variable_ != nullptr) unsetenv(variable_);
  }
  DefaultVariable(const DefaultVariable&) = delete;
  DefaultVariable& operator=(const DefaultVariable&) = delete;

 private:
  const char* variable_;
};

class Library {
 public:
  static const Library& instance() {
    static const Library& library =
        *new Library;  // stays loaded: unloading would end threads that it may have
    return library;
  }

  Information information;
  Gemm<float> sgemm = nullptr;
  Gemm<double> dgemm = nullptr;
  Gemv<float> sgemv = nullptr;
  Gemv<double> dgemv = nullptr;
  int (*threads)() = nullptr;
  void (*set_threads)(int) = nullptr;
  bool has_threads_of_its_own = false;

 private:
  Library() {
    void* handle = dlopen(library_name, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    information.loaded_by_host = handle != nullptr;
    if (handle == nullptr) {
      const DefaultVariable core("OPENBLAS_CORETYPE", core_type(level()));
      const SerialOpenMP serial;  // loading may set OpenMP's number of threads; this restores it
      handle = dlopen(library_name, RTLD_LAZY | RTLD_LOCAL);
    }
    if (handle == nullptr) {
      information.fault = dlerror();
      return;
    }
    const bool complete = find(handle, "cblas_sgemm", sgemm) &&
                          find(handle, "cblas_dgemm", dgemm) &&
                          find(handle, "cblas_sgemv", sgemv) && find(handle, "cblas_dgemv", dgemv);
    if (!complete) {
      information.fault = std::string(library_name) + " lacks the CBLAS functions";
      return;
    }
    char* (*text)() = nullptr;
    if (find(handle, "openblas_get_corename", text)) information.core = text();
    if (find(handle, "openblas_get_config", text)) information.configuration = text();
    // A build with threads of its own (1) listens to its own number, one with OpenMP (2) to
    // OpenMP's.
    int (*parallel)() = nullptr;
    has_threads_of_its_own = find(handle, "openblas_get_parallel", parallel) && parallel() == 1 &&
                             find(handle, "openblas_get_num_threads", threads) &&
                             find(handle, "openblas_set_num_threads", set_threads);
    information.available = true;
  }

  template <class Function>
  static bool find(void* handle, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    return function != nullptr;
  }
};

/// Makes OpenBLAS compute on the calling thread alone, for a scope. A build with threads of its own
/// has one number for the whole process: the first scope sets it and the last restores it.
class Serial {
 public:
  explicit Serial(const Library& library) : library_(library) {
    if (!library_.has_threads_of_its_own) return;
    const std::lock_guard lock(mutex);
    if (scopes++ != 0) return;
    found = library_.threads();
    library_.set_threads(1);
  }
  ~Serial() {
    if (!library_.has_threads_of_its_own) return;
    const std::lock_guard lock(mutex);
    if (--scopes == 0) library_.set_threads(found);
  }
  Serial(const Serial&) = delete;
  Serial& operator=(const Serial&) = delete;

 private:
  const Library& library_;
  const SerialOpenMP openmp_;
  static inline std::mutex mutex;
  static inline int scopes = 0;
  static inline int found = 1;
};

const Library& required() {
  const Library& library = Library::instance();
  if (!library.information.available) {
    throw Error("OpenBLAS is not available: " + library.information.fault +
                "; install the package libopenblas0-openmp");
  }
  return library;
}

int narrow(std::int64_t size) {
  if (size < 0 || size > std::numeric_limits<int>::max()) {
    throw InternalError("blas: a size of " + std::to_string(size) +
                        " does not fit OpenBLAS's integers");
  }
  return static_cast<int>(size);
}

template <class T>
void call_gemm(Gemm<T> gemm, const Library& library, std::int64_t m, std::int64_t n, std::int64_t k,
               Matrix<const T> a, Matrix<const T> b, Matrix<T> c, bool accumulate) {
  const Serial serial(library);
  gemm(row_major, a.transposed ? transpose : as_stored, b.transposed ? transpose : as_stored,
       narrow(m), narrow(n), narrow(k), T{1}, a.data, narrow(a.stride), b.data, narrow(b.stride),
       accumulate ? T{1} : T{0}, c.data, narrow(c.stride));
}

template <class T>
void call_gemv(Gemv<T> gemv, const Library& library, std::int64_t rows, std::int64_t columns,
               Matrix<const T> a, const T* x, T* y) {
  const Serial serial(library);
  const auto stored_rows = a.transposed ? columns : rows;
  const auto stored_columns = a.transposed ? rows : columns;
  gemv(row_major, a.transposed ? transpose : as_stored, narrow(stored_rows), narrow(stored_columns),
       T{1}, a.data, narrow(a.stride), x, 1, T{0}, y, 1);
}

}  // namespace

const Information& information() { return Library::instance().information; }

bool available() { return Library::instance().information.available; }

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const float> a,
          Matrix<const float> b, Matrix<float> c, bool accumulate) {
  const Library& library = required();
  call_gemm(library.sgemm, library, m, n, k, a, b, c, accumulate);
}

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const double> a,
          Matrix<const double> b, Matrix<double> c, bool accumulate) {
  const Library& library = required();
  call_gemm(library.dgemm, library, m, n, k, a, b, c, accumulate);
}

void gemv(std::int64_t rows, std::int64_t columns, Matrix<const float> a, const float* x,
          float* y) {
  const Library& library = required();
  call_gemv(library.sgemv, library, rows, columns, a, x, y);
}

void gemv(std::int64_t rows, std::int64_t columns, Matrix<const double> a, const double* x,
          double* y) {
  const Library& library = required();
  call_gemv(library.dgemv, library, rows, columns, a, x, y);
}

}  // namespace rill::cpu::blas
