// A row of rill-bench: some work, and the floors that it is held against.
//
// Invariant: a row's tensors are made by `make`, and exist only while the row is measured.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace rill::bench {

/// What the numbers of a row count.
enum class Unit { seconds, bytes };

/// What a user would measure rill against: memory, arithmetic, or a library called directly.
struct Floor {
  std::string name;                           ///< "streaming", "oneDNN sgemm"
  std::function<void()> run;                  ///< results that it returns are dropped
  double times = 1;                           ///< the row's floor is a run's time divided by this
  std::function<double()> reading = nullptr;  ///< as in `Work`
};

struct Work {
  std::function<void()> run;
  double times = 1;           ///< operations in a run: a row's seconds are those of one
  std::vector<Floor> floors;  ///< the fastest counts
  std::function<double()> reading = nullptr;  ///< a run that is not timed: it says what it came to
};

/// How many batches are measured, and how long each lasts at least; one run always makes a batch.
struct Pace {
  int batches = 7;
  double seconds = 0.05;
};

struct Row {
  std::string name;
  std::function<Work()> make;
  Pace pace = {};
  Unit unit = Unit::seconds;
};

// One function for each file of rows.
std::vector<Row> small_rows();
std::vector<Row> elementwise_rows();
std::vector<Row> reduction_rows();
std::vector<Row> matmul_rows();
std::vector<Row> convolution_rows();
std::vector<Row> index_rows();
std::vector<Row> model_rows();
std::vector<Row> trace_rows();
std::vector<Row> memory_rows();
std::vector<Row> process_rows();
std::vector<Row> build_rows();  // minutes: only on request

}  // namespace rill::bench
