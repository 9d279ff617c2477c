/// `Lowered`: an operator as a kernel program, with what a launch must know to feed it.
/// Invariant: holds no sizes and no pointers; one lowering serves all shapes of its signature and
/// layout.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <rill/kernel/program.h>
#include <rill/tensor/axes.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/shape.h>

namespace rill {

/// Dtypes and ranks for which a body is lowered.
struct Signature {
  struct Input {
    DType dtype = float32;    ///< in memory
    DType operand = float32;  ///< as the operator sees it
    int rank = 0;
    bool weak = false;  ///< a number: a parameter of the launch
    friend bool operator==(const Input&, const Input&) = default;
  };
  struct Output {
    DType dtype = float32;
    int rank = 0;
    bool started = false;  ///< holds values before the operator writes to it
    friend bool operator==(const Output&, const Output&) = default;
  };
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  friend bool operator==(const Signature&, const Signature&) = default;
};

/// What is known of a stride when a kernel is made: neighbours are what code is vectorised by.
enum class StrideClass : std::uint8_t { other, zero, one };

/// How the axes of a domain are laid out: merged where the memory of all aligned buffers allows it.
struct Layout {
  static constexpr std::int8_t dropped = -1;  ///< of extent 1: its position is 0
  int rank = 0;                               ///< of the domain after merging
  std::array<std::int8_t, max_rank> axis{};   ///< where each axis of the operator's domain went
  bool classified = false;                    ///< false: no stride is known
  /// Per buffer in order of `Lowered::buffers`: one class per dimension, two bits each, outermost
  /// first.
  std::vector<std::uint32_t> strides;
};

struct Lowered {
  struct BufferSource {
    bool output = false;
    int tensor = 0;
    bool aligned = true;      ///< one dimension per axis of the domain; else the tensor's own
    bool along_row = true;    ///< aligned: false leaves out the row's axes
    std::vector<int> axes{};  ///< aligned: axes of the laid-out domain
  };
  /// Where the launch finds `Code::size` number i.
  struct SizeSource {
    enum class Kind : std::uint8_t { domain, extent, stride };
    Kind kind = Kind::domain;
    bool output = false;  ///< extent: of an output
    int index = 0;        ///< domain: axis; extent: tensor; stride: buffer
    int axis = 0;         ///< extent, stride: dimension
  };
  kernel::Program program;
  int domain_input = -1;  ///< the domain is this input's shape; -1: output 0's
  Axes row_axes;          ///< of the operator's domain
  bool general = false;   ///< looks at positions: axes keep apart
  std::vector<BufferSource> buffers;
  std::vector<SizeSource> sizes;
  std::vector<int> parameters;           ///< the weak input of each
  std::vector<std::string_view> errors;  ///< messages of checks, by number
};

}  // namespace rill
