// A 128-bit hash of bytes: names entries of the code cache and tells whether one is whole.
//
// It guards against accidents (a torn write, a bad disk), not against an enemy, who could not write
// into the folder anyway. Invariant: the same bytes give the same hash on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace rill::cpu {

class Digest {
 public:
  void add(std::span<const std::byte> bytes) {
    add(static_cast<std::uint64_t>(bytes.size()));
    while (!bytes.empty()) {
      std::uint64_t word = 0;
      const std::size_t part = bytes.size() < sizeof word ? bytes.size() : sizeof word;
      std::memcpy(&word, bytes.data(), part);
      mix(word);
      bytes = bytes.subspan(part);
    }
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }
  void add(std::uint64_t word) { mix(word); }

  [[nodiscard]] std::array<std::uint64_t, 2> value() const {
    return {finished(a_ + b_), finished(a_ ^ (b_ << 1U | b_ >> 63U))};
  }

 private:
  /// Two chains of a multiplication and a shift each, with multipliers of their own; every input
  /// bit reaches all higher bits by the one and all lower bits by the other.
  void mix(std::uint64_t word) {
    a_ = (a_ ^ word) * 0x9e3779b97f4a7c15U;
    a_ ^= a_ >> 32U;
    b_ = (b_ + word) * 0xd6e8feb86659fd93U;
    b_ ^= b_ >> 29U;
  }
  /// The finaliser of SplitMix64.
  static std::uint64_t finished(std::uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
  }

  std::uint64_t a_ = 0x243f6a8885a308d3U;
  std::uint64_t b_ = 0x13198a2e03707344U;
};

/// 32 hexadecimal digits.
inline std::string hexadecimal(const std::array<std::uint64_t, 2>& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t word : digest) {
    for (int shift = 60; shift >= 0; shift -= 4)
      text += digits[word >> static_cast<unsigned>(shift) & 0xfU];
  }
  return text;
}

}  // namespace rill::cpu
