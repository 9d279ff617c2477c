/// A call of many operators that tapes record as one: a traced function, whose gradient is known as
/// a whole. Invariant: gradients that are led through the call are what its operators, recorded one
/// by one, would make of them, added in the same order.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <rill/tensor/export.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// How gradients go back through a whole call.
class RILL_API CallGradient {
 public:
  CallGradient() = default;
  CallGradient(const CallGradient&) = delete;
  CallGradient& operator=(const CallGradient&) = delete;
  virtual ~CallGradient() = default;

  /// A value of the call, an input or an output, while gradients go back.
  struct Value {
    bool known = false;       ///< to the tape
    std::size_t same_as = 0;  ///< the first of the values that are one to the tape; mostly itself
    // Of the first of those:
    bool wanted = false;  ///< an input on the way to what is asked for, or an output asked for
    Tensor gradient;      ///< what has flowed into it so far; undefined where nothing has
  };

  /// Which outputs depend on the inputs that are known, so that gradients flow back from them.
  [[nodiscard]] virtual std::vector<bool> reached(const std::vector<bool>& known) const = 0;
  /// Adds what flows back through the call to the gradients of the values that are wanted. The
  /// values are the inputs, then the outputs; gradients of outputs that are not wanted are used up.
  virtual void flow_back(std::span<Value> values) const = 0;
};

/// The `subject` of the `ScopeEvent`s around a whole call.
struct WholeCall {
  /// What those who record say when the call begins.
  struct Asked {
    std::vector<bool> inputs;  ///< which of them somebody knows
    int recordings = 0;        ///< how many may hear of the gradient, too
  };

  std::span<const Tensor> inputs;  ///< all that gradients may be led to
  Asked* asked;
  std::vector<Tensor> outputs;  ///< none while the call runs, or when it has failed
  std::shared_ptr<const CallGradient> gradient;  ///< null where nobody asked
};

/// The brackets: those who record are asked at once, and told at the end.
class RILL_API WholeCallBracket {
 public:
  explicit WholeCallBracket(const WholeCall& call);
  WholeCallBracket(const WholeCallBracket&) = delete;
  WholeCallBracket& operator=(const WholeCallBracket&) = delete;
  ~WholeCallBracket();

 private:
  ScopeEvent event_;
};

}  // namespace rill
