#include <rill/ops/table.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include <rill/cpu/thread_pool.h>
#include <rill/ops/call.h>
#include <rill/ops/table_kernel.h>
#include <rill/tensor/listener.h>

namespace rill {
namespace {

constexpr std::int64_t grain = 4096;  // points: a few microseconds of an optimizer's formula

/// The row as one operand list.
std::vector<Tensor> operands(std::span<const Tensor> row, std::span<const Tensor> shared) {
  std::vector<Tensor> inputs(row.begin(), row.end());
  inputs.insert(inputs.end(), shared.begin(), shared.end());
  return inputs;
}

void call_rows(const Op& op, std::span<Tensor> table, std::size_t width, std::size_t results,
               std::span<const Tensor> shared, const Attributes& attributes, Where where) {
  std::vector<Tensor> made;
  for (std::size_t at = 0; at < table.size(); at += width) {
    std::vector<Tensor> outputs(results);
    call(op, operands(table.subspan(at, width), shared), attributes, where, outputs);
    for (Tensor& output : outputs) made.push_back(std::move(output));
  }
  for (std::size_t at = 0; at < made.size(); ++at)
    table[at / results * width + at % results].swap(made[at]);
}

bool is_dense(const Tensor& tensor) {
  return tensor.contiguous() && !tensor.abstract() && tensor.device().is_cpu();
}

}  // namespace

void call_table(const Op& op, std::span<Tensor> table, std::size_t width, std::size_t results,
                std::span<const Tensor> shared, const Attributes& attributes, Where where) {
  if (table.empty()) return;
  if (!Listeners::none() || !std::all_of(table.begin(), table.end(), is_dense)) {
    call_rows(op, table, width, results, shared, attributes, where);
    return;
  }
  // Being pointwise, the operator is the same whatever the shape: one kernel over flat memory
  // serves every row.
  std::vector<Tensor> sample;
  for (std::size_t k = 0; k < width; ++k) sample.push_back(Tensor::empty({2}, table[k].dtype()));
  const std::vector<Tensor> inputs = operands(sample, shared);
  Infer infer(op, attributes, inputs, where);
  op.rule(infer);
  if (infer.results().size() != results)
    throw InternalError(std::string(op.name) + ": makes another number of results");
  const TableKernel kernel(infer, inputs, std::span(sample).first(results));
  if (!kernel.pointwise()) {
    call_rows(op, table, width, results, shared, attributes, where);
    return;
  }

  const std::size_t rows = table.size() / width;
  std::vector<Tensor> made(rows * results);  // undefined: in place
  std::vector<std::byte*> pointers(rows * (width + results));
  std::vector<std::int64_t> ends(rows);
  std::int64_t total = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<Tensor> tensors = table.subspan(row * width, width);
    std::byte** pointer = pointers.data() + row * (width + results);
    for (const Tensor& tensor : tensors) *pointer++ = tensor.body().data;
    for (std::size_t k = 0; k < results; ++k) {
      Tensor& output = made[row * results + k];
      if (!tensors[k].sole_owner()) output = Tensor::empty(tensors[k].shape(), tensors[k].dtype());
      *pointer++ = (output.defined() ? output : tensors[k]).body().data;
    }
    ends[row] = total += tensors[0].size();
  }
  cpu::parallel_for(total, grain, [&](std::int64_t begin, std::int64_t end) {
    auto row =
        static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin());
    for (std::int64_t at = begin; at < end; ++row) {
      const std::int64_t start = row == 0 ? 0 : ends[row - 1];
      const std::int64_t stop = std::min(end, ends[row]);
      kernel.run(pointers.data() + row * (width + results), width, at - start, stop - at);
      at = stop;
    }
  });
  for (std::size_t at = 0; at < made.size(); ++at) {
    Tensor& target = table[at / results * width + at % results];
    if (made[at].defined())
      target.swap(made[at]);
    else
      target.body().id = detail::next_value_id();
  }
}

}  // namespace rill
