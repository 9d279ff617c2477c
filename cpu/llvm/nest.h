// Where in a loop nest instructions are placed.
//
// No optimisation pipeline runs after the emitter, so it hoists by itself: each value is emitted in
// the outermost scope in which everything that it depends on is known, and remembered there.
// Invariant: a value remembered by an open scope dominates the place where code is being emitted.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <llvm/ADT/DenseMap.h>
#include <llvm/IR/IRBuilder.h>

namespace rill::cpu::llvm_emitter {

using Values = std::vector<llvm::Value*>;

class Nest {
 public:
  explicit Nest(llvm::IRBuilder<>& builder) : b_(builder) {}

  /// Number of the innermost scope.
  [[nodiscard]] std::size_t innermost() const { return scopes_.size() - 1; }
  /// The innermost scope that is entered only if everything inside it runs at least once: loads may
  /// be hoisted to it.
  [[nodiscard]] std::size_t safe() const;

  void open_function();
  void close_function() { scopes_.clear(); }

  llvm::Value* find(std::size_t scope, std::uint64_t key) const;
  void remember(std::size_t scope, std::uint64_t key, llvm::Value* value) {
    scopes_[scope].known[key] = value;
  }

  /// Emits at the end of an open scope, which may lie outside the current one.
  llvm::Value* in_scope(std::size_t scope, const std::function<llvm::Value*()>& emit);

  /// A scope of its own for a stretch of code, so that what it remembers is forgotten after it.
  void region(const std::function<void()>& body);
  /// for (i = first; i < last; i += step), with values carried from one iteration to the next. Runs
  /// at least once: the caller knows that first < last. Returns the carried values after the last
  /// iteration.
  Values loop(llvm::Value* first, llvm::Value* last, std::int64_t step, Values carried,
              const std::function<Values(llvm::Value* i, const Values& carried)>& body);
  void loop(llvm::Value* first, llvm::Value* last, std::int64_t step,
            const std::function<void(llvm::Value* i)>& body);
  /// while (condition(carried)) carried = body(carried).
  Values repeat(Values carried, const std::function<llvm::Value*(const Values&)>& condition,
                const std::function<Values(const Values&)>& body);
  /// condition ? body() : otherwise. `safe`: everything that the body does by loads and stores
  /// happens if it is entered.
  Values when(llvm::Value* condition, const Values& otherwise, bool safe,
              const std::function<Values()>& body);
  void when(llvm::Value* condition, bool safe, const std::function<void()>& body);

  /// The same without a scope, also where code is being emitted in front of other code.
  llvm::Value* branch(llvm::Value* condition, llvm::Value* otherwise,
                      const std::function<llvm::Value*()>& body);
  /// for (i = first; i < last; ++i), which may run zero times, without a scope.
  void plain_loop(llvm::Value* first, llvm::Value* last,
                  const std::function<void(llvm::Value* i)>& body);

 private:
  struct Scope {
    llvm::Instruction* end = nullptr;  // while an inner scope is open: what leads to it
    bool safe = false;
    llvm::DenseMap<std::uint64_t, llvm::Value*> known;
  };

  llvm::BasicBlock* block(const char* name);
  void open(llvm::Instruction* entrance, bool safe);
  void close();
  /// Cuts the block at the insertion point; code then goes to the end of its first half. Returns
  /// the second half.
  llvm::BasicBlock* detach();

  llvm::IRBuilder<>& b_;
  std::vector<Scope> scopes_;
  std::size_t emitting_ = 0;  // the scope at whose end instructions are being emitted
};

}  // namespace rill::cpu::llvm_emitter
