/// `Recorder`: a listener that writes down what a function does, while it does it.
/// Invariant: what it has written when the function returns, run on the same arguments, gives the
/// same bits.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/listener.h>
#include <rill/trace/function.h>

namespace rill {

struct CustomGradient;

class Recorder final : public Listener {
 public:
  /// The arguments, which must be values of their own: no two of them, and nothing outside, the
  /// same.
  explicit Recorder(std::span<const Tensor> arguments, std::span<const std::string> names = {});

  /// Goes on behind the nodes of a function, whose values are these tensors, by node and result.
  Recorder(const Function& function, std::span<const std::vector<Tensor>> values);
  /// A function inside of what another recorder writes: what it takes from there becomes further
  /// arguments, `captured` out there.
  Recorder(Recorder& outer, std::span<const Tensor> arguments);
  [[nodiscard]] std::span<const Edge> captured() const { return captured_; }

  /// A further argument.
  Edge input(const Tensor& argument, std::string_view name);

  /// The function, once it has returned `results`. Throws `TraceError` when it has done what a
  /// trace cannot.
  [[nodiscard]] Function finish(std::span<const Tensor> results);

  /// Whether a variable was made meanwhile: then the next call does something else, and this
  /// recording is of no use.
  [[nodiscard]] bool made_variables() const { return made_variables_; }

  void op(const OpEvent& event) override;
  void variable_creation(const VariableEvent& event) override;
  void variable_read(const VariableEvent& event) override;
  void variable_assignment(const VariableEvent& event) override;
  void host_read(const HostReadEvent& event) override;
  void print(const PrintEvent& event) override;
  void draw(const DrawEvent& event) override;
  void seed(const SeedEvent& event) override;
  void check(const CheckEvent& event) override;
  void enter(const ScopeEvent& event) override;
  void leave(const ScopeEvent& event) override;

 private:
  Edge edge_of(const Tensor& tensor);
  /// Whether it is made of constants and numbers only, the same in every call.
  [[nodiscard]] bool is_fixed(const Tensor& tensor) const;
  std::optional<Edge> find(const Tensor& tensor);
  /// The node that made a tensor, here or further out.
  [[nodiscard]] const Node* maker_of(const Tensor& tensor) const;
  void custom_gradient(const CustomGradient& call);
  /// The rule as a function; null with the reason where it cannot be one.
  std::shared_ptr<const Function> rule_of(const CustomGradient& call, std::vector<Edge>& captured,
                                          std::string& reason);
  int add(Node node, std::string_view name);
  std::string unique(std::string_view name);
  static std::string readable(std::string_view name);
  /// Whether it is a number that is computed of unknown sizes and of nothing else.
  [[nodiscard]] bool is_of_sizes(const Tensor& tensor) const;
  [[noreturn]] void refuse(const HostReadEvent& event) const;
  /// A call that makes variables may do what later calls do not, and is not kept: whether the
  /// function is refused is known when it has returned.
  void refuse_at_end(std::string text);

  Function function_;
  std::unordered_map<std::uint64_t, Edge> known_;           // by value id
  std::vector<bool> fixed_;                                 // by node
  std::unordered_map<std::uint64_t, std::string> made_at_;  // by value id: the user's line
  std::unordered_map<std::string, int> names_;
  std::vector<std::string> scopes_;
  EqualSizes equal_sizes_;
  const rng::Generator beginning_;  // generators that the function makes have greater ids
  bool made_variables_ = false;
  std::string refusal_;
  Recorder* const outer_ = nullptr;
  const int depth_ = 0;
  std::vector<Edge> captured_;  // of the outer function
};

}  // namespace rill
