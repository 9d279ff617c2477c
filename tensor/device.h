/// Where a tensor's memory is. Invariant: two bytes, compared by value.
#pragma once

#include <cstdint>
#include <string>

#include <rill/tensor/export.h>

namespace rill {

/// The host, or one GPU.
class Device {
 public:
  enum class Kind : std::uint8_t { cpu, cuda };

  constexpr Device() = default;
  static constexpr Device cpu() { return {}; }
  static constexpr Device cuda(int index = 0) {
    Device device;
    device.kind_ = Kind::cuda;
    device.index_ = static_cast<std::uint8_t>(index);
    return device;
  }
  [[nodiscard]] constexpr Kind kind() const { return kind_; }
  [[nodiscard]] constexpr int index() const { return index_; }
  [[nodiscard]] constexpr bool is_cpu() const { return kind_ == Kind::cpu; }
  friend constexpr bool operator==(Device, Device) = default;
  /// `cpu`, `cuda:0`.
  [[nodiscard]] RILL_API std::string text() const;

 private:
  Kind kind_ = Kind::cpu;
  std::uint8_t index_ = 0;
};

}  // namespace rill
