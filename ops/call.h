/// Running an operator: the one way from a public function to values, whatever the device, the
/// layout or who listens. Invariant: an operator that throws has changed nothing.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include <rill/ops/attributes.h>
#include <rill/ops/op.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

// One result, of operands as users write them. The place is the first operand's.
RILL_API Tensor call(const Op& op, const Operand& a);
RILL_API Tensor call(const Op& op, const Operand& a, const Operand& b);
RILL_API Tensor call(const Op& op, const Operand& a, const Operand& b, const Operand& c);
RILL_API Tensor call(const Op& op, const Operand& a, const Attributes& attributes);
RILL_API Tensor call(const Op& op, const Operand& a, const Operand& b,
                     const Attributes& attributes);
RILL_API Tensor call(const Op& op, const Operand& a, const Operand& b, const Operand& c,
                     const Attributes& attributes);

/// Any number of inputs and results. `outputs` receives as many as the operator's rule gives.
RILL_API void call(const Op& op, std::span<const Tensor> inputs, const Attributes& attributes,
                   Where where, std::span<Tensor> outputs);
template <std::size_t N>
std::array<Tensor, N> call_for(const Op& op, std::span<const Tensor> inputs,
                               const Attributes& attributes, Where where) {
  std::array<Tensor, N> outputs;
  call(op, inputs, attributes, where, outputs);
  return outputs;
}
template <std::size_t N>
std::array<Tensor, N> call_for(const Op& op, std::initializer_list<Tensor> inputs,
                               const Attributes& attributes, Where where) {
  return call_for<N>(op, std::span<const Tensor>(inputs.begin(), inputs.size()), attributes, where);
}

/// Only dtypes and shapes of what `call` would give: abstract tensors. Looks at no element, and
/// tells nobody.
RILL_API void infer_abstract(const Op& op, std::span<const Tensor> inputs,
                             const Attributes& attributes, std::span<Tensor> outputs,
                             Where where = {});

/// `op(onto, b, c)` for an operator whose result starts from its first input: in the buffer of
/// `onto` when nobody else can see it, so callers give away what they no longer need.
Tensor call_onto(const Op& op, Tensor onto, const Tensor& b, const Tensor& c,
                 const Attributes& attributes, Where where);

/// `a = op(a, b)`, in the buffer of `a` when nobody else can see it and dtype and shape stay.
RILL_API void call_in_place(const Op& op, Tensor& a, const Operand& b);

/// All operators of the library, family by family; what others registered comes last.
RILL_API std::vector<const Op*> all_ops();
/// The operator with this name, or null.
RILL_API const Op* find_op(std::string_view name);
/// Makes operators from outside known to graphs by their names. `ops` must live as long as the
/// program. Throws `ValueError` when a name is taken.
RILL_API void register_ops(std::span<const Op> ops);

}  // namespace rill
