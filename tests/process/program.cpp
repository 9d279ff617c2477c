// What only a process of its own can show: one that computes until its very end (in the destructors
// of static objects and of a thread's own, and on threads that go on meanwhile), and one that must
// do without a compiler. Each is a child; where it matters no cache holds its kernels.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include <rill/cpu/information.h>
#include <rill/rill.h>

namespace {

using namespace rill;

#if defined(RILL_LLVM_LINKED_IN)
constexpr bool llvm_linked_in = true;
#else
constexpr bool llvm_linked_in = false;
#endif
constexpr int refuse_executable_memory = 65;  // PR_SET_MDWE, which older headers lack

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "wrong: %s\n", what);
  std::_Exit(2);
}

void differentiate() {
  const Variable v(full({50}, 2.0F), "v");
  GradientTape tape;
  const Tensor loss = sum(square(v));
  expect(tape.gradient(loss, v)(49).item<float>() == 4.0F, "a gradient");
}

/// One of 96 kernels.
void compute(int number) {
  constexpr std::array dtypes{float32, float64, float16, bfloat16};
  const DType dtype = dtypes[static_cast<std::size_t>(number / 24 % 4)];
  const Tensor zero = zeros({4, 5}, dtype);
  const auto evaluate = [&] {
    switch (number % 12) {
      case 0:
        return sinh(zero);
      case 1:
        return sin(zero);
      case 2:
        return tan(zero);
      case 3:
        return erf(zero);
      case 4:
        return cbrt(zero);
      case 5:
        return log1p(zero);
      case 6:
        return expm1(zero);
      case 7:
        return atan(zero);
      case 8:
        return cumsum(zero, 0);
      case 9:
        return var(zero, 1);
      case 10:
        return logsumexp(zero, 0) - logsumexp(zero, 0);
      default:
        return asinh(zero);
    }
  };
  const Tensor result = number / 12 % 2 == 0 ? evaluate() : sum(evaluate(), 0);
  expect(equal(result, zeros(result.shape(), dtype)), "a kernel's result");
}

/// Computes when it is destroyed, if it is told to.
struct Last {
  bool computes = false;
  ~Last() {
    if (!computes) return;
    differentiate();
    for (int number = 40; number < 44; ++number) compute(number);
    differentiate();
  }
};

Last last_of_process;  // made before any object of rill's, and destroyed after it

void forever(int first) {
  for (int number = first;; ++number) {
    compute(number);
    if (number % 3 == 0) differentiate();
  }
}

struct Ended {
  bool well;
  std::string errors;  ///< what it wrote to its error stream
};

/// Runs `body` and then exit() in a child.
template <class Body>
Ended end_of(Body body) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) std::abort();
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    alarm(120);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    body();
    std::exit(0);
  }
  close(ends[1]);
  Ended ended{false, {}};
  std::array<char, 512> part{};
  for (ssize_t got = 0; (got = read(ends[0], part.data(), part.size())) > 0;)
    ended.errors.append(part.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  int status = -1;
  ended.well = waitpid(child, &status, 0) == child && status == 0;
  if (!ended.well) ended.errors += "(status " + std::to_string(status) + ")\n";
  return ended;
}

bool all_well = true;

void check(bool holds, const char* name, const std::string& errors) {
  std::printf("%s: %s\n%s", holds ? "passed" : "FAILED", name, holds ? "" : errors.c_str());
  all_well = all_well && holds;
}

template <class Body>
void ends_well(const char* name, Body body) {
  const Ended ended = end_of([&] {
    setenv("RILL_CACHE_DIR", "/dev/null", 1);
    body();
  });
  check(ended.well, name, ended.errors);
}

void compute_and_end() {
  last_of_process.computes = true;
  for (int number = 0; number < 12; ++number) compute(number);
  differentiate();
  expect(equal(matmul(ones({65, 33}), ones({33, 70})), full({65, 70}, 33.0F)), "a product");
  expect(conv2d(ones({1, 4, 4, 3}), ones({3, 3, 3, 4}))(0, 1, 1, 2).item<float>() == 27.0F,
         "a convolution");
}

std::string line_of(const char* heading) {
  for (const auto& [key, text] : cpu::information()) {
    if (key == heading) return text;
  }
  return "";
}

}  // namespace

int main() {
  ends_well("a static object computes first", [] { last_of_process.computes = true; });
  ends_well("a static object computes last", compute_and_end);
  ends_well("threads compute when they end", [] {
    for (int i = 0; i < 3; ++i) {
      std::thread([] {
        thread_local Last last;
        last.computes = true;
        differentiate();
      }).join();
    }
  });
  for (const int milliseconds : {0, 10, 20, 40, 80, 160, 320}) {
    ends_well("threads go on while the process ends", [&] {
      last_of_process.computes = true;
      if (!llvm_linked_in) compute(0);  // such an LLVM must have come to itself
      for (const int first : {0, 31, 62}) std::thread(forever, first).detach();
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    });
  }

  const Ended other_build = end_of([] {
    setenv("RILL_CACHE_DIR", "", 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    setenv("RILL_LLVM_MODULE", "libc.so.6", 1);
    compute_and_end();
  });
  check(other_build.well && other_build.errors ==
                                "rill: compiler: none, kernels are interpreted (libc.so.6 belongs "
                                "to another build of rill)\n",
        "a compiler of another build is not used, which is said once", other_build.errors);

  if (end_of([] { std::exit(prctl(refuse_executable_memory, 1, 0, 0, 0) == 0 ? 0 : 1); }).well) {
    const Ended refused = end_of([] {
      prctl(refuse_executable_memory, 1, 0, 0, 0);
      compute_and_end();
      expect(line_of("compiler") ==
                 "none, kernels are interpreted (the system lets no memory "
                 "become executable: Permission denied)",
             "what information says");
    });
    const std::string said =
        "rill: kernels are interpreted: the system lets no memory become executable: Permission "
        "denied\n";
    check(refused.well && refused.errors == said,
          "kernels are interpreted where no memory may become executable", refused.errors);
    const Ended later = end_of([] {
      compute(20);
      prctl(refuse_executable_memory, 1, 0, 0, 0);
      compute_and_end();
    });
    check(later.well && later.errors == said,
          "memory may cease to become executable while a process runs", later.errors);
  } else {
    std::printf("skipped: this system cannot refuse executable memory\n");
  }
  return all_well ? 0 : 1;
}
