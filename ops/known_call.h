/// `KnownCall`: what an eager call came to, kept for the next call of the same form. A rule, a
/// layout and a plan depend on the operator, its attributes and how the inputs lie, never on their
/// elements; so a form that has been met before goes from one look-up straight to its results.
/// Invariant: calls of equal forms have results of equal dtypes, shapes and strides, made by the
/// same kernel; pointers and the values of numbers are not part of a form.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <rill/kernel/backend.h>
#include <rill/ops/body_launch.h>
#include <rill/ops/infer.h>
#include <rill/ops/op.h>
#include <rill/tensor/error.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// The operator, its attributes, and of every input the dtype, shape and strides (of a number: its
/// kind), as words to compare.
class CallForm {
 public:
  /// Refers to `attributes`.
  CallForm(const Op& op, const Attributes& attributes, std::span<const Tensor> inputs);
  /// Results that are there already belong to a form too.
  void add_output(const Tensor& output);

  /// False where calls are not remembered: an input has no memory here, or there are too many.
  [[nodiscard]] bool possible() const { return possible_; }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::span<const std::uint64_t> words() const { return {words_.data(), count_}; }
  [[nodiscard]] const Attributes& attributes() const { return attributes_; }

 private:
  static constexpr std::size_t most_words = 64;
  void add(const Tensor& input);
  void add_hash(std::size_t first);

  const Attributes& attributes_;
  std::array<std::uint64_t, most_words> words_;  // set up to the count only
  std::size_t count_ = 0;
  std::uint64_t hash_ = 0;
  bool possible_ = true;
};

class KnownCall {
 public:
  /// Other strides over the memory of the first input.
  struct ByView {
    Shape shape;
    std::array<std::int64_t, max_rank> strides{};
    std::int64_t offset = 0;
  };
  /// A library's plan, of inputs that it takes as they are.
  struct ByLibrary {
    std::shared_ptr<const kernel::Plan> plan;
    std::vector<Spec> results;
  };
  struct ByKernel {
    BodyLaunch launch;
    std::vector<Spec> results;
  };
  using Way = std::variant<ByView, ByLibrary, ByKernel>;

  KnownCall(const CallForm& form, Way way)
      : hash_(form.hash()),
        words_(form.words().begin(), form.words().end()),
        attributes_(form.attributes().kept()),
        way_(std::move(way)) {}

  [[nodiscard]] const Way& way() const { return way_; }

  /// What the calling thread remembers of calls of this form, or null.
  static const KnownCall* find(const CallForm& form);
  /// Remembers a call on the calling thread, which forgets one in its place: memory is bounded.
  static void keep(const CallForm& form, Way way);

  /// While it exists the call is not forgotten: a copy that it makes is a call too.
  class Running {
   public:
    explicit Running(const KnownCall& call) : call_(call) { ++call_.running_; }
    ~Running() { --call_.running_; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    const KnownCall& call_;
  };

 private:
  [[nodiscard]] bool is(const CallForm& form) const {
    return hash_ == form.hash() && std::ranges::equal(words_, form.words()) &&
           attributes_ == form.attributes();
  }

  std::uint64_t hash_;
  std::vector<std::uint64_t> words_;
  Attributes attributes_;
  Way way_;
  mutable int running_ = 0;  // of the thread that keeps it; no other sees it
};

/// Runs an operator's body into memory that is there already, and of which the operator writes
/// everything. `describe(infer)` says what the operator's rule would.
template <class Describe>
void run_into(const Op& op, const Attributes& attributes, std::span<const Tensor> inputs,
              std::span<const Tensor> outputs, Describe&& describe) {
  for (const Tensor& input : inputs) {
    if (input.abstract())  // a plan looks into a composition
      throw TraceError(std::string(op.name) + ": writes into memory, and there is none");
  }
  if (outputs[0].size() == 0) return;
  CallForm form(op, attributes, inputs);
  for (const Tensor& output : outputs) form.add_output(output);
  if (const KnownCall* known = KnownCall::find(form)) {
    std::get<KnownCall::ByKernel>(known->way()).launch.run(op, inputs, outputs, {});
    return;
  }
  Infer infer(op, attributes, inputs, {});
  describe(infer);
  BodyLaunch launch(infer, inputs, outputs);
  launch.run(op, inputs, outputs, {});
  KnownCall::keep(form, KnownCall::ByKernel{std::move(launch), {}});
}

}  // namespace rill
