// How far a long training is. Invariant: nothing but lines of text where there is no terminal.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

/// A bar that redraws itself on a terminal; elsewhere a plain line per fifth of an epoch.
class Progress {
 public:
  Progress(int epoch, int epochs, std::int64_t steps, std::int64_t batch)
      : epoch_(epoch),
        epochs_(epochs),
        steps_(steps),
        batch_(batch),
        terminal_(isatty(STDOUT_FILENO) == 1) {}

  void show(std::int64_t done, double loss) {
    const bool last = done == steps_;
    const double now = std::chrono::duration<double>(Clock::now() - start_).count();
    if (terminal_ ? !last && now - shown_ < 0.1 : !last && done * 5 / steps_ == fifth_) return;
    shown_ = now;
    fifth_ = done * 5 / steps_;
    const double rate = static_cast<double>(done * batch_) / now;
    const double left = now / static_cast<double>(done) * static_cast<double>(steps_ - done);
    if (terminal_) {
      constexpr int width = 30;
      const int filled = static_cast<int>(done * width / steps_);
      std::printf("\repoch %d/%d [%s%s] loss %.4f  %.0f examples/s  %.0f s left \033[K", epoch_,
                  epochs_, std::string(static_cast<std::size_t>(filled), '#').c_str(),
                  std::string(static_cast<std::size_t>(width - filled), '.').c_str(), loss, rate,
                  left);
      if (last) std::printf("\n");
    } else {
      std::printf("epoch %d/%d  step %lld/%lld  loss %.4f  %.0f examples/s  %.0f s left\n", epoch_,
                  epochs_, static_cast<long long>(done), static_cast<long long>(steps_), loss, rate,
                  left);
    }
    std::fflush(stdout);
  }

 private:
  using Clock = std::chrono::steady_clock;

  int epoch_, epochs_;
  std::int64_t steps_, batch_, fifth_ = 0;
  bool terminal_;
  double shown_ = -1;
  Clock::time_point start_ = Clock::now();
};
