#include <rill/trace/passes/slice_sums.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <rill/ops/call.h>
#include <rill/ops/concat_attributes.h>
#include <rill/ops/region.h>
#include <rill/trace/passes/rewriting.h>

namespace rill {
namespace {

/// Zeros, except for some slices along an axis.
struct Slices {
  struct Slice {
    std::int64_t first, size;
    Edge value;
  };
  int axis = 0;
  std::vector<Slice> slices;  ///< that do not meet, in order

  [[nodiscard]] bool cover(std::int64_t size) const {
    std::int64_t end = 0;
    for (const Slice& slice : slices) {
      if (slice.first != end) return false;
      end += slice.size;
    }
    return end == size;
  }
};

class SliceSums {
 public:
  SliceSums(Function function, Changes& changes)
      : rewriting_(std::move(function)), changes_(changes) {}

  Function run() {
    return rewriting_.run([&](const Node& node, int) { return visit(node); });
  }

 private:
  std::optional<std::vector<Edge>> visit(const Node& node) {
    if (node.kind != Node::Kind::op || !node.results[0].shape.known()) return std::nullopt;
    std::optional<Slices> found;
    if (node.op == &update_) found = slice_of(node);
    if (node.op == &add_) found = sum_of(node);
    if (!found) return std::nullopt;
    if (found->slices.size() > 1 && found->cover(node.results[0].shape[found->axis].value()))
      return std::vector{concatenation(node, *found)};
    known_[static_cast<int>(rewriting_.made().nodes.size())] = std::move(*found);
    return std::nullopt;
  }

  std::optional<Slices> slice_of(const Node& node) const {
    const auto& a = node.attributes.as<SliceAttributes>();
    const Spec& whole = node.results[0];
    const Spec& value = rewriting_.spec(node.inputs[1]);
    if (!is_zeros(node.inputs[0]) || value.weak || value.dtype != whole.dtype ||
        !(value.shape == a.size))
      return std::nullopt;
    std::optional<Slices> found;
    for (int d = 0; d < whole.shape.rank(); ++d) {
      if (a.first[d] == Dim(0) && a.size[d] == whole.shape[d]) continue;
      if (found || !(a.step[d] == Dim(1))) return std::nullopt;
      found = {.axis = d, .slices = {{a.first[d].value(), a.size[d].value(), node.inputs[1]}}};
    }
    return found;
  }

  std::optional<Slices> sum_of(const Node& node) const {
    const auto a = known_.find(node.inputs[0].node);
    const auto b = known_.find(node.inputs[1].node);
    if (a == known_.end() || b == known_.end() || a->second.axis != b->second.axis ||
        rewriting_.spec(node.inputs[0]).dtype != rewriting_.spec(node.inputs[1]).dtype ||
        !(rewriting_.spec(node.inputs[0]).shape == rewriting_.spec(node.inputs[1]).shape))
      return std::nullopt;
    Slices sum = a->second;
    sum.slices.insert(sum.slices.end(), b->second.slices.begin(), b->second.slices.end());
    std::sort(sum.slices.begin(), sum.slices.end(),
              [](const auto& x, const auto& y) { return x.first < y.first; });
    for (std::size_t i = 1; i < sum.slices.size(); ++i) {
      if (sum.slices[i].first < sum.slices[i - 1].first + sum.slices[i - 1].size)
        return std::nullopt;
    }
    return sum;
  }

  [[nodiscard]] bool is_zeros(const Edge& edge) const {
    const Node& node = rewriting_.node(edge);
    if (node.kind != Node::Kind::op || node.op != &full_) return false;
    const Node& number = rewriting_.node(node.inputs[0]);
    return number.kind == Node::Kind::number &&
           number.value.body().scalar.bits(node.results[0].dtype) == 0;
  }

  Edge concatenation(const Node& sum, const Slices& of) {
    changes_.add(sum, [&] {
      return sum.name + " adds " + std::to_string(of.slices.size()) +
             " slices that make the whole: a concatenation";
    });
    const Spec& whole = sum.results[0];
    Node joined;
    joined.op = &concat_;
    joined.name = sum.name;
    joined.where = sum.where;
    joined.attributes = Attributes(ConcatAttributes{.axis = of.axis}).kept();
    joined.results = {whole};
    for (const auto& slice : of.slices) {
      if (!is_float(whole.dtype)) {
        joined.inputs.push_back(slice.value);
        continue;
      }
      Node with_zero;
      with_zero.op = &add_;
      with_zero.name = sum.name + "/" + std::to_string(joined.inputs.size());
      with_zero.where = sum.where;
      with_zero.inputs = {slice.value, zero(sum)};
      with_zero.results = {rewriting_.spec(slice.value)};
      joined.inputs.push_back(rewriting_.add(std::move(with_zero)));
    }
    return rewriting_.add(std::move(joined));
  }

  Edge zero(const Node& like) {
    if (zero_.node >= 0) return zero_;
    Node number;
    number.kind = Node::Kind::number;
    number.name = like.name + "/zero";
    number.where = like.where;
    number.value = Tensor::weak(0.0);
    number.results = {{number.value.dtype(), number.value.shape()}};
    return zero_ = rewriting_.add(std::move(number));
  }

  const Op& add_ = *find_op("add");
  const Op& concat_ = *find_op("concat");
  const Op& full_ = *find_op("full");
  const Op& update_ = *find_op("update_slice");
  Rewriting rewriting_;
  Changes& changes_;
  std::map<int, Slices> known_;  // by node of the new function
  Edge zero_;
};

}  // namespace

Function concatenate_slice_sums(Function function, Changes& changes) {
  return SliceSums(std::move(function), changes).run();
}

}  // namespace rill
