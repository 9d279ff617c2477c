#include <rill/cpu/direct_convolution.h>

#include <algorithm>

#include <rill/cpu/divide_up.h>
#include <rill/cpu/thread_pool.h>
#include <rill/cpu/tree_sum.h>

namespace rill::cpu {
namespace {

using kernel::ConvolutionPass;
using kernel::ConvolutionShape;

constexpr std::int64_t band_elements = 6144;  // of a band's source: half a first cache
constexpr std::int64_t enough_blocks = 16;    // for any number of threads
constexpr double flops_worth_a_thread = 2e5;  // about 2 us
constexpr std::int64_t line = 16;             // floats

std::int64_t whole_lines(std::int64_t floats) { return divide_up(floats, line) * line; }

/// The begin of part `part` when `units` are cut into `parts` that differ by at most one.
std::int64_t part_begin(std::int64_t units, std::int64_t parts, std::int64_t part) {
  return units * part / parts;
}

/// Calls f(begin, end) on parts of [0, count) of about the same size, at most `most` each.
template <class F>
void for_parts(std::int64_t count, std::int64_t most, F f) {
  const std::int64_t parts = divide_up(count, most);
  for (std::int64_t part = 0; part < parts; ++part)
    f(part_begin(count, parts, part), part_begin(count, parts, part + 1));
}

/// The convolution of the output's gradient that gives the input's, for strides of one.
ConvolutionShape turned(ConvolutionShape s) {
  std::swap(s.h, s.out_h);
  std::swap(s.w, s.out_w);
  std::swap(s.c, s.out_c);
  s.pad_before = {(s.kernel_h - 1) * s.dilation[0] - s.pad_before[0],
                  (s.kernel_w - 1) * s.dilation[1] - s.pad_before[1]};
  return s;
}

}  // namespace

/// Measured on AVX-512 against oneDNN, one thread: 1.0 to 2.3 times as fast here. With more
/// channels oneDNN's kernels are level or ahead, by up to a factor of two.
bool DirectConvolution::suits(const ConvolutionShape& s, ConvolutionPass pass, Level level) {
  if (level != Level::avx512 || s.groups != 1 || (s.kernel_w > 1 && s.dilation[1] != 1))
    return false;
  switch (pass) {
    case ConvolutionPass::forward:
      return s.c * s.out_c <= 128;
    case ConvolutionPass::input_gradient:
      return s.c <= 8 && s.stride[0] == 1 && s.stride[1] == 1;
    case ConvolutionPass::weight_gradient:
      return s.c * s.out_c <= 64;
  }
  return false;
}

DirectConvolution::DirectConvolution(const ConvolutionShape& shape, ConvolutionPass pass,
                                     Level level)
    : shape_(pass == ConvolutionPass::input_gradient ? turned(shape) : shape),
      pass_(pass),
      kernels_(gemm_kernels<float>(level)),
      tap_rows_((shape.kernel_h - 1) * shape.dilation[0] + 1) {
  const ConvolutionShape& s = shape_;
  const std::int64_t width = (s.out_w - 1) * s.stride[1] + s.kernel_w;  // that windows cover
  const std::int64_t height = (s.out_h - 1) * s.stride[0] + tap_rows_;
  const bool in_place =
      s.pad_before[0] == 0 && s.pad_before[1] == 0 && width <= s.w && height <= s.h;
  pitch_ = (in_place ? s.w : width) * s.c;
  const std::int64_t most_rows = (band_elements / pitch_ - tap_rows_) / s.stride[0] + 1;
  bands_ = divide_up(s.out_h, std::clamp<std::int64_t>(most_rows, 1, s.out_h));
  band_rows_ = divide_up(s.out_h, bands_);
  bands_ = divide_up(s.out_h, band_rows_);
  if (!in_place) staged_ = whole_lines(((band_rows_ - 1) * s.stride[0] + tap_rows_) * pitch_);
  std::int64_t units = s.n * bands_;
  if (pass == ConvolutionPass::weight_gradient) {
    units = blocks_ = std::min(units, enough_blocks);
    for (std::int64_t i = 0; i < s.kernel_h; ++i) {
      for (std::int64_t tap = 0; tap < s.kernel_w * s.c; ++tap)
        starts_.push_back(i * s.dilation[0] * pitch_ + tap);
    }
  } else {
    for (std::int64_t y = 0; y < band_rows_; ++y) {
      for (std::int64_t x = 0; x < s.out_w; ++x)
        starts_.push_back(y * s.stride[0] * pitch_ + x * s.stride[1] * s.c);
    }
  }
  slots_ = static_cast<int>(std::min<std::int64_t>(threads(), units));
}

std::int64_t DirectConvolution::weight_elements() const {
  return shape_.kernel_h * shape_.kernel_w * shape_.c * shape_.out_c;
}

/// Of one thread: the staged source, and the weight gradients of a band.
std::int64_t DirectConvolution::scratch_elements() const {
  return staged_ + (pass_ == ConvolutionPass::weight_gradient ? whole_lines(weight_elements()) : 0);
}

std::size_t DirectConvolution::workspace() const {
  const std::int64_t shared =
      pass_ == ConvolutionPass::forward ? 0 : blocks_ * whole_lines(weight_elements());
  return static_cast<std::size_t>(shared + slots_ * scratch_elements()) * sizeof(float);
}

void DirectConvolution::run(float* input, float* weights, float* output, std::byte* workspace,
                            const kernel::Epilogue* epilogue) const {
  auto* const memory = reinterpret_cast<float*>(workspace);
  switch (pass_) {
    case ConvolutionPass::forward:
      return correlate(input, weights, output, memory, epilogue);
    case ConvolutionPass::input_gradient:
      turn(weights, memory);
      return correlate(output, memory, input, memory + whole_lines(weight_elements()), epilogue);
    case ConvolutionPass::weight_gradient:
      return sum_products(input, output, weights, memory);
  }
}

/// Weights (i, j, c, o) become (-i, -j, o, c); `shape_` is that of the result.
void DirectConvolution::turn(const float* weights, float* turned) const {
  const std::int64_t taps = shape_.kernel_h * shape_.kernel_w;
  const std::int64_t size = shape_.c * shape_.out_c;
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    const float* const from = weights + (taps - 1 - tap) * size;
    float* const to = turned + tap * size;
    for (std::int64_t o = 0; o < shape_.out_c; ++o) {
      for (std::int64_t c = 0; c < shape_.c; ++c) to[c * shape_.out_c + o] = from[o * shape_.c + c];
    }
  }
}

/// The first of a band's rows in its image's output, and their number. Bands count from the first
/// image on.
std::int64_t DirectConvolution::first_row(std::int64_t band) const {
  return band % bands_ * band_rows_;
}
std::int64_t DirectConvolution::rows(std::int64_t band) const {
  return std::min(band_rows_, shape_.out_h - first_row(band));
}

/// Where the windows of a band begin: in the source or, with zeros around it, in `scratch`.
const float* DirectConvolution::stage(const float* source, std::int64_t band,
                                      float* scratch) const {
  const ConvolutionShape& s = shape_;
  const float* const image = source + band / bands_ * s.h * s.w * s.c;
  const std::int64_t top = first_row(band) * s.stride[0] - s.pad_before[0];
  if (staged_ == 0) return image + top * pitch_;
  const std::int64_t width = pitch_ / s.c;
  const std::int64_t before = std::clamp<std::int64_t>(s.pad_before[1], 0, width);
  const std::int64_t from = std::max<std::int64_t>(-s.pad_before[1], 0);
  const std::int64_t copied = std::clamp<std::int64_t>(s.w - from, 0, width - before);
  const std::int64_t height = (rows(band) - 1) * s.stride[0] + tap_rows_;
  std::fill_n(scratch, height * pitch_, 0.0F);
  const std::int64_t first = std::max<std::int64_t>(top, 0);
  const std::int64_t last = std::min(top + height, s.h);
  for (std::int64_t row = first; row < last; ++row) {
    std::copy_n(image + (row * s.w + from) * s.c, copied * s.c,
                scratch + (row - top) * pitch_ + before * s.c);
  }
  return scratch;
}

/// Any number of columns.
void DirectConvolution::multiply(const WindowTile<float>& tile) const {
  const std::int64_t lanes = kernels_.lanes;
  for_parts(divide_up(tile.columns, lanes), kernels_.vectors,
            [&](std::int64_t begin, std::int64_t end) {
              WindowTile<float> part = tile;
              part.columns = std::min(end * lanes, tile.columns) - begin * lanes;
              part.b += begin * lanes;
              part.c += begin * lanes;
              kernels_.windows(part);
            });
}

/// Rows of taps that meet the source in some row of the output from `first_row` to `last_row`; the
/// others meet nothing but padding.
DirectConvolution::Taps DirectConvolution::taps_of(std::int64_t first_row,
                                                   std::int64_t last_row) const {
  const std::int64_t upper = first_row * shape_.stride[0] - shape_.pad_before[0];
  const std::int64_t lower = last_row * shape_.stride[0] - shape_.pad_before[0];
  Taps taps{0, shape_.kernel_h};
  while (taps.begin < taps.end && lower + taps.begin * shape_.dilation[0] < 0) ++taps.begin;
  while (taps.begin < taps.end && upper + (taps.end - 1) * shape_.dilation[0] >= shape_.h)
    --taps.end;
  return taps;
}

/// A band of the output; `a` is its staged source and `c` its place. Windows slide by one pixel.
void DirectConvolution::slide(std::int64_t band, const float* a, const float* weights,
                              float* c) const {
  const ConvolutionShape& s = shape_;
  const std::int64_t tap = s.c * s.out_c;  // weights
  for (std::int64_t row = 0; row < rows(band); ++row) {
    const Taps taps = taps_of(first_row(band) + row, first_row(band) + row);
    for_parts(s.out_w, kernels_.sliding_rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t column = 0; column < s.out_c; column += kernels_.lanes) {
        kernels_.sliding(
            {.rows = end - begin,
             .columns = std::min(kernels_.lanes, s.out_c - column),
             .runs = taps.end - taps.begin,
             .taps = s.kernel_w,
             .depth = s.c,
             .a = a + (row * s.stride[0] + taps.begin * s.dilation[0]) * pitch_ + begin * s.c,
             .a_run = s.dilation[0] * pitch_,
             .a_step = s.c,
             .b = weights + taps.begin * s.kernel_w * tap + column,
             .b_run = s.kernel_w * tap,
             .b_tap = tap,
             .b_depth = s.out_c,
             .c = c + (row * s.out_w + begin) * s.out_c + column,
             .c_row = s.out_c});
      }
    });
  }
}

/// The same for any windows.
void DirectConvolution::step(std::int64_t band, const float* a, const float* weights,
                             float* c) const {
  const ConvolutionShape& s = shape_;
  const std::int64_t depth = s.kernel_w * s.c;
  for_parts(rows(band) * s.out_w, kernels_.rows, [&](std::int64_t begin, std::int64_t end) {
    const Taps taps =
        taps_of(first_row(band) + begin / s.out_w, first_row(band) + (end - 1) / s.out_w);
    multiply({.rows = end - begin,
              .columns = s.out_c,
              .runs = taps.end - taps.begin,
              .depth = depth,
              .a = a + taps.begin * s.dilation[0] * pitch_,
              .starts = starts_.data() + begin,
              .a_run = s.dilation[0] * pitch_,
              .a_depth = 1,
              .b = weights + taps.begin * depth * s.out_c,
              .b_run = depth * s.out_c,
              .b_depth = s.out_c,
              .c = c + begin * s.out_c,
              .c_row = s.out_c});
  });
}

void DirectConvolution::correlate(const float* source, const float* weights, float* target,
                                  float* scratch, const kernel::Epilogue* epilogue) const {
  const ConvolutionShape& s = shape_;
  const std::int64_t row = s.out_w * s.out_c;
  const double flops = 2.0 * static_cast<double>(weight_elements() * band_rows_ * s.out_w);
  const auto grain = static_cast<std::int64_t>(flops_worth_a_thread / flops) + 1;
  parallel_for_slots(
      s.n * bands_, grain, slots_, [&](int slot, std::int64_t begin, std::int64_t end) {
        for (std::int64_t band = begin; band < end; ++band) {
          const float* const a = stage(source, band, scratch + slot * scratch_elements());
          const std::int64_t first = (band / bands_ * s.out_h + first_row(band)) * row;
          if (s.stride[1] == 1) {
            slide(band, a, weights, target + first);
          } else {
            step(band, a, weights, target + first);
          }
          if (epilogue != nullptr) (*epilogue)(first, first + rows(band) * row);
        }
      });
}

void DirectConvolution::sum_products(const float* source, const float* gradient, float* result,
                                     float* workspace) const {
  const ConvolutionShape& s = shape_;
  const std::int64_t count = weight_elements();
  const std::int64_t distance = whole_lines(count);
  const auto taps = static_cast<std::int64_t>(starts_.size());
  const auto compute = [&](std::int64_t band, float* sums, float* staged) {
    const float* const a = stage(source, band, staged);
    const float* const b =
        gradient + (band / bands_ * s.out_h + first_row(band)) * s.out_w * s.out_c;
    for_parts(taps, kernels_.rows, [&](std::int64_t begin, std::int64_t end) {
      multiply({.rows = end - begin,
                .columns = s.out_c,
                .runs = rows(band),
                .depth = s.out_w,
                .a = a,
                .starts = starts_.data() + begin,
                .a_run = s.stride[0] * pitch_,
                .a_depth = s.stride[1] * s.c,
                .b = b,
                .b_run = s.out_w * s.out_c,
                .b_depth = s.out_c,
                .c = sums + begin * s.out_c,
                .c_row = s.out_c});
    });
  };
  float* const scratch = workspace + blocks_ * distance;
  parallel_for_slots(blocks_, 1, slots_, [&](int slot, std::int64_t begin, std::int64_t end) {
    float* const band_sums = scratch + slot * scratch_elements();
    float* const staged = band_sums + distance;
    for (std::int64_t block = begin; block < end; ++block) {
      float* const sums = workspace + block * distance;
      const std::int64_t first = part_begin(s.n * bands_, blocks_, block);
      const std::int64_t last = part_begin(s.n * bands_, blocks_, block + 1);
      compute(first, sums, staged);
      for (std::int64_t band = first + 1; band < last; ++band) {
        compute(band, band_sums, staged);
        for (std::int64_t e = 0; e < count; ++e) sums[e] += band_sums[e];
      }
    }
  });
  add_buffers(workspace, distance, blocks_);
  std::copy_n(workspace, count, result);
}

}  // namespace rill::cpu
