/// A traced call checked against the plain one. Invariant: state changes once, as in a plain call.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>
#include <rill/trace/function.h>
#include <rill/trace/trace_plan.h>

namespace rill {

/// Runs the plan, takes back what it changed, runs the function eagerly and returns its results.
/// Throws `TraceError` that names the first result or variable whose bits differ, and the captured
/// tensors that the function no longer uses.
std::vector<Tensor> verified(
    const Function& record, const TracePlan& plan, std::span<const Tensor* const> arguments,
    const std::function<std::vector<Tensor>(std::span<const Tensor>)>& eagerly, Where where);

}  // namespace rill
