#include "measurement.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>

#include <rill/tensor/error.h>

namespace rill::bench {

Measurement::Measurement(const Row& row, Pace pace)
    : work_(row.make()),
      unit_(row.unit),
      row_{.name = row.name, .run = work_.run, .times = work_.times, .reading = work_.reading} {
  for (const Floor& floor : work_.floors) {
    floors_.push_back(
        {.name = floor.name, .run = floor.run, .times = floor.times, .reading = floor.reading});
  }
  if (pace.batches == 1) return;  // a single batch says what a first run takes
  row_.warm_up(pace.seconds);
  for (Series& floor : floors_) floor.warm_up(pace.seconds);
}

double Measurement::next() {
  row_.measure();
  for (Series& floor : floors_) floor.measure();
  return row_.readings.back();
}

Result Measurement::result() const {
  if (floors_.empty()) throw Error("no library is here to measure a floor with");
  const auto* best = &floors_.front();
  for (const Series& floor : floors_) {
    if (floor.batches().median < best->batches().median) best = &floor;
  }
  return {.name = row_.name,
          .unit = unit_,
          .time = row_.batches(),
          .floor_time = best->batches(),
          .floor = best->name};
}

double Measurement::Series::time(int count) const {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Measurement::Series::warm_up(double batch) {
  if (reading) return;
  run();
  double seconds = batch == 0 ? 1 : time(runs);
  for (; seconds < batch / 4; seconds = time(runs)) runs *= 2;
  runs = std::max(1, static_cast<int>(std::ceil(runs * 1.1 * batch / seconds)));
}

/// A run that is not timed comes before several that are: caches hold what the last series left.
void Measurement::Series::measure() {
  if (reading) return readings.push_back(reading());
  if (runs > 1) run();
  readings.push_back(time(runs) / runs / times);
}

Batches Measurement::Series::batches() const {
  std::vector<double> sorted = readings;
  std::sort(sorted.begin(), sorted.end());
  return {sorted.front(), sorted[sorted.size() / 2], sorted.back()};
}

}  // namespace rill::bench
