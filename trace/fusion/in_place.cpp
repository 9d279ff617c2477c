#include <rill/trace/fusion/in_place.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <rill/trace/fusion/sizes.h>

namespace rill {
namespace {

using kernel::Id;

class Aliasing {
 public:
  Aliasing(const FusedKernel& fused, std::size_t input, std::size_t output)
      : fused_(fused), program_(fused.program), buffer_of_(program_.buffers.size(), -1) {
    int launched = 0;
    for (std::size_t b = 0; b < program_.buffers.size(); ++b) {
      if (program_.buffers[b].space == kernel::Buffer::Space::row) continue;
      const FusedKernel::Buffer& source = fused.buffers[static_cast<std::size_t>(launched)];
      buffer_of_[b] = launched++;
      if (source.output && source.edge == output) written_.push_back(static_cast<Id>(b));
      if (!source.output && source.edge == input) read_.push_back(static_cast<Id>(b));
    }
  }

  [[nodiscard]] bool harmless() const {
    // Stages walk over a row one after the other: the second would see what the first has written.
    if (program_.stages.size() != 1 || program_.stages[0].axes.count > 0 || !program_.folds.empty())
      return false;
    if (written_.size() != 1) return false;
    const auto store = std::find_if(program_.stores.begin(), program_.stores.end(),
                                    [&](const auto& s) { return s.to.buffer == written_[0]; });
    if (store == program_.stores.end() || store->mode != kernel::Store::Mode::set ||
        !store->unique || store->to.guard != kernel::none)
      return false;
    return std::all_of(program_.exprs.begin(), program_.exprs.end(), [&](const kernel::Expr& expr) {
      if (expr.code != kernel::Code::load) return true;
      const kernel::Access& from = program_.accesses[expr.bits];
      const bool reads = std::find(read_.begin(), read_.end(), from.buffer) != read_.end();
      return !reads || same_element(from, store->to);
    });
  }

 private:
  [[nodiscard]] std::optional<Dim> size(Id id) const {
    return size_of_expression(program_, fused_.sizes, id);
  }
  [[nodiscard]] bool same_sizes(kernel::Range a, kernel::Range b) const {
    const auto x = program_.list(a);
    const auto y = program_.list(b);
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [&](Id i, Id j) {
      return i == j || (size(i).has_value() && size(i) == size(j));
    });
  }
  [[nodiscard]] bool same_element(const kernel::Access& a, const kernel::Access& b) const {
    const kernel::Buffer& from = program_.buffers[a.buffer];
    const kernel::Buffer& to = program_.buffers[b.buffer];
    const auto x = program_.list(a.index);
    const auto y = program_.list(b.index);
    const auto offset = [&](Id buffer) {
      return fused_.buffers[static_cast<std::size_t>(buffer_of_[buffer])].offset;
    };
    return a.guard == kernel::none && from.type == to.type &&
           std::equal(x.begin(), x.end(), y.begin(), y.end()) &&
           same_sizes(from.extents, to.extents) && same_sizes(from.strides, to.strides) &&
           offset(a.buffer) == offset(b.buffer);
  }

  const FusedKernel& fused_;
  const kernel::Program& program_;
  std::vector<int> buffer_of_;  // the launch's, of each of the program's; -1 for rows
  std::vector<Id> read_;
  std::vector<Id> written_;
};

}  // namespace

bool writes_over(const FusedKernel& fused, std::size_t input, std::size_t output) {
  return Aliasing(fused, input, output).harmless();
}

}  // namespace rill
