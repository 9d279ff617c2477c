// The layers of networks. Images and filters of ONNX's are (n, c, h, w) and (out, in, h, w), rill's
// (n, h, w, c) and (h, w, in, out).
#include <algorithm>

#include <rill/ops/activation.h>
#include <rill/ops/call.h>
#include <rill/ops/conversion.h>
#include <rill/ops/convolution.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/join.h>
#include <rill/ops/linalg.h>
#include <rill/ops/normalization.h>
#include <rill/ops/pooling.h>
#include <rill/ops/recurrent.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/ops/softmax.h>
#include <rill/trace/onnx/imported_node.h>

namespace rill::onnx {
namespace {

// ---- Products ---------------------------------------------------------------------------------

void gemm(ImportedNode& n) {
  const double alpha = n.real("alpha", 1), beta = n.real("beta", 1);
  Tensor result = matmul(
      n.in(0), n.in(1),
      {.transpose_a = n.integer("transA", 0) != 0, .transpose_b = n.integer("transB", 0) != 0});
  if (alpha != 1) result = result * alpha;
  if (n.has(2) && beta != 0) result = result + (beta == 1 ? n.in(2) : n.in(2) * beta);
  n.out(result);
}

// ---- Windows ----------------------------------------------------------------------------------

/// What a window does along height and width. Of one axis, height is 1.
struct Window {
  std::array<int, 2> extent{1, 1};
  std::array<int, 2> stride{1, 1};
  std::array<int, 2> dilation{1, 1};
  std::array<int, 2> before{}, after{};
  bool line = false;  ///< of one axis

  [[nodiscard]] WindowPadding padding() const { return {before, after}; }
  [[nodiscard]] bool padded() const {
    return before[0] != 0 || before[1] != 0 || after[0] != 0 || after[1] != 0;
  }
};

int small(ImportedNode& n, std::int64_t number, std::int64_t least) {
  constexpr std::int64_t most = std::int64_t{1} << 20;
  if (number < least || number > most)
    n.fail("has the number " + std::to_string(number) + " among what its windows do");
  return static_cast<int>(number);
}

/// By the attributes; `extent` is the window's size where a node need not say it.
Window window(ImportedNode& n, const Tensor& x, std::optional<std::vector<Dim>> extent = {}) {
  const int axes = x.rank() - 2;
  if (axes != 1 && axes != 2)
    n.fail("takes images (n, c, h, w) or sequences (n, c, w), not " + x.type_text());
  Window w;
  w.line = axes == 1;
  const auto read = [&](const char* name, std::array<int, 2>& into, std::int64_t least) {
    const auto given = n.integers(name);
    if (!given) return;
    if (static_cast<int>(given->size()) != axes)
      n.fail(std::string("has another number of ") + name + " than axes");
    for (int d = 0; d < axes; ++d)
      into[static_cast<std::size_t>(d + 2 - axes)] =
          small(n, (*given)[static_cast<std::size_t>(d)], least);
  };
  if (extent) {
    for (int d = 0; d < axes; ++d) {
      const Dim size = (*extent)[static_cast<std::size_t>(d)];
      if (!size.known()) n.fail("has windows of unknown size");
      w.extent[static_cast<std::size_t>(d + 2 - axes)] = small(n, size.value(), 1);
    }
  } else if (!n.has("kernel_shape")) {
    n.fail("does not say how large its windows are");
  }
  read("kernel_shape", w.extent, 1);
  read("strides", w.stride, 1);
  read("dilations", w.dilation, 1);
  const std::string automatic = n.text("auto_pad", "NOTSET");
  const auto pads = n.integers("pads");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    for (std::size_t d = static_cast<std::size_t>(2 - axes); d < 2; ++d) {
      const Dim size = x.shape()[static_cast<int>(d) + x.rank() - 2];
      if (!size.known()) n.fail("pads images of unknown size by " + automatic);
      const std::int64_t count = (size.value() + w.stride[d] - 1) / w.stride[d];
      const std::int64_t reach = std::int64_t{w.extent[d] - 1} * w.dilation[d] + 1;
      const std::int64_t total =
          std::max<std::int64_t>((count - 1) * w.stride[d] + reach - size.value(), 0);
      const std::int64_t less = total / 2;
      w.before[d] = small(n, automatic == "SAME_UPPER" ? less : total - less, 0);
      w.after[d] = small(n, automatic == "SAME_UPPER" ? total - less : less, 0);
    }
  } else if (automatic != "NOTSET" && automatic != "VALID") {
    n.fail("pads by " + automatic);
  } else if (pads && automatic == "NOTSET") {
    if (static_cast<int>(pads->size()) != 2 * axes) n.fail("has not two pads for each axis");
    for (int d = 0; d < axes; ++d) {
      w.before[static_cast<std::size_t>(d + 2 - axes)] =
          small(n, (*pads)[static_cast<std::size_t>(d)], 0);
      w.after[static_cast<std::size_t>(d + 2 - axes)] =
          small(n, (*pads)[static_cast<std::size_t>(d) + static_cast<std::size_t>(axes)], 0);
    }
  }
  return w;
}

/// (n, c, w) as (n, c, 1, w), and back.
Tensor as_image(const Tensor& x) { return x.rank() == 3 ? expand_dims(x, 2) : x; }
Tensor as_given(const Tensor& y, const Window& w) { return w.line ? squeeze(y, 2) : y; }

std::vector<Dim> last_sizes(const Tensor& filters) {
  return {filters.shape().begin() + 2, filters.shape().end()};
}

/// One number per channel, beside (n, c, h, w).
Tensor with_bias(ImportedNode& n, const Tensor& y) {
  return n.has(2) ? y + reshape(n.in(2), {-1, 1, 1}) : y;
}

void conv(ImportedNode& n) {
  const Tensor &x = n.in(0), &filters = n.in(1);
  if (filters.rank() != x.rank())
    n.fail("takes filters (out, in, h, w) beside images (n, c, h, w)");
  const Window w = window(n, x, last_sizes(filters));
  const Tensor y = conv2d(as_image(x), transpose(as_image(filters), {2, 3, 1, 0}),
                          {.stride = w.stride,
                           .padding = w.padding(),
                           .dilation = w.dilation,
                           .groups = small(n, n.integer("group", 1), 1),
                           .layout = ImageLayout::nchw});
  n.out(as_given(with_bias(n, y), w));
}

/// The gradient of a convolution with regard to its images.
void conv_transpose(ImportedNode& n) {
  const Tensor &given = n.in(0), &filters = n.in(1);
  if (filters.rank() != given.rank())
    n.fail("takes filters (in, out, h, w) beside images (n, c, h, w)");
  if (n.has("output_shape")) n.fail("the attribute 'output_shape' is not known");
  if (n.text("auto_pad", "NOTSET").starts_with("SAME")) n.fail("pads by the size of its result");
  const Window w = window(n, given, last_sizes(filters));
  const Tensor x = transpose(as_image(given), {0, 2, 3, 1});
  const auto rest =
      n.integers("output_padding").value_or(std::vector<std::int64_t>(w.line ? 1 : 2, 0));
  if (rest.size() != (w.line ? 1U : 2U)) n.fail("has another number of output_padding than axes");
  Shape image, stride, dilation, before, after;
  for (std::size_t d = 0; d < 2; ++d) {
    const bool has_rest = !w.line || d == 1;
    const std::int64_t own = has_rest ? rest[w.line ? 0 : d] : 0;
    const Dim places = x.shape()[static_cast<int>(d) + 1];
    const Dim covered =
        (places - 1) * w.stride[d] + std::int64_t{w.extent[d] - 1} * w.dilation[d] + 1;
    image.push_back(covered - w.before[d] - w.after[d] + small(n, own, 0));
    stride.push_back(w.stride[d]);
    dilation.push_back(w.dilation[d]);
    before.push_back(w.before[d]);
    after.push_back(w.after[d]);
  }
  const Op& op = *find_op("conv2d_input_gradient");
  Attributes attributes = Attributes::of(op.attributes());
  attributes.set("stride", stride);
  attributes.set("dilation", dilation);
  attributes.set("pad_before", before);
  attributes.set("pad_after", after);
  attributes.set("image", image);
  attributes.set("groups", std::int64_t{small(n, n.integer("group", 1), 1)});
  const Tensor y = call(op, x, transpose(as_image(filters), {2, 3, 1, 0}), attributes);
  n.out(as_given(with_bias(n, transpose(y, {0, 3, 1, 2})), w));
}

/// Windows that end outside the image count as well: padding after it for the last of them.
void reach_up(ImportedNode& n, const Tensor& x, Window& w) {
  for (std::size_t d = w.line ? 1 : 0; d < 2; ++d) {
    const Dim size = x.shape()[static_cast<int>(d) + x.rank() - 2];
    if (!size.known()) n.fail("rounds up the number of windows over images of unknown size");
    const std::int64_t free = size.value() + w.before[d] + w.after[d] - w.extent[d];
    std::int64_t places = (free + w.stride[d] - 1) / w.stride[d] + 1;
    // The last one begins inside the image, or before it.
    if ((places - 1) * w.stride[d] >= size.value() + w.before[d]) --places;
    const std::int64_t needed = (places - 1) * w.stride[d] - free;
    if (needed > 0) w.after[d] += small(n, needed, 0);
  }
}

Window pool_window(ImportedNode& n, const Tensor& x) {
  Window w = window(n, x);
  if (w.dilation != std::array{1, 1}) n.fail("has dilations, which rill's pooling does not");
  if (n.integer("ceil_mode", 0) != 0) reach_up(n, x, w);
  return w;
}

void max_pool(ImportedNode& n) {
  const Tensor& x = n.in(0);
  n.ignore("storage_order");  // of the second result, which is refused
  const Window w = pool_window(n, x);
  n.out(as_given(
      max_pool2d(as_image(x), w.extent,
                 {.stride = w.stride, .padding = w.padding(), .layout = ImageLayout::nchw}),
      w));
}

void average_pool(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const bool counts_padding = n.integer("count_include_pad", 0) != 0;
  const bool rounds_up = n.integer("ceil_mode", 0) != 0;
  Window w = pool_window(n, x);
  Tensor image = as_image(x);
  if (counts_padding && w.padded()) {
    if (rounds_up) n.fail("counts padding and rounds up the number of windows");
    Shape shape = image.shape(), first{0, 0}, step{1, 1, 1, 1};
    for (int d = 0; d < 2; ++d) {
      const auto at = static_cast<std::size_t>(d);
      first.push_back(w.before[at]);
      shape[2 + d] = shape[2 + d] + w.before[at] + w.after[at];
    }
    image =
        update_slice(n.builder().full(shape, 0, image.dtype()), image, first, step, image.shape());
    w.before = w.after = {};
  }
  n.out(as_given(
      avg_pool2d(image, w.extent,
                 {.stride = w.stride, .padding = w.padding(), .layout = ImageLayout::nchw}),
      w));
}

template <Tensor (*fold)(const Tensor&, const Axes&, const ReduceOptions&, Where)>
void global_pool(ImportedNode& n) {
  const Tensor& x = n.in(0);
  if (x.rank() < 3) n.fail("takes images (n, c, ...)");
  Axes axes;
  for (int d = 2; d < x.rank(); ++d) axes.push_back(d);
  n.out(fold(x, axes, {.keepdims = true}, {}));
}

// ---- Normalisation ----------------------------------------------------------------------------

void batch_normalization(ImportedNode& n) {
  n.ignore("momentum");
  n.ignore("spatial");
  n.only("training_mode", 0);
  const Tensor& x = n.in(0);
  if (x.rank() < 2) n.fail("takes (n, c, ...)");
  n.out(batch_norm_with(x, n.in(1), n.in(2), n.in(3), n.in(4),
                        {.axis = 1, .epsilon = n.real("epsilon", 1e-5)}));
}

void layer_normalization(ImportedNode& n) {
  n.ignore("stash_type");  // statistics are at least float32
  const Tensor& x = n.in(0);
  const int first = n.axis(n.integer("axis", -1), x.rank());
  Axes axes;
  Shape sizes;
  for (int d = first; d < x.rank(); ++d) {
    axes.push_back(d);
    sizes.push_back(x.shape()[d]);
  }
  const auto own = [&](const Tensor& t) { return t.shape() == sizes ? t : broadcast_to(t, sizes); };
  const Tensor shift = n.has(2) ? own(n.in(2)) : n.builder().full(sizes, 0, x.dtype());
  const Op& op = *find_op("layer_norm");
  Attributes attributes = Attributes::of(op.attributes());
  attributes.set("axes", axes);
  attributes.set("epsilon", n.real("epsilon", 1e-5));
  const auto made = call_for<3>(op, {x, own(n.in(1)), shift}, attributes, {});
  for (int k = 0; k < 3; ++k) n.out(k, made[static_cast<std::size_t>(k)]);
}

/// (x - mean) / sqrt(variance + epsilon) over all axes but the first two.
Tensor normalized_images(const Tensor& x, double epsilon) {
  Axes axes;
  for (int d = 2; d < x.rank(); ++d) axes.push_back(d);
  const Tensor centred = x - mean(x, axes, {.keepdims = true});
  return centred * rsqrt(mean(square(centred), axes, {.keepdims = true}) + epsilon);
}

/// One number per channel, beside (n, c, ...).
Tensor per_channel(const Tensor& vector, const Tensor& x) {
  Shape shape{vector.shape().size()};
  for (int d = 2; d < x.rank(); ++d) shape.push_back(1);
  return reshape(vector, shape);
}

void instance_normalization(ImportedNode& n) {
  const Tensor& x = n.in(0);
  if (x.rank() < 3) n.fail("takes images (n, c, ...)");
  n.out(normalized_images(x, n.real("epsilon", 1e-5)) * per_channel(n.in(1), x) +
        per_channel(n.in(2), x));
}

void group_normalization(ImportedNode& n) {
  if (n.operator_set() < 21) n.fail("before operator set 21 means something else");
  n.ignore("stash_type");
  const Tensor& x = n.in(0);
  const std::int64_t groups = n.integer("num_groups", 0);
  if (x.rank() < 3 || groups < 1) n.fail("takes images (n, c, ...) and a number of groups");
  const Tensor grouped = reshape(x, {x.shape()[0], groups, -1});
  n.out(reshape(normalized_images(grouped, n.real("epsilon", 1e-5)), x.shape()) *
            per_channel(n.in(1), x) +
        per_channel(n.in(2), x));
}

/// Before set 13 along all axes from one on, as if they were one.
template <Tensor (*along)(const Operand&, int)>
void softmax_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  if (n.operator_set() >= 13) return n.out(along(x, n.axis(n.integer("axis", -1), x.rank())));
  const int axis = n.axis(n.integer("axis", 1), x.rank());
  Dim rows = 1, columns = 1;
  for (int d = 0; d < x.rank(); ++d) {
    Dim& side = d < axis ? rows : columns;
    side = side * x.shape()[d];
  }
  n.out(axis == x.rank() - 1 ? along(x, -1)
                             : reshape(along(reshape(x, {rows, columns}), -1), x.shape()));
}

void dropout(ImportedNode& n) {
  n.ignore("ratio");
  n.ignore("seed");
  if (n.has(2)) {
    const Silence silence;
    if (n.known(2).item<bool>())
      n.fail("drops elements at random: rill runs it after training only");
  }
  n.out(n.in(0));
}

// ---- Recurrence -------------------------------------------------------------------------------

/// One direction of (t, b, i): hidden states (t, b, h), and the last state of each kind.
Lstm one_direction(ImportedNode& n, const Tensor& x, int direction, bool backwards, Dim units) {
  // (directions, 4 h, i) with the gates input, output, forget, cell.
  const auto part = [&](const Tensor& t) {
    Shape first, step, size = t.shape();
    for (int d = 0; d < t.rank(); ++d) {
      first.push_back(d == 0 ? direction : 0);
      step.push_back(1);
    }
    size[0] = 1;
    return squeeze(strided_slice(t, first, step, size), 0);
  };
  const auto gates = [](const Tensor& t) {
    const auto gate = split(t, 4, 0);
    return concat({gate[0], gate[2], gate[3], gate[1]});
  };
  const auto weights = [&](int k) { return transpose(gates(part(n.in(k))), {1, 0}); };
  const Shape state{x.shape()[1], units};
  const auto start = [&](int k) {
    return n.has(k) ? part(n.in(k)) : n.builder().full(state, 0, x.dtype());
  };
  Tensor bias = n.builder().full({units * 4}, 0, x.dtype());
  if (n.has(3)) {
    const auto both = split(part(n.in(3)), 2, 0);
    bias = gates(both[0]) + gates(both[1]);
  }
  const Tensor sequence = backwards ? flip(x, 0) : x;
  Lstm result = lstm(sequence, weights(1), weights(2), bias, {.h = start(5), .c = start(6)});
  if (backwards) result.outputs = flip(result.outputs, 0);
  return result;
}

void lstm_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  n.only("input_forget", 0);
  n.only("layout", 0);
  for (const char* name : {"clip", "activation_alpha", "activation_beta"}) {
    if (n.has(name)) n.fail(std::string("the attribute '") + name + "' is not known");
  }
  if (n.has(4)) n.fail("takes sequences of one length only");
  if (n.has(7)) n.fail("has peepholes, which rill's does not");
  const std::string direction = n.text("direction", "forward");
  const bool both = direction == "bidirectional";
  if (!both && direction != "forward" && direction != "reverse") n.fail("goes " + direction);
  if (const auto activations = n.texts("activations")) {
    for (std::size_t i = 0; i < activations->size(); ++i) {
      if ((*activations)[i] != (i % 3 == 0 ? "Sigmoid" : "Tanh"))
        n.fail("has the activation " + (*activations)[i]);
    }
  }
  const Tensor& recurrent = n.in(2);
  if (x.rank() != 3 || n.in(1).rank() != 3 || recurrent.rank() != 3)
    n.fail("takes (time, batch, features) and weights of three axes");
  const Dim units = recurrent.shape()[2];
  n.ignore("hidden_size");  // as the weights say
  std::vector<Tensor> outputs, h, c;
  for (int k = 0; k < (both ? 2 : 1); ++k) {
    const Lstm made = one_direction(n, x, k, direction == "reverse" || k == 1, units);
    outputs.push_back(expand_dims(made.outputs, 1));
    h.push_back(expand_dims(made.h, 0));
    c.push_back(expand_dims(made.c, 0));
  }
  if (n.wants(0)) n.out(0, concat(outputs, 1));  // (t, directions, b, h)
  if (n.wants(1)) n.out(1, concat(h, 0));
  if (n.wants(2)) n.out(2, concat(c, 0));
}

constexpr Conversion network_table[] = {
    {"MatMul", [](ImportedNode& n) { n.out(matmul(n.in(0), n.in(1))); }},
    {"Gemm", &gemm},
    {"Conv", &conv},
    {"ConvTranspose", &conv_transpose},
    {"MaxPool", &max_pool},
    {"AveragePool", &average_pool},
    {"GlobalAveragePool", &global_pool<&mean>},
    {"GlobalMaxPool", &global_pool<&max>},
    {"BatchNormalization", &batch_normalization},
    {"LayerNormalization", &layer_normalization},
    {"InstanceNormalization", &instance_normalization},
    {"GroupNormalization", &group_normalization},
    {"Softmax", &softmax_node<&softmax>},
    {"LogSoftmax", &softmax_node<&log_softmax>},
    {"Dropout", &dropout},
    {"LSTM", &lstm_node},
};

}  // namespace

std::span<const Conversion> network_conversions() { return network_table; }

}  // namespace rill::onnx
