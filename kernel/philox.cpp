#include <rill/kernel/philox.h>

#include <rill/kernel/math.h>

namespace rill::kernel {
namespace {

// The multipliers and the steps of the key (the golden ratio, sqrt(3) - 1), from the paper.
constexpr std::uint32_t multiplier_0 = 0xd2511f53U;
constexpr std::uint32_t multiplier_1 = 0xcd9e8d57U;
constexpr std::uint32_t step_0 = 0x9e3779b9U;
constexpr std::uint32_t step_1 = 0xbb67ae85U;
constexpr int rounds = 10;

Value low_word(const Value& wide) { return cast(wide, uint32); }
Value high_word(const Value& wide) { return cast(wide >> 32, uint32); }

/// r cos t and r sin t for t = 2 pi v.
std::array<Value, 2> polar(const Value& u, const Value& v) {
  const Value r = sqrt(math::log(u) * -2.0);
  const Value t = v * 2.0;
  return {r * math::cos_pi(t), r * math::sin_pi(t)};
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t element, std::uint64_t draw) {
  const auto low = [](std::uint64_t wide) { return static_cast<std::uint32_t>(wide); };
  const auto high = [](std::uint64_t wide) { return static_cast<std::uint32_t>(wide >> 32U); };
  std::array<std::uint32_t, 4> words = {low(element), high(element), low(draw), high(draw)};
  std::uint32_t key_0 = low(seed);
  std::uint32_t key_1 = high(seed);
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t product_0 = std::uint64_t{multiplier_0} * words[0];
    const std::uint64_t product_1 = std::uint64_t{multiplier_1} * words[2];
    words = {high(product_1) ^ words[1] ^ key_0, low(product_1), high(product_0) ^ words[3] ^ key_1,
             low(product_0)};
    key_0 += step_0;
    key_1 += step_1;
  }
  return words;
}

std::array<Value, 4> philox(const Value& seed, const Value& element, const Value& draw) {
  std::array<Value, 4> words = {low_word(element), high_word(element), low_word(draw),
                                high_word(draw)};
  Value key_0 = low_word(seed);
  Value key_1 = high_word(seed);
  for (int round = 0; round < rounds; ++round) {
    const Value product_0 = cast(words[0], uint64) * multiplier_0;
    const Value product_1 = cast(words[2], uint64) * multiplier_1;
    words = {high_word(product_1) ^ words[1] ^ key_0, low_word(product_1),
             high_word(product_0) ^ words[3] ^ key_1, low_word(product_0)};
    key_0 = key_0 + step_0;
    key_1 = key_1 + step_1;
  }
  return words;
}

Value uniform_float32(const Value& word) { return cast(word >> 8, float32) * 0x1p-24; }

Value uniform_float64(const Value& high, const Value& low) {
  const Value bits = (cast(high, uint64) << 32) | cast(low, uint64);
  return cast(bits >> 11, float64) * 0x1p-53;
}

std::array<Value, 2> normal_float32(const Value& radius, const Value& angle) {
  const Value u = (cast(radius, float32) + 0.5) * 0x1p-32;  // at least 2^-33, at most 1
  return polar(u, uniform_float32(angle));
}

std::array<Value, 2> normal_float64(const std::array<Value, 4>& words) {
  const Value u = uniform_float64(words[0], words[1]) + 0x1p-54;
  return polar(u, uniform_float64(words[2], words[3]));
}

}  // namespace rill::kernel
