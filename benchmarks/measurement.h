// The measuring of one row: batches of it and of its floors, in turn.
//
// Invariant: each batch of the row is followed by one of every floor, so that whatever else the
// machine is doing moves all of them alike.
#pragma once

#include <string>
#include <vector>

#include "row.h"

namespace rill::bench {

/// What batches took, in seconds for one operation, or whatever else the row counts.
struct Batches {
  double smallest = 0, median = 0, largest = 0;
};

struct Result {
  std::string name;
  Unit unit = Unit::seconds;
  Batches time;
  Batches floor_time;  ///< of the floor with the least median
  std::string floor;

  [[nodiscard]] double ratio() const { return time.median / floor_time.median; }
};

class Measurement {
 public:
  /// Makes the row's work, warms it and its floors up, and finds how many runs make a batch.
  Measurement(const Row& row, Pace pace);

  /// A batch of the row, then one of each floor. Returns the row's reading.
  double next();

  /// Throws `Error` when the row has no floor.
  [[nodiscard]] Result result() const;

 private:
  struct Series {
    std::string name;
    std::function<void()> run;
    double times = 1;
    std::function<double()> reading = nullptr;
    int runs = 1;  // in a batch
    std::vector<double> readings = {};

    void warm_up(double batch);
    void measure();
    [[nodiscard]] double time(int count) const;
    [[nodiscard]] Batches batches() const;
  };

  Work work_;
  Unit unit_;
  Series row_;
  std::vector<Series> floors_;
};

}  // namespace rill::bench
