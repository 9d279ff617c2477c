// A program that trains: what its user waits for in the first calls of a traced step.
//
//     bench-first-call demo|gpt
//
// prints the seconds until the first call has returned, and until the second has.

#include <chrono>
#include <cstdio>
#include <string_view>

#include <rill/trace/trace.h>

#include "../models.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using Clock = std::chrono::steady_clock;
  const std::string_view model = argv[1];
  const auto step =
      rill::trace(model == "gpt" ? rill::bench::gpt_step() : rill::bench::demo_step());
  const auto start = Clock::now();
  for (int call = 0; call < 2; ++call) {
    (void)step();
    std::printf("%.9f\n", std::chrono::duration<double>(Clock::now() - start).count());
  }
}
