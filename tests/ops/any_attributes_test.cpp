// A graph file may hold attributes that no public function makes. Whatever they are, an operator
// refuses them or computes within its memory.
#include <rill/rill.h>

#include <array>
#include <cmath>
#include <random>

#include <rill/ops/call.h>
#include <rill/ops/infer.h>

#include "tests/catch.h"

namespace rill {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int of) { return between(1, of) == 1; }

 private:
  std::mt19937_64 random_;
};

Shape any_shape(Dice& dice, std::int64_t low) {
  Shape shape;
  for (std::int64_t rank = dice.between(0, dice.chance(8) ? 8 : 4); rank > 0; --rank)
    shape.push_back(dice.chance(40) ? (std::int64_t{1} << 60) * low : dice.between(low, 5));
  return shape;
}

AttributeValue any_value(Dice& dice, const AttributeValue& like) {
  if (std::holds_alternative<bool>(like)) return dice.chance(2);
  if (std::holds_alternative<std::int64_t>(like))
    return dice.chance(20) ? std::int64_t{1} << 40 : dice.between(-3, 9);
  if (std::holds_alternative<double>(like))
    return std::array{-1.0, 0.0, 0.5, 1e300,
                      std::nan("")}[static_cast<std::size_t>(dice.between(0, 4))];
  if (std::holds_alternative<DType>(like))
    return static_cast<DType>(dice.between(0, dtype_count - 1));
  if (std::holds_alternative<Shape>(like)) return any_shape(dice, -2);
  Axes axes;
  for (std::int64_t count = dice.between(0, dice.chance(8) ? 8 : 3); count > 0; --count)
    axes.push_back(static_cast<int>(dice.between(-2, 5)));
  return axes;
}

Tensor any_tensor(Dice& dice) {
  const Shape shape = any_shape(dice, 0);
  if (!shape.known() || shape.size().value() > 2000) return zeros({2, 3});
  const auto dtype = static_cast<DType>(dice.between(0, dtype_count - 1));
  return reshape(arange(static_cast<double>(shape.size().value())), shape).to(dtype);
}

TEST_CASE("an operator refuses attributes that make no sense, or computes within its memory") {
  Dice dice(1);
  int refused = 0;
  int computed = 0;
  for (const Op* op : all_ops()) {
    INFO(op->name);
    for (int round = 0; round < 400; ++round) {
      Attributes attributes = Attributes::of(op->attributes());
      if (op->attributes() != nullptr) {
        for (const auto& field : op->attributes()->fields) {
          if (!dice.chance(4))
            attributes.set(field.name, any_value(dice, field.get(attributes.value())));
        }
      }
      std::vector<Tensor> inputs;
      const Tensor first = any_tensor(dice);
      for (std::int64_t count = dice.between(0, 5); count > 0; --count)
        inputs.push_back(dice.chance(2) ? first : any_tensor(dice));
      try {
        Infer infer(*op, attributes, inputs, {});
        op->rule(infer);
        bool small = true;
        for (const Spec& spec : infer.results())
          small = small && (!spec.shape.known() || spec.shape.size().value() <= 20000);
        if (!small) continue;
        std::vector<Tensor> outputs(infer.results().size());
        call(*op, inputs, attributes, {}, outputs);
        ++computed;
      } catch (const InternalError& error) {
        FAIL(std::string(op->name) + ": " + error.what() + " (" + attributes.text() + ")");
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 0);
  CHECK(computed > 0);
}

/// What calling the operator throws.
std::string refusal(std::string_view op, const Attributes& attributes,
                    const std::vector<Tensor>& inputs, std::size_t results) {
  std::vector<Tensor> outputs(results);
  try {
    call(*find_op(op), inputs, attributes, {}, outputs);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST_CASE("operands that do not broadcast to what an operator walks over are refused") {
  Attributes first_axis = Attributes::of(find_op("layer_norm")->attributes());
  first_axis.set("axes", Axes{0});
  CHECK(refusal("layer_norm", first_axis, {ones({3, 4}), ones({3}), zeros({3})}, 3) ==
        "layer_norm: an operand of shape [3] does not broadcast to [3,4]");
  const Attributes none = Attributes::of(find_op("sgd_update")->attributes());
  CHECK(refusal("sgd_update", none, {ones({4}), ones({4}), ones({2})}, 1) ==
        "sgd_update: an operand of shape [2] does not broadcast to [4]");
  CHECK(refusal("lstm_gates", {}, {ones({2, 8}, int64), ones({2, 8}, int64), ones({2, 2}, int64)},
                3) == "lstm_gates: takes floats: int64[2,8], int64[2,8], int64[2,2]");
}

}  // namespace
}  // namespace rill
