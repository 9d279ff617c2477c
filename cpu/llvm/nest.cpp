#include <rill/cpu/llvm/nest.h>

#include <llvm/IR/Instructions.h>

namespace rill::cpu::llvm_emitter {

using llvm::BasicBlock;
using llvm::Value;

BasicBlock* Nest::block(const char* name) {
  BasicBlock* current = b_.GetInsertBlock();
  return BasicBlock::Create(b_.getContext(), name, current->getParent());
}

std::size_t Nest::safe() const {
  std::size_t scope = scopes_.size() - 1;
  while (!scopes_[scope].safe) --scope;
  return scope;
}

void Nest::open_function() {
  scopes_.clear();
  scopes_.emplace_back();
  scopes_.back().safe = true;
  emitting_ = 0;
}

void Nest::open(llvm::Instruction* entrance, bool safe) {
  scopes_.back().end = entrance;
  scopes_.emplace_back();
  scopes_.back().safe = safe;
  emitting_ = scopes_.size() - 1;
}

void Nest::close() {
  scopes_.pop_back();
  scopes_.back().end = nullptr;
  emitting_ = scopes_.size() - 1;
}

Value* Nest::find(std::size_t scope, std::uint64_t key) const {
  const auto found = scopes_[scope].known.find(key);
  return found == scopes_[scope].known.end() ? nullptr : found->second;
}

Value* Nest::in_scope(std::size_t scope, const std::function<Value*()>& emit) {
  if (scope == emitting_) return emit();
  const std::size_t back = emitting_;
  BasicBlock* const block = b_.GetInsertBlock();
  llvm::Instruction* const last = block->empty() ? nullptr : &block->back();
  emitting_ = scope;
  b_.SetInsertPoint(scopes_[scope].end);
  Value* value = emit();
  emitting_ = back;
  // What was emitted may have cut the block in two.
  if (back == innermost())
    b_.SetInsertPoint(last == nullptr ? block : last->getParent());
  else
    b_.SetInsertPoint(scopes_[back].end);
  return value;
}

void Nest::region(const std::function<void()>& body) {
  // The outer scope goes on in front of this, without a block of its own.
  auto* mark =
      new llvm::FreezeInst(llvm::PoisonValue::get(b_.getInt1Ty()), "", b_.GetInsertBlock());
  open(mark, false);
  body();
  close();
  mark->eraseFromParent();
}

Values Nest::loop(Value* first, Value* last, std::int64_t step, Values carried,
                  const std::function<Values(Value*, const Values&)>& body) {
  BasicBlock* header = block("loop");
  BasicBlock* entrance = b_.GetInsertBlock();
  llvm::Instruction* branch = b_.CreateBr(header);
  b_.SetInsertPoint(header);
  llvm::PHINode* i = b_.CreatePHI(first->getType(), 2);
  i->addIncoming(first, entrance);
  std::vector<llvm::PHINode*> phis;
  for (Value*& value : carried) {
    phis.push_back(b_.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, entrance);
    value = phis.back();
  }
  open(branch, false);
  const Values next = body(i, carried);
  Value* advanced = b_.CreateNSWAdd(i, llvm::ConstantInt::getSigned(i->getType(), step));
  BasicBlock* exit = block("exit");
  i->addIncoming(advanced, b_.GetInsertBlock());
  for (std::size_t k = 0; k < phis.size(); ++k) phis[k]->addIncoming(next[k], b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateICmpSLT(advanced, last), header, exit);
  close();
  b_.SetInsertPoint(exit);
  return next;
}

void Nest::loop(Value* first, Value* last, std::int64_t step,
                const std::function<void(Value*)>& body) {
  loop(first, last, step, {}, [&](Value* i, const Values&) {
    body(i);
    return Values{};
  });
}

Values Nest::repeat(Values carried, const std::function<Value*(const Values&)>& condition,
                    const std::function<Values(const Values&)>& body) {
  BasicBlock* header = block("while");
  BasicBlock* entrance = b_.GetInsertBlock();
  llvm::Instruction* branch = b_.CreateBr(header);
  b_.SetInsertPoint(header);
  std::vector<llvm::PHINode*> phis;
  for (Value*& value : carried) {
    phis.push_back(b_.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, entrance);
    value = phis.back();
  }
  open(branch, false);
  BasicBlock* inside = block("do");
  BasicBlock* exit = block("exit");
  b_.CreateCondBr(condition(carried), inside, exit);
  b_.SetInsertPoint(inside);
  const Values next = body(carried);
  for (std::size_t k = 0; k < phis.size(); ++k) phis[k]->addIncoming(next[k], b_.GetInsertBlock());
  b_.CreateBr(header);
  close();
  b_.SetInsertPoint(exit);
  return carried;
}

Values Nest::when(Value* condition, const Values& otherwise, bool safe,
                  const std::function<Values()>& body) {
  BasicBlock* inside = block("then");
  BasicBlock* after = block("after");
  BasicBlock* entrance = b_.GetInsertBlock();
  std::vector<llvm::PHINode*> phis;
  for (Value* value : otherwise) {
    phis.push_back(llvm::PHINode::Create(value->getType(), 2, "", after));
    phis.back()->addIncoming(value, entrance);
  }
  open(b_.CreateCondBr(condition, inside, after), safe);
  b_.SetInsertPoint(inside);
  const Values results = body();
  for (std::size_t k = 0; k < phis.size(); ++k)
    phis[k]->addIncoming(results[k], b_.GetInsertBlock());
  b_.CreateBr(after);
  close();
  b_.SetInsertPoint(after);
  return {phis.begin(), phis.end()};
}

void Nest::when(Value* condition, bool safe, const std::function<void()>& body) {
  when(condition, {}, safe, [&] {
    body();
    return Values{};
  });
}

BasicBlock* Nest::detach() {
  BasicBlock* head = b_.GetInsertBlock();
  if (b_.GetInsertPoint() == head->end()) return block("after");
  BasicBlock* tail = head->splitBasicBlock(b_.GetInsertPoint(), "after");
  head->getTerminator()->eraseFromParent();
  b_.SetInsertPoint(head);
  return tail;
}

Value* Nest::branch(Value* condition, Value* otherwise, const std::function<Value*()>& body) {
  BasicBlock* after = detach();
  BasicBlock* inside = block("then");
  BasicBlock* entrance = b_.GetInsertBlock();
  b_.CreateCondBr(condition, inside, after);
  b_.SetInsertPoint(inside);
  Value* value = body();
  BasicBlock* end = b_.GetInsertBlock();
  b_.CreateBr(after);
  b_.SetInsertPoint(after, after->begin());
  if (otherwise == nullptr) return nullptr;
  llvm::PHINode* phi = b_.CreatePHI(otherwise->getType(), 2);
  phi->addIncoming(otherwise, entrance);
  phi->addIncoming(value, end);
  return phi;
}

void Nest::plain_loop(Value* first, Value* last, const std::function<void(Value*)>& body) {
  BasicBlock* after = detach();
  BasicBlock* header = block("lane");
  BasicBlock* inside = block("do");
  BasicBlock* entrance = b_.GetInsertBlock();
  b_.CreateBr(header);
  b_.SetInsertPoint(header);
  llvm::PHINode* i = b_.CreatePHI(first->getType(), 2);
  i->addIncoming(first, entrance);
  b_.CreateCondBr(b_.CreateICmpSLT(i, last), inside, after);
  b_.SetInsertPoint(inside);
  body(i);
  i->addIncoming(b_.CreateNSWAdd(i, llvm::ConstantInt::get(i->getType(), 1)), b_.GetInsertBlock());
  b_.CreateBr(header);
  b_.SetInsertPoint(after, after->begin());
}

}  // namespace rill::cpu::llvm_emitter
