#include <rill/cpu/convolution.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <type_traits>

#include <rill/cpu/divide_up.h>
#include <rill/cpu/half_conversion.h>
#include <rill/cpu/thread_pool.h>
#include <rill/cpu/tree_sum.h>
#include <rill/tensor/error.h>

namespace rill::cpu {
namespace {

using kernel::ConvolutionPass;
using kernel::ConvolutionShape;
using onednn::Algorithm;

constexpr std::int64_t enough_blocks = 16;  // for any number of threads
constexpr std::size_t most_partial_bytes = std::size_t{64}
                                           << 20U;  // of weight gradients, one per block
constexpr std::int64_t grain = 16384;

std::int64_t input_elements(const ConvolutionShape& s) { return s.n * s.h * s.w * s.c; }
std::int64_t output_elements(const ConvolutionShape& s) {
  return s.n * s.out_h * s.out_w * s.out_c;
}
std::int64_t weight_elements(const ConvolutionShape& s) {
  return s.kernel_h * s.kernel_w * (s.c / s.groups) * s.out_c;
}

/// Winograd's F(4x4, 3x3) does 2.25 times less arithmetic, but transforms its weights for each
/// block and its images in tiles of 4x4. Measured: it is up to twice as fast where channels fill
/// vectors and a block has some 500 pixels, and slower below. Returns the images per block, or
/// nothing where it does not pay.
std::optional<std::int64_t> winograd_images(const ConvolutionShape& s, Level level) {
  constexpr std::array<std::int64_t, 2> ones{1, 1};
  constexpr std::int64_t enough_pixels = 512;
  const auto fills_vectors = [](std::int64_t channels) {
    return channels % 16 == 0 && channels >= 32 && channels <= 256;
  };
  const auto at_most_one = [](const std::array<std::int64_t, 2>& pad) {
    return pad[0] <= 1 && pad[1] <= 1;
  };
  if (level != Level::avx512 || s.kernel_h != 3 || s.kernel_w != 3 || s.stride != ones ||
      s.dilation != ones || s.groups != 1 || !fills_vectors(s.c) || !fills_vectors(s.out_c) ||
      !at_most_one(s.pad_before) || !at_most_one(s.pad_after)) {
    return std::nullopt;
  }
  const std::int64_t images =
      std::max(divide_up(s.n, enough_blocks), divide_up(enough_pixels, s.out_h * s.out_w));
  if (images > 1 && 2 * images > s.n) return std::nullopt;  // too few blocks to share out
  return images;
}

std::int64_t aligned(std::int64_t floats) { return divide_up(floats, 16) * 16; }

}  // namespace

Convolution::Convolution(const ConvolutionShape& shape, ConvolutionPass pass)
    : shape_(shape), pass_(pass), level_(level()) {
  const bool empty =
      input_elements(shape) == 0 || output_elements(shape) == 0 || weight_elements(shape) == 0;
  if (empty || (shape.dtype != DType::float32 && !is_half(shape.dtype))) return;
  if (DirectConvolution::suits(shape, pass, level_)) {
    direct_.emplace(shape, pass, level_);
    return;
  }
  std::int64_t least_images = 1;
  if (pass == ConvolutionPass::weight_gradient) {
    const std::size_t bytes = static_cast<std::size_t>(weight_elements(shape)) * sizeof(float);
    const auto most_blocks =
        std::max<std::int64_t>(1, static_cast<std::int64_t>(most_partial_bytes / bytes));
    least_images = divide_up(shape.n, most_blocks);
  }
  const auto winograd = winograd_images(shape, level_);
  if (winograd && make_kernels(Algorithm::winograd, std::max(*winograd, least_images))) return;
  if (make_kernels(Algorithm::direct, std::max(divide_up(shape.n, enough_blocks), least_images)))
    return;
  // Blocks of one size, should a smaller last block need another kernel.
  make_kernels(Algorithm::direct, pass == ConvolutionPass::weight_gradient ? shape.n : 1);
}

bool Convolution::make_kernels(Algorithm algorithm, std::int64_t images) {
  images_per_block_ = images;
  blocks_ = divide_up(shape_.n, images);
  slots_ = static_cast<int>(std::min<std::int64_t>(threads(), blocks_));
  ConvolutionShape block = shape_;
  block.n = images;
  kernel_ = onednn::Convolution::make(block, pass_, algorithm);
  last_kernel_.reset();
  const std::int64_t last = shape_.n - (blocks_ - 1) * images;
  if (kernel_ != nullptr && last != images) {
    block.n = last;
    last_kernel_ = onednn::Convolution::make(block, pass_, algorithm);
    if (last_kernel_ == nullptr || !last_kernel_->shares_weights_with(*kernel_)) kernel_.reset();
  }
  return kernel_ != nullptr;
}

const onednn::Convolution& Convolution::kernel_of(std::int64_t block) const {
  return last_kernel_ != nullptr && block == blocks_ - 1 ? *last_kernel_ : *kernel_;
}

std::size_t Convolution::float_workspace() const {
  if (direct_) return direct_->workspace();
  if (kernel_ == nullptr) return 0;
  const bool sums = pass_ == ConvolutionPass::weight_gradient;
  const std::size_t weights =
      kernel_->weight_bytes() * static_cast<std::size_t>(sums ? blocks_ : 1);
  const std::size_t scratch =
      std::max(kernel_->scratch_bytes(), kernel_of(blocks_ - 1).scratch_bytes());
  return weights + scratch * static_cast<std::size_t>(slots_);
}

std::size_t Convolution::workspace() const {
  if (!is_half(shape_.dtype)) return float_workspace();
  const std::int64_t floats = aligned(input_elements(shape_)) + aligned(weight_elements(shape_)) +
                              aligned(output_elements(shape_));
  return static_cast<std::size_t>(floats) * sizeof(float) + float_workspace();
}

template <class T>
Convolution::Tensors<T> Convolution::arrange(const std::byte* first, const std::byte* second,
                                             std::byte* result) const {
  // oneDNN's handles are not const; what the pass does not write is only read.
  const auto read = [](const std::byte* p) {
    return reinterpret_cast<T*>(const_cast<std::byte*>(p));
  };
  T* const written = reinterpret_cast<T*>(result);
  switch (pass_) {
    case ConvolutionPass::forward:
      return {read(first), read(second), written};
    case ConvolutionPass::input_gradient:
      return {written, read(second), read(first)};
    case ConvolutionPass::weight_gradient:
      return {read(first), written, read(second)};
  }
  throw InternalError("Convolution: not a pass");
}

void Convolution::execute(std::span<const std::byte* const> inputs,
                          std::span<std::byte* const> outputs, std::byte* workspace) const {
  visit(shape_.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Tensors<T> tensors = arrange<T>(inputs[0], inputs[1], outputs[0]);
    if constexpr (std::is_same_v<T, float>) {
      run_float(tensors, workspace);
    } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      run_half(tensors, workspace);
    } else if constexpr (std::is_same_v<T, double>) {
      run_plain(tensors);
    } else {
      throw InternalError("Convolution: " + std::string(name(shape_.dtype)) +
                          " is no floating-point type");
    }
  });
}

bool Convolution::takes_epilogue() const {
  return (direct_ || kernel_ != nullptr) && shape_.dtype == DType::float32 &&
         pass_ != ConvolutionPass::weight_gradient;
}

void Convolution::execute(std::span<const std::byte* const> inputs,
                          std::span<std::byte* const> outputs, std::byte* workspace,
                          const kernel::Epilogue& epilogue) const {
  if (!takes_epilogue()) throw InternalError("Convolution: takes no epilogue");
  run_float(arrange<float>(inputs[0], inputs[1], outputs[0]), workspace, &epilogue);
}

void Convolution::run_float(const Tensors<float>& tensors, std::byte* workspace,
                            const kernel::Epilogue* epilogue) const {
  if (direct_)
    return direct_->run(tensors.input, tensors.weights, tensors.output, workspace, epilogue);
  if (kernel_ == nullptr) return run_plain(tensors);
  const bool sums = pass_ == ConvolutionPass::weight_gradient;
  std::byte* const weights = workspace;
  std::byte* const scratch =
      weights + kernel_->weight_bytes() * static_cast<std::size_t>(sums ? blocks_ : 1);
  const std::size_t scratch_bytes =
      std::max(kernel_->scratch_bytes(), kernel_of(blocks_ - 1).scratch_bytes());
  if (!sums) kernel_->pack_weights(tensors.weights, weights);
  const std::int64_t input_step = input_elements(shape_) / shape_.n * images_per_block_;
  const std::int64_t output_step = output_elements(shape_) / shape_.n * images_per_block_;
  parallel_for_slots(blocks_, 1, slots_, [&](int slot, std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      std::byte* const own_weights =
          weights + (sums ? static_cast<std::size_t>(block) * kernel_->weight_bytes() : 0);
      kernel_of(block).run(tensors.input + block * input_step, own_weights,
                           tensors.output + block * output_step,
                           scratch + static_cast<std::size_t>(slot) * scratch_bytes);
      if (epilogue == nullptr) continue;
      const bool forward = pass_ == ConvolutionPass::forward;
      const std::int64_t step = forward ? output_step : input_step;
      (*epilogue)(block* step, std::min((block + 1) * step, forward ? output_elements(shape_)
                                                                    : input_elements(shape_)));
    }
  });
  if (!sums) return;
  add_buffers(reinterpret_cast<float*>(weights),
              static_cast<std::int64_t>(kernel_->weight_bytes() / sizeof(float)), blocks_);
  kernel_->unpack_weights(weights, tensors.weights);
}

template <class T>
void Convolution::run_half(const Tensors<T>& tensors, std::byte* workspace) const {
  const std::int64_t sizes[] = {input_elements(shape_), weight_elements(shape_),
                                output_elements(shape_)};
  auto* const input = reinterpret_cast<float*>(workspace);
  float* const weights = input + aligned(sizes[0]);
  float* const output = weights + aligned(sizes[1]);
  const auto read = [&](const T* from, float* to, std::int64_t count) {
    parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
      widen(from + begin, to + begin, end - begin, level_);
    });
  };
  const auto write = [&](const float* from, T* to, std::int64_t count) {
    parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
      narrow(from + begin, to + begin, end - begin, level_);
    });
  };
  if (pass_ != ConvolutionPass::input_gradient) read(tensors.input, input, sizes[0]);
  if (pass_ != ConvolutionPass::weight_gradient) read(tensors.weights, weights, sizes[1]);
  if (pass_ != ConvolutionPass::forward) read(tensors.output, output, sizes[2]);
  run_float({input, weights, output}, reinterpret_cast<std::byte*>(output + aligned(sizes[2])));
  switch (pass_) {
    case ConvolutionPass::forward:
      return write(output, tensors.output, sizes[2]);
    case ConvolutionPass::input_gradient:
      return write(input, tensors.input, sizes[0]);
    case ConvolutionPass::weight_gradient:
      return write(weights, tensors.weights, sizes[1]);
  }
}

template <class T>
void Convolution::run_plain(const Tensors<T>& tensors) const {
  const ConvolutionShape& s = shape_;
  const std::int64_t in = s.c / s.groups;
  const std::int64_t out = s.out_c / s.groups;
  // Calls f(x, w, y) for each pair of an input and an output pixel that tap (i, j) joins: x and y
  // are the pixels' channels, w the tap's weights of group 0.
  const auto for_row = [&](std::int64_t image, std::int64_t y, std::int64_t i, std::int64_t j,
                           auto f) {
    const std::int64_t row = y * s.stride[0] - s.pad_before[0] + i * s.dilation[0];
    if (row < 0 || row >= s.h) return;
    for (std::int64_t x = 0; x < s.out_w; ++x) {
      const std::int64_t column = x * s.stride[1] - s.pad_before[1] + j * s.dilation[1];
      if (column < 0 || column >= s.w) continue;
      f(tensors.input + ((image * s.h + row) * s.w + column) * s.c,
        tensors.weights + (i * s.kernel_w + j) * in * s.out_c,
        tensors.output + ((image * s.out_h + y) * s.out_w + x) * s.out_c);
    }
  };
  const std::int64_t flops_per_image = 2 * s.out_h * s.out_w * weight_elements(s) + 1;
  switch (pass_) {
    case ConvolutionPass::forward:
      std::fill_n(tensors.output, output_elements(s), T{0});
      parallel_for(s.n * s.out_h, grain * s.out_h / flops_per_image + 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t line = begin; line < end; ++line) {
                       for (std::int64_t tap = 0; tap < s.kernel_h * s.kernel_w; ++tap) {
                         for_row(line / s.out_h, line % s.out_h, tap / s.kernel_w, tap % s.kernel_w,
                                 [&](const T* x, const T* w, T* y) {
                                   for (std::int64_t g = 0; g < s.groups; ++g) {
                                     for (std::int64_t c = 0; c < in; ++c) {
                                       for (std::int64_t o = 0; o < out; ++o)
                                         y[g * out + o] +=
                                             x[g * in + c] * w[c * s.out_c + g * out + o];
                                     }
                                   }
                                 });
                       }
                     }
                   });
      break;
    case ConvolutionPass::input_gradient:
      std::fill_n(tensors.input, input_elements(s), T{0});
      parallel_for(s.n, grain / flops_per_image + 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t line = begin * s.out_h; line < end * s.out_h; ++line) {
          for (std::int64_t tap = 0; tap < s.kernel_h * s.kernel_w; ++tap) {
            for_row(line / s.out_h, line % s.out_h, tap / s.kernel_w, tap % s.kernel_w,
                    [&](T* x, const T* w, const T* y) {
                      for (std::int64_t g = 0; g < s.groups; ++g) {
                        for (std::int64_t c = 0; c < in; ++c) {
                          T sum{0};
                          for (std::int64_t o = 0; o < out; ++o)
                            sum += y[g * out + o] * w[c * s.out_c + g * out + o];
                          x[g * in + c] += sum;
                        }
                      }
                    });
          }
        }
      });
      break;
    case ConvolutionPass::weight_gradient:
      std::fill_n(tensors.weights, weight_elements(s), T{0});
      // Each tap's weights belong to one thread, which adds image by image.
      parallel_for(s.kernel_h * s.kernel_w, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t tap = begin; tap < end; ++tap) {
          for (std::int64_t line = 0; line < s.n * s.out_h; ++line) {
            for_row(line / s.out_h, line % s.out_h, tap / s.kernel_w, tap % s.kernel_w,
                    [&](const T* x, T* w, const T* y) {
                      for (std::int64_t g = 0; g < s.groups; ++g) {
                        for (std::int64_t c = 0; c < in; ++c) {
                          for (std::int64_t o = 0; o < out; ++o)
                            w[c * s.out_c + g * out + o] += x[g * in + c] * y[g * out + o];
                        }
                      }
                    });
          }
        }
      });
      break;
  }
}

}  // namespace rill::cpu
