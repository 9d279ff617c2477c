// Operators by name, for graphs and documentation. Nothing registers itself: the families are one
// constexpr list, and what comes from outside is handed over at run time.
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include <rill/ops/call.h>
#include <rill/ops/families.h>
#include <rill/tensor/error.h>

namespace rill {
namespace {

class Registry {
 public:
  static Registry& instance() {
    static Registry& registry = *new Registry;  // operators outlive static destruction
    return registry;
  }

  const Op* find(std::string_view name) {
    const std::shared_lock lock(mutex_);
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

  std::vector<const Op*> all() {
    const std::shared_lock lock(mutex_);
    return ops_;
  }

  void add(std::span<const Op> ops) {
    const std::unique_lock lock(mutex_);
    for (const Op& op : ops) {
      const auto found = by_name_.find(op.name);
      if (found != by_name_.end() && found->second != &op) {
        throw ValueError("register_ops: there already is an operator named '" +
                         std::string(op.name) + "'");
      }
    }
    for (const Op& op : ops) {
      if (by_name_.emplace(op.name, &op).second) ops_.push_back(&op);
    }
  }

 private:
  Registry() {
    for (const families::Family& family : families::all) add(family.ops());
  }

  std::shared_mutex mutex_;
  std::vector<const Op*> ops_;
  std::unordered_map<std::string_view, const Op*> by_name_;
};

}  // namespace

std::vector<const Op*> all_ops() { return Registry::instance().all(); }
const Op* find_op(std::string_view name) { return Registry::instance().find(name); }
void register_ops(std::span<const Op> ops) { Registry::instance().add(ops); }

}  // namespace rill
