#include "libraries.h"

#include <dlfcn.h>

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include <dnnl.hpp>

#include <rill/cpu/blas.h>
#include <rill/tensor/threads.h>

namespace rill::bench {
namespace {

// ---- Products ---------------------------------------------------------------------------------

template <class T>
using Gemm = void (*)(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);

/// OpenBLAS's function of that name, in the copy that rill has loaded; null when there is none.
template <class T>
Gemm<T> openblas(const char* name) {
  if (!cpu::blas::available()) return nullptr;
  void* const library = dlopen("libopenblas.so.0", RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
  return library == nullptr ? nullptr : reinterpret_cast<Gemm<T>>(dlsym(library, name));
}

template <class T>
void call(Gemm<T> gemm, int n, const T* a, const T* b, T* c) {
  constexpr int row_major = 101;
  constexpr int as_stored = 111;
  gemm(row_major, as_stored, as_stored, n, n, n, T{1}, a, n, b, n, T{0}, c, n);
}

void call_onednn(std::int64_t n, const float* a, const float* b, float* c) {
  dnnl_sgemm('N', 'N', n, n, n, 1.0F, a, n, b, n, 0.0F, c, n);
}

template <class T>
struct Matrices {
  explicit Matrices(std::size_t size) : a(size, T{1}), b(size, T{1}), c(size) {}
  std::vector<T> a, b, c;
};

template <class T>
std::shared_ptr<Matrices<T>> matrices(std::int64_t size) {
  return std::make_shared<Matrices<T>>(static_cast<std::size_t>(size));
}

// ---- Convolutions -----------------------------------------------------------------------------

using dnnl::algorithm;
using dnnl::memory;

/// A primitive between tensors in rill's layouts: reorders, the primitive itself, reorders.
class Layouts {
 public:
  explicit Layouts(const dnnl::engine& engine) : engine_(engine), stream_(engine) {}

  void input(int argument, const memory::desc& given, const memory::desc& wanted) {
    const memory from(given, engine_);
    arguments_[argument] = from;
    if (given == wanted) return;
    const memory to(wanted, engine_);
    before_.push_back({dnnl::reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}});
    arguments_[argument] = to;
  }
  void output(int argument, const memory::desc& wanted, const memory::desc& given) {
    const memory to(wanted, engine_);
    arguments_[argument] = to;
    if (given == wanted) return;
    const memory from(given, engine_);
    after_.push_back({dnnl::reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}});
    arguments_[argument] = from;
  }
  void primitive(const dnnl::primitive& primitive) { primitive_ = primitive; }

  void run() {
    for (const Step& step : before_) step.primitive.execute(stream_, step.arguments);
    primitive_.execute(stream_, arguments_);
    for (const Step& step : after_) step.primitive.execute(stream_, step.arguments);
    stream_.wait();
  }

 private:
  using Arguments = std::unordered_map<int, memory>;
  struct Step {
    dnnl::primitive primitive;
    Arguments arguments;
  };

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  Arguments arguments_;
  std::vector<Step> before_, after_;
};

struct Descriptions {
  memory::desc images, filters;
};

Descriptions describe(std::int64_t batch, std::int64_t channels, std::int64_t size,
                      memory::format_tag images, memory::format_tag filters) {
  constexpr auto f32 = memory::data_type::f32;
  return {{{batch, channels, size, size}, f32, images}, {{channels, channels, 3, 3}, f32, filters}};
}

/// Throws `dnnl::error` when there is no such algorithm for this machine.
std::shared_ptr<Layouts> convolution(ConvolutionPart part, algorithm algorithm,
                                     const Descriptions& given, const Descriptions& free) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const memory::dims ones{1, 1};
  const memory::desc& x = free.images;
  const memory::desc& w = free.filters;
  const auto layouts = std::make_shared<Layouts>(engine);
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, algorithm, x, w, x, ones, ones, ones}, engine);
  if (part == ConvolutionPart::forward) {
    layouts->input(DNNL_ARG_SRC, given.images, forward.src_desc());
    layouts->input(DNNL_ARG_WEIGHTS, given.filters, forward.weights_desc());
    layouts->primitive(dnnl::convolution_forward(forward));
    layouts->output(DNNL_ARG_DST, given.images, forward.dst_desc());
  } else if (part == ConvolutionPart::input_gradient) {
    const dnnl::convolution_backward_data::primitive_desc backward(
        {algorithm, x, w, x, ones, ones, ones}, engine, forward);
    layouts->input(DNNL_ARG_DIFF_DST, given.images, backward.diff_dst_desc());
    layouts->input(DNNL_ARG_WEIGHTS, given.filters, backward.weights_desc());
    layouts->primitive(dnnl::convolution_backward_data(backward));
    layouts->output(DNNL_ARG_DIFF_SRC, given.images, backward.diff_src_desc());
  } else {
    const dnnl::convolution_backward_weights::primitive_desc backward(
        {algorithm, x, w, x, ones, ones, ones}, engine, forward);
    layouts->input(DNNL_ARG_SRC, given.images, backward.src_desc());
    layouts->input(DNNL_ARG_DIFF_DST, given.images, backward.diff_dst_desc());
    layouts->primitive(dnnl::convolution_backward_weights(backward));
    layouts->output(DNNL_ARG_DIFF_WEIGHTS, given.filters, backward.diff_weights_desc());
  }
  return layouts;
}

}  // namespace

std::vector<Floor> direct_matmul(std::int64_t n, DType dtype) {
  const int size = static_cast<int>(n);
  std::vector<Floor> floors;
  if (dtype == DType::float64) {
    const auto m = matrices<double>(n * n);
    if (const auto gemm = openblas<double>("cblas_dgemm"); gemm != nullptr) {
      floors.push_back({.name = "OpenBLAS dgemm",
                        .run = [=] { call(gemm, size, m->a.data(), m->b.data(), m->c.data()); }});
    }
    return floors;
  }
  const auto m = matrices<float>(n * n);
  floors.push_back({.name = "oneDNN sgemm",
                    .run = [=] { call_onednn(n, m->a.data(), m->b.data(), m->c.data()); }});
  if (const auto gemm = openblas<float>("cblas_sgemm"); gemm != nullptr) {
    floors.push_back({.name = "OpenBLAS sgemm",
                      .run = [=] { call(gemm, size, m->a.data(), m->b.data(), m->c.data()); }});
  }
  return floors;
}

std::vector<Floor> direct_batched_matmul(std::int64_t count, std::int64_t n) {
  const int size = static_cast<int>(n);
  const auto m = matrices<float>(count * n * n);
  std::vector<Floor> floors;
  floors.push_back({.name = "oneDNN sgemm, in a loop", .run = [=] {
#pragma omp parallel for num_threads(threads())
                      for (std::int64_t i = 0; i < count; ++i) {
                        const std::int64_t at = i * n * n;
                        call_onednn(n, m->a.data() + at, m->b.data() + at, m->c.data() + at);
                      }
                    }});
  if (const auto gemm = openblas<float>("cblas_sgemm"); gemm != nullptr) {
    floors.push_back({.name = "OpenBLAS sgemm, in a loop", .run = [=] {
#pragma omp parallel for num_threads(threads())
                        for (std::int64_t i = 0; i < count; ++i) {
                          const std::int64_t at = i * n * n;
                          call(gemm, size, m->a.data() + at, m->b.data() + at, m->c.data() + at);
                        }
                      }});
  }
  return floors;
}

std::vector<Floor> direct_convolution(ConvolutionPart part, std::int64_t batch,
                                      std::int64_t channels, std::int64_t size) {
  using Tag = memory::format_tag;
  const Descriptions given = describe(batch, channels, size, Tag::nhwc, Tag::hwio);
  struct Choice {
    const char* name;
    dnnl::algorithm algorithm;
    Tag images;
  };
  std::vector<Floor> floors;
  for (const Choice& choice :
       {Choice{"oneDNN, direct", algorithm::convolution_direct, Tag::nhwc},
        Choice{"oneDNN, direct, blocked", algorithm::convolution_direct, Tag::any},
        Choice{"oneDNN, Winograd", algorithm::convolution_winograd, Tag::any}}) {
    try {
      const auto layouts = convolution(part, choice.algorithm, given,
                                       describe(batch, channels, size, choice.images, Tag::any));
      floors.push_back({.name = choice.name, .run = [=] { layouts->run(); }});
    } catch (const dnnl::error&) {
      continue;  // not every machine has every algorithm
    }
  }
  return floors;
}

}  // namespace rill::bench
