#include <rill/cpu/onednn.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <dnnl.hpp>

#include <rill/cpu/features.h>
#include <rill/cpu/loader.h>
#include <rill/cpu/serial_openmp.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill::cpu::onednn {
namespace {

using dnnl::memory;
using kernel::ConvolutionPass;
using kernel::ConvolutionShape;

constexpr std::size_t line = 64;

std::size_t whole_lines(std::size_t bytes) { return (bytes + line - 1) / line * line; }

/// The one engine. A level that RILL_CPU chose is passed on, unless the host program has used
/// oneDNN before; otherwise oneDNN decides for itself.
const dnnl::engine& engine() {
  static const dnnl::engine& instance = [&]() -> const dnnl::engine& {
    if (level_is_forced()) {
      constexpr dnnl_cpu_isa_t limits[] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2,
                                           dnnl_cpu_isa_avx512_core};
      dnnl_set_max_cpu_isa(limits[static_cast<std::size_t>(level())]);
    }
    return *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return instance;
}

memory view(const memory::desc& layout, const void* data) {
  return {layout, engine(), const_cast<void*>(data)};
}

[[noreturn]] void report(const char* what, const dnnl::error& error) {
  if (error.status == dnnl_out_of_memory)
    throw detail::UnnamedError<OutOfMemoryError>(std::string("out of memory: oneDNN: ") + what +
                                                 ": " + error.what());
  throw InternalError(std::string("oneDNN: ") + what + ": " + error.what());
}

/// Moves data between two layouts; nothing if they are the same.
class Reorder {
 public:
  Reorder() = default;
  Reorder(const memory::desc& from, const memory::desc& to) : from_(from), to_(to) {
    if (from != to) reorder_.emplace(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
  }
  void run(dnnl::stream& stream, const void* from, const void* to) const {
    if (!reorder_) return;
    memory source = view(from_, from);
    memory target = view(to_, to);
    reorder_->execute(stream, source, target);
  }

 private:
  memory::desc from_, to_;
  std::optional<dnnl::reorder> reorder_;
};

}  // namespace

struct Convolution::Primitives {
  ConvolutionPass pass{};
  dnnl::primitive convolution;
  memory::desc input, weights, output, scratchpad;        // the kernel's layouts
  memory::desc plain_input, plain_weights, plain_output;  // rill's
  Reorder stage_input, stage_output, unstage_input, unstage_output, pack, unpack;

  [[nodiscard]] std::size_t staged(const memory::desc& kernels, const memory::desc& plain) const {
    return kernels == plain ? 0 : whole_lines(kernels.get_size());
  }

  /// Takes over what a primitive descriptor decided. The descriptors of the three passes name their
  /// layouts differently.
  template <class Primitive, class Descriptor>
  void adopt(const Descriptor& descriptor, const memory::desc& input_layout,
             const memory::desc& weight_layout, const memory::desc& output_layout) {
    convolution = Primitive(descriptor);
    input = input_layout;
    weights = weight_layout;
    output = output_layout;
    scratchpad = descriptor.scratchpad_desc();
    stage_input = Reorder(plain_input, input);
    stage_output = Reorder(plain_output, output);
    unstage_input = Reorder(input, plain_input);
    unstage_output = Reorder(output, plain_output);
    pack = Reorder(plain_weights, weights);
    unpack = Reorder(weights, plain_weights);
  }
};

Convolution::Convolution(std::unique_ptr<const Primitives> primitives)
    : primitives_(std::move(primitives)) {}

Convolution::~Convolution() = default;

std::unique_ptr<const Convolution> Convolution::make(const ConvolutionShape& s,
                                                     ConvolutionPass pass, Algorithm algorithm) {
  const SerialOpenMP serial;  // a primitive remembers the number of threads that it was made with
  using Tag = memory::format_tag;
  constexpr auto type = memory::data_type::f32;
  auto made = std::make_unique<Primitives>();
  made->pass = pass;
  const memory::dims input_sizes{s.n, s.c, s.h, s.w};
  const memory::dims output_sizes{s.n, s.out_c, s.out_h, s.out_w};
  const std::int64_t in = s.c / s.groups;
  const std::int64_t out = s.out_c / s.groups;
  // Stored (kernel_h, kernel_w, in, groups, out); oneDNN counts (groups,) out, in, kernel_h,
  // kernel_w.
  memory::dims weight_sizes{out, in, s.kernel_h, s.kernel_w};
  memory::dims weight_strides{1, s.out_c, s.kernel_w * in * s.out_c, in * s.out_c};
  if (s.groups > 1) {
    weight_sizes.insert(weight_sizes.begin(), s.groups);
    weight_strides.insert(weight_strides.begin(), out);
  }
  made->plain_input = memory::desc(input_sizes, type, Tag::nhwc);
  made->plain_output = memory::desc(output_sizes, type, Tag::nhwc);
  made->plain_weights = memory::desc(weight_sizes, type, weight_strides);
  // Measured: direct kernels are as fast on NHWC as on any layout once that has been brought about;
  // Winograd needs its own.
  const Tag layout = algorithm == Algorithm::direct ? Tag::nhwc : Tag::any;
  const memory::desc input(input_sizes, type, layout);
  const memory::desc output(output_sizes, type, layout);
  const memory::desc weights(weight_sizes, type, Tag::any);
  const memory::dims strides{s.stride[0], s.stride[1]};
  const memory::dims dilation{s.dilation[0] - 1, s.dilation[1] - 1};
  const memory::dims before{s.pad_before[0], s.pad_before[1]};
  const memory::dims after{s.pad_after[0], s.pad_after[1]};
  const auto kind = algorithm == Algorithm::direct ? dnnl::algorithm::convolution_direct
                                                   : dnnl::algorithm::convolution_winograd;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  try {
    using Forward = dnnl::convolution_forward;
    const Forward::primitive_desc forward({dnnl::prop_kind::forward_training, kind, input, weights,
                                           output, strides, dilation, before, after},
                                          attributes, engine());
    std::string_view implementation;
    switch (pass) {
      case ConvolutionPass::forward:
        implementation = forward.impl_info_str();
        made->adopt<Forward>(forward, forward.src_desc(), forward.weights_desc(),
                             forward.dst_desc());
        break;
      case ConvolutionPass::input_gradient: {
        using Backward = dnnl::convolution_backward_data;
        const Backward::primitive_desc backward(
            {kind, input, weights, output, strides, dilation, before, after}, attributes, engine(),
            forward);
        implementation = backward.impl_info_str();
        made->adopt<Backward>(backward, backward.diff_src_desc(), backward.weights_desc(),
                              backward.diff_dst_desc());
        break;
      }
      case ConvolutionPass::weight_gradient: {
        using Backward = dnnl::convolution_backward_weights;
        const Backward::primitive_desc backward(
            {kind, input, weights, output, strides, dilation, before, after}, attributes, engine(),
            forward);
        implementation = backward.impl_info_str();
        made->adopt<Backward>(backward, backward.src_desc(), backward.diff_weights_desc(),
                              backward.diff_dst_desc());
        break;
      }
    }
    if (implementation.substr(0, 3) == "ref") return nullptr;  // loops without vectors
  } catch (const dnnl::error& error) {
    // It generates code as well, which not every system lets run.
    if (error.status == dnnl_unimplemented || error.status == dnnl_invalid_arguments ||
        !executable_memory_trouble().empty())
      return nullptr;
    report("convolution", error);
  }
  return std::unique_ptr<const Convolution>(new Convolution(std::move(made)));
}

std::size_t Convolution::weight_bytes() const {
  return whole_lines(primitives_->weights.get_size());
}

bool Convolution::shares_weights_with(const Convolution& other) const {
  return primitives_->weights == other.primitives_->weights;
}

std::size_t Convolution::scratch_bytes() const {
  const Primitives& p = *primitives_;
  return whole_lines(p.scratchpad.get_size()) + p.staged(p.input, p.plain_input) +
         p.staged(p.output, p.plain_output);
}

void Convolution::pack_weights(const float* plain, void* packed) const {
  const Primitives& p = *primitives_;
  if (p.weights == p.plain_weights) {
    std::copy_n(reinterpret_cast<const std::byte*>(plain), p.weights.get_size(),
                static_cast<std::byte*>(packed));
    return;
  }
  const SerialOpenMP serial;
  try {
    dnnl::stream stream(engine());
    p.pack.run(stream, plain, packed);
  } catch (const dnnl::error& error) {
    report("reorder", error);
  }
}

void Convolution::unpack_weights(const void* packed, float* plain) const {
  const Primitives& p = *primitives_;
  if (p.weights == p.plain_weights) {
    std::copy_n(static_cast<const std::byte*>(packed), p.weights.get_size(),
                reinterpret_cast<std::byte*>(plain));
    return;
  }
  const SerialOpenMP serial;
  try {
    dnnl::stream stream(engine());
    p.unpack.run(stream, packed, plain);
  } catch (const dnnl::error& error) {
    report("reorder", error);
  }
}

void Convolution::run(float* input, void* packed_weights, float* output, void* scratch) const {
  const Primitives& p = *primitives_;
  const SerialOpenMP serial;
  auto* const pad = static_cast<std::byte*>(scratch);
  std::byte* const staged_input = pad + whole_lines(p.scratchpad.get_size());
  std::byte* const staged_output = staged_input + p.staged(p.input, p.plain_input);
  void* const in = p.input == p.plain_input ? static_cast<void*>(input) : staged_input;
  void* const out = p.output == p.plain_output ? static_cast<void*>(output) : staged_output;
  try {
    dnnl::stream stream(engine());
    const memory input_view = view(p.input, in);
    const memory weight_view = view(p.weights, packed_weights);
    const memory output_view = view(p.output, out);
    const memory pad_view = view(p.scratchpad, pad);
    switch (p.pass) {
      case ConvolutionPass::forward:
        p.stage_input.run(stream, input, in);
        p.convolution.execute(stream, {{DNNL_ARG_SRC, input_view},
                                       {DNNL_ARG_WEIGHTS, weight_view},
                                       {DNNL_ARG_DST, output_view},
                                       {DNNL_ARG_SCRATCHPAD, pad_view}});
        p.unstage_output.run(stream, out, output);
        break;
      case ConvolutionPass::input_gradient:
        p.stage_output.run(stream, output, out);
        p.convolution.execute(stream, {{DNNL_ARG_DIFF_SRC, input_view},
                                       {DNNL_ARG_WEIGHTS, weight_view},
                                       {DNNL_ARG_DIFF_DST, output_view},
                                       {DNNL_ARG_SCRATCHPAD, pad_view}});
        p.unstage_input.run(stream, in, input);
        break;
      case ConvolutionPass::weight_gradient:
        p.stage_input.run(stream, input, in);
        p.stage_output.run(stream, output, out);
        p.convolution.execute(stream, {{DNNL_ARG_SRC, input_view},
                                       {DNNL_ARG_DIFF_WEIGHTS, weight_view},
                                       {DNNL_ARG_DIFF_DST, output_view},
                                       {DNNL_ARG_SCRATCHPAD, pad_view}});
        break;
    }
    stream.wait();
  } catch (const dnnl::error& error) {
    report("convolution", error);
  }
}

std::string information() {
  const dnnl_version_t* version = dnnl_version();
  const auto isa = [] {
    switch (dnnl_get_effective_cpu_isa()) {
      case dnnl_cpu_isa_sse41:
        return "SSE4.1";
      case dnnl_cpu_isa_avx:
        return "AVX";
      case dnnl_cpu_isa_avx2:
        return "AVX2";
      case dnnl_cpu_isa_avx2_vnni:
        return "AVX2 with VNNI";
      case dnnl_cpu_isa_avx512_core:
        return "AVX-512";
      case dnnl_cpu_isa_avx512_core_vnni:
        return "AVX-512 with VNNI";
      case dnnl_cpu_isa_avx512_core_bf16:
        return "AVX-512 with bfloat16";
      case dnnl_cpu_isa_avx512_core_amx:
        return "AVX-512 with AMX";
      default:
        return "other";
    }
  };
  engine();  // passes RILL_CPU on
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch) + ", " + isa();
}

}  // namespace rill::cpu::onednn
