// The module's one entry: a kernel program in, an object file out.
//
// Invariant: nothing of LLVM outlives a call but target machines, which are kept for the next one,
// each used by one thread at a time; no exception leaves.
#include <memory>
#include <mutex>
#include <vector>

#include <llvm/Config/llvm-config.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/OptBisect.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <rill/cpu/compiled_object.h>
#include <rill/cpu/llvm/emitter.h>
#include <rill/tensor/error.h>

namespace rill::cpu::llvm_emitter {
namespace {

constexpr const char* triple = "x86_64-unknown-linux-gnu";

/// Target machines that no thread is using.
class Machines {
 public:
  std::unique_ptr<llvm::TargetMachine> take(Level level) {
    {
      const std::lock_guard lock(mutex_);
      for (auto& each : idle_) {
        if (each.level == level) {
          std::swap(each, idle_.back());
          auto machine = std::move(idle_.back().machine);
          idle_.pop_back();
          return machine;
        }
      }
    }
    std::string error;
    const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
    if (target == nullptr) throw InternalError("LLVM knows no x86-64: " + error);
    llvm::TargetOptions options;
    options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
    const char* features = level == Level::avx512 ? "-prefer-256-bit" : "";
    std::unique_ptr<llvm::TargetMachine> machine(
        target->createTargetMachine(triple, llvm_cpu(level), features, options, llvm::Reloc::PIC_,
                                    llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
    if (!machine) throw InternalError("LLVM made no target machine");
    return machine;
  }

  void give(Level level, std::unique_ptr<llvm::TargetMachine> machine) {
    const std::lock_guard lock(mutex_);
    idle_.push_back({level, std::move(machine)});
  }

 private:
  struct Idle {
    Level level;
    std::unique_ptr<llvm::TargetMachine> machine;
  };
  std::mutex mutex_;
  std::vector<Idle> idle_;
};

Machines& machines() {
  static Machines& all = []() -> Machines& {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return *new Machines;  // LLVM's own objects may be gone when static ones are destroyed
  }();
  return all;
}

/// Leaves out the one pass that takes long and gives nothing here: the emitter's addresses already
/// are what the processor adds up, and what it hoists stays hoisted.
class PassGate final : public llvm::OptPassGate {
 public:
  bool shouldRunPass(const llvm::StringRef pass, llvm::StringRef /*where*/) override {
    return pass != "Loop Strength Reduction";
  }
  [[nodiscard]] bool isEnabled() const override { return true; }
};

void compile(const kernel::Program& program, const kernel::Schedule& schedule, Level level,
             CompiledObject& object) {
  std::unique_ptr<llvm::TargetMachine> machine = machines().take(level);
  PassGate gate;
  llvm::LLVMContext context;
  context.setOptPassGate(gate);
  llvm::Module module("rill", context);
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  Emitter emitter(module, program, schedule, level);
  emitter.emit();
#ifndef NDEBUG
  constexpr bool verify = true;
#else
  const bool verify = schedule.bounds_checks;
#endif
  if (verify) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (llvm::verifyModule(module, &stream))
      throw InternalError("LLVM emitter made invalid code: " + text);
  }
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile)) {
    throw InternalError("LLVM cannot write object files");
  }
  passes.run(module);
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  object.elf.assign(begin, begin + bytes.size());
  object.fixed_scratch = emitter.fixed_scratch();
  object.row_lanes = emitter.row_lanes();
  machines().give(level, std::move(machine));
}

}  // namespace
}  // namespace rill::cpu::llvm_emitter

extern "C" {

/// Stands for __cxa_atexit in all that the module is linked from: static objects of LLVM's are
/// never destroyed, as threads may compile while the process ends, even for the first time.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the linker's name
int __wrap___cxa_atexit(void (* /*destroy*/)(void*), void* /*object*/, void* /*module*/) noexcept {
  return 0;
}

__attribute__((visibility("default"))) bool rill_compile(const rill::kernel::Program* program,
                                                         const rill::kernel::Schedule* schedule,
                                                         rill::cpu::Level level,
                                                         rill::cpu::CompiledObject* object,
                                                         std::string* error) {
  try {
    rill::cpu::llvm_emitter::compile(*program, *schedule, level, *object);
    return true;
  } catch (const std::exception& failure) {
    *error = failure.what();
    return false;
  }
}

__attribute__((visibility("default"))) const char* rill_emitter_version() {
  return RILL_EMITTER_VERSION;
}

__attribute__((visibility("default"))) const char* rill_llvm_version() {
  return LLVM_VERSION_STRING;
}
}
