/// The one hook: everything observable that the library does goes through this interface, and
/// whoever wants to know (a tape, a tracer, a profiler) listens. Declared on the lowest floor, so
/// that `ops/` knows none of them. Invariant: with nothing on the thread's stack an operation pays
/// one load and one branch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <rill/tensor/device.h>
#include <rill/tensor/export.h>
#include <rill/tensor/user_call.h>
#include <rill/tensor/where.h>

namespace rill {

class Tensor;
class Attributes;
class Variable;
struct Op;
namespace rng {
class Generator;
}

/// An operator ran: `outputs` are the values that it made of `inputs`. Numbers are inputs too: as
/// weak rank-0 tensors.
struct OpEvent {
  const Op& op;
  std::string_view name;
  const Attributes& attributes;
  std::span<const Tensor> inputs;
  std::span<const Tensor> outputs;
  Where where;
};

/// A tensor was made of data of the host's: a literal, a span, a file, wrapped memory.
struct CreationEvent {
  const Tensor& tensor;
  Where where;
};

/// A variable, known by an id that it keeps for life. The value that it holds after an assignment
/// has an id of its own, not that of the value assigned: what a variable gives starts anew from
/// there.
struct VariableEvent {
  const Variable& variable;
  std::uint64_t id;
  std::string_view name;
  const Tensor& value;  ///< the first value, the value read, or the value assigned
  bool trainable;
  Where where;
};

/// The host looks at a tensor's elements.
struct HostReadEvent {
  enum class Kind : std::uint8_t { item, boolean, data, print, save };
  const Tensor& tensor;
  Kind kind;
  Where where;
};

/// A generator gave out its next draw number.
struct DrawEvent {
  rng::Generator& generator;
  /// uint64[2], seed and draw number: what the random operator that follows takes.
  const Tensor& key;
  Where where;
};

/// A generator is about to be set: seeded, or moved to another draw. Delivered before it is.
struct SeedEvent {
  rng::Generator& generator;
  std::string_view operation;  ///< `seed` or `skip_to`
  Where where;
};

/// A condition that the program asserts; delivered before it is looked at.
struct CheckEvent {
  const Tensor& ok;
  std::string_view message;
  Where where;
};

/// A line is about to be printed: words, and tensors between them. There is one text more than
/// there are tensors.
struct PrintEvent {
  std::span<const std::string> words;
  std::span<const Tensor> tensors;
  bool unknown_sizes;  ///< words hold sizes that only a call knows
  Where where;
};

/// A tensor moved to another device.
struct TransferEvent {
  const Tensor& from;
  const Tensor& to;
  Where where;
};

/// A value got another id; whatever leads to the one leads to the other.
struct AliasEvent {
  const Tensor& tensor;
  const Tensor& of;
};

/// The brackets of a name scope, a custom gradient, the gradient of a tape, or a call of many
/// operators as one.
struct ScopeEvent {
  enum class Kind : std::uint8_t { name, custom_gradient, tape_gradient, whole_call };
  Kind kind;
  std::string_view name;
  /// What the bracket is about, known by its address: a `CustomGradient`, a tape, a `WholeCall`.
  const void* subject;
};

/// Receives what happens on the thread that it listens on. A method that is not overridden ignores
/// its event. What a method throws reaches the user's call; `leave`, which is told while scopes
/// close, must not throw.
class RILL_API Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  virtual void op(const OpEvent&) {}
  virtual void creation(const CreationEvent&) {}
  virtual void variable_creation(const VariableEvent&) {}
  virtual void variable_read(const VariableEvent&) {}
  virtual void variable_assignment(const VariableEvent&) {}
  virtual void host_read(const HostReadEvent&) {}
  virtual void draw(const DrawEvent&) {}
  virtual void seed(const SeedEvent&) {}
  virtual void check(const CheckEvent&) {}
  virtual void print(const PrintEvent&) {}
  virtual void transfer(const TransferEvent&) {}
  virtual void enter(const ScopeEvent&) {}
  virtual void leave(const ScopeEvent&) {}
  virtual void alias(const AliasEvent&) {}

  /// Whether a call of a graph may be told as one, by brackets, and not operator by operator.
  [[nodiscard]] virtual bool takes_whole_calls() const { return false; }
};

/// Puts a listener on the calling thread's stack for as long as it lives. The innermost one hears
/// first.
///
///     struct Counter : Listener {
///       int ops = 0;
///       void op(const OpEvent&) override { ++ops; }
///     } counter;
///     const Listening on(counter);
///     Tensor z = x + y;
///     counter.ops      // 1
class RILL_API Listening {
 public:
  explicit Listening(Listener& listener);
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  /// Takes its listener off wherever it stands: scopes of tapes need not nest.
  ~Listening();

 private:
  friend class Listeners;
  Listener* listener_;
  Listening* outer_;
};

/// The calling thread's stack of listeners.
class RILL_API Listeners {
 public:
  /// True when nothing listens on this thread.
  static bool none();
  /// True when all that listen on this thread take whole calls.
  static bool take_whole_calls();

  /// Tells every listener, innermost first, and at the user's line: `Listeners::tell(&Listener::op,
  /// event)`.
  template <class Event>
  static void tell(void (Listener::*method)(const Event&), Event event) {
    if constexpr (requires { event.where; }) event.where = detail::UserCall::place(event.where);
    for (Listening* at = top(); at != nullptr;) {
      Listening* const outer = at->outer_;  // a listener may leave while it is told
      (at->listener_->*method)(event);
      at = outer;
    }
  }

 private:
  friend class Listening;
  friend class Silence;
  static Listening*& top();
};

/// Nothing listens on this thread while it lives: for work that is the library's own.
class RILL_API Silence {
 public:
  Silence();
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence();

 private:
  Listening* hidden_;
};

}  // namespace rill
