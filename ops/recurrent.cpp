#include <rill/ops/recurrent.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include <rill/kernel/math.h>
#include <rill/ops/axes.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/composition.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/join.h>
#include <rill/ops/known_call.h>
#include <rill/ops/linalg.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/index.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

namespace math = kernel::math;

// ---- One step's gates -------------------------------------------------------------------------

/// The four gates of the point (row, unit), in a tensor (rows, 4 units).
std::array<Value, 4> gates_at(Body& b, int k) {
  std::array<Value, 4> gates;
  for (int gate = 0; gate < 4; ++gate) {
    gates[static_cast<std::size_t>(gate)] = b.in(k, {b.at(0), b.at(1) + b.extent(1) * gate});
  }
  return gates;
}

void out_gates(Body& b, int k, const std::array<Value, 4>& gates) {
  for (int gate = 0; gate < 4; ++gate) {
    b.out_at(k, std::array{b.at(0), b.at(1) + b.extent(1) * gate},
             gates[static_cast<std::size_t>(gate)]);
  }
}

/// Inputs are (rows, 4 units) where `wide` says so, else (rows, units).
/// Gives the dtype in which all are computed.
DType require_gates(Infer& i, std::span<const bool> wide) {
  const DType dtype = i.promoted();
  i.require_dtype(is_float(dtype), "takes floats");
  i.convert(dtype);
  const auto narrow = static_cast<int>(std::find(wide.begin(), wide.end(), false) - wide.begin());
  bool fits = i.rank(narrow) == 2;
  for (int k = 0; fits && k < static_cast<int>(wide.size()); ++k) {
    const Dim units = i.shape(narrow)[1] * (wide[static_cast<std::size_t>(k)] ? 4 : 1);
    fits = equal_sizes(i.shape(k), {i.shape(narrow)[0], units});
  }
  if (!fits) i.fail<ShapeError>("takes gates (rows, 4 units) and state (rows, units)");
  return dtype;
}

/// h', c' and the gates, of two summands of z, of c, and of a bias (4 units) where the first
/// summand lacks it.
void gates_rule(Infer& i) {
  const DType dtype = require_gates(i, std::array{true, true, false});
  if (i.inputs() > 3 && !equal_sizes(i.shape(3), {i.shape(0)[1]}))
    i.fail<ShapeError>("takes a bias (4 units)");
  i.out(dtype, i.shape(2));
  i.out(dtype, i.shape(2));
  i.out(dtype, i.shape(0));
}

void gates_body(Body& b) {
  auto x = gates_at(b, 0);
  const auto r = gates_at(b, 1);
  for (int gate = 0; b.inputs() > 3 && gate < 4; ++gate) {
    Value& summand = x[static_cast<std::size_t>(gate)];
    summand = summand + b.in(3, {b.at(1) + b.extent(1) * gate});
  }
  const Value i = math::sigmoid(x[0] + r[0]);
  const Value f = math::sigmoid(x[1] + r[1]);
  const Value g = math::tanh(x[2] + r[2]);
  const Value o = math::sigmoid(x[3] + r[3]);
  const Value c = f * b.in(2) + i * g;
  b.out(0, o * math::tanh(c));
  b.out(1, c);
  out_gates(b, 2, {i, f, g, o});
}

/// dz and dc before the step, of the gates, c before, c after, dh and dc.
void gates_gradient_rule(Infer& i) {
  const DType dtype = require_gates(i, std::array{true, false, false, false, false});
  i.out(dtype, i.shape(1));
  i.out(dtype, i.shape(0));
}

void gates_gradient_body(Body& b) {
  const auto [i, f, g, o] = gates_at(b, 0);
  const Value before = b.in(1);
  const Value top = math::tanh(b.in(2));
  const Value dh = b.in(3);
  const Value d = b.in(4) + dh * o * (1.0 - top * top);
  b.out(0, d * f);
  out_gates(b, 1,
            {d * g * i * (1.0 - i), d * before * f * (1.0 - f), d * i * (1.0 - g * g),
             dh * top * o * (1.0 - o)});
}

std::vector<Tensor> parts(const Tensor& gates) { return split(gates, 4, -1); }

/// The derivative of the formulas above, term by term.
void gates_gradient_gradient(Grad& g) {
  const auto gate = parts(g.x(0));
  const Tensor &i = gate[0], &f = gate[1], &cell = gate[2], &o = gate[3];
  const Tensor &before = g.x(1), &dh = g.x(3);
  const Tensor top = tanh(g.x(2));
  const Tensor s = 1 - top * top;
  const Tensor d = g.x(4) + dh * o * s;
  const Tensor vc = g.dy(0);
  const auto v = parts(g.dy(1));
  const Tensor i1 = i * (1 - i);
  const Tensor f1 = f * (1 - f);
  const Tensor o1 = o * (1 - o);
  const Tensor g1 = 1 - cell * cell;
  const Tensor w = v[0] * cell * i1 + v[1] * before * f1 + v[2] * i * g1 + vc * f;
  if (g.wants(0)) {
    const Tensor di = d * (v[0] * cell * (1 - 2 * i) + v[2] * g1);
    const Tensor df = d * (v[1] * before * (1 - 2 * f) + vc);
    const Tensor dg = d * (v[0] * i1 - 2 * v[2] * i * cell);
    const Tensor d_o = dh * (w * s + v[3] * top * (1 - 2 * o));
    g.to(0, concat(std::vector<Tensor>{di, df, dg, d_o}, -1));
  }
  if (g.wants(1)) g.to(1, v[1] * d * f1);
  if (g.wants(2)) g.to(2, dh * s * (v[3] * o1 - 2 * w * o * top));
  if (g.wants(3)) g.to(3, w * o * s + v[3] * top * o1);
  if (g.wants(4)) g.to(4, w);
}

/// How far a gate moves with its z: of sigmoids a (1 - a), of the cell gate 1 - a^2.
Tensor slope(const Tensor& gates) {
  const auto gate = parts(gates);
  return concat(std::vector<Tensor>{gate[0] * (1 - gate[0]), gate[1] * (1 - gate[1]),
                                    1 - gate[2] * gate[2], gate[3] * (1 - gate[3])},
                -1);
}

std::array<Tensor, 2> gates_gradient(const Tensor& gates, const Tensor& before, const Tensor& after,
                                     const Tensor& dh, const Tensor& dc);

void gates_backward(Grad& g) {
  const Tensor& gates = g.y(2);
  auto [dc, dz] = gates_gradient(gates, g.x(2), g.y(1), g.dy(0), g.dy(1));
  if (g.flows(2)) dz = dz + g.dy(2) * slope(gates);
  g.to(0, dz);
  g.to(1, dz);
  g.to(2, dc);
  if (g.inputs() > 3) g.to(3, dz);
}

// ---- The layer --------------------------------------------------------------------------------
// Inputs: x (t, b, i), input weights (i, 4h), recurrent weights (h, 4h), bias (4h), h (b, h), c (b,
// h). Results: hidden states (t, b, h), cells (t, b, h), gates (t, b, 4h).

void lstm_rule(Infer& i) {
  const DType dtype = i.promoted();
  i.require_dtype(is_float(dtype), "takes floats");
  i.convert(dtype);
  const Shape& x = i.shape(0);
  const Shape& u = i.shape(2);
  bool fits = x.rank() == 3 && i.rank(1) == 2 && u.rank() == 2 && i.rank(3) == 1;
  if (fits) {
    const Shape state{x[1], u[0]};
    fits = equal_sizes(u[1], u[0] * 4) && equal_sizes(i.shape(1), {x[2], u[1]}) &&
           equal_sizes(i.shape(3)[0], u[1]) && equal_sizes(i.shape(4), state) &&
           equal_sizes(i.shape(5), state);
  }
  if (!fits) {
    i.fail<ShapeError>(
        "sizes are x (time, batch, features), weights (features, 4 h) and (h, 4 h), bias (4 h), "
        "state (batch, h)");
  }
  i.out(dtype, {x[0], x[1], u[0]});
  i.out(dtype, {x[0], x[1], u[0]});
  i.out(dtype, {x[0], x[1], u[1]});
}

/// Results by step.
struct Sequence {
  std::vector<Tensor> hidden, cells, gates;
};

const Op& find_gates();

/// Each step's results in memory of their own.
Sequence steps_of(const Tensor& x, const Tensor& w, const Tensor& u, const Tensor& bias, Tensor h,
                  Tensor c) {
  const Tensor z = matmul(x, w) + bias;  // (t, b, 4h)
  Sequence all;
  for (std::int64_t t = 0; t < x.dim(0).value(); ++t) {
    const auto [next_h, next_c, gates] = call_for<3>(find_gates(), {z(t), matmul(h, u), c}, {}, {});
    all.hidden.push_back(h = next_h);
    all.cells.push_back(c = next_c);
    all.gates.push_back(gates);
  }
  return all;
}

void step_into(std::span<const Tensor> inputs, std::span<const Tensor> outputs);

void lstm_composition(Composition& k) {
  const Tensor &x = k.in(0), &u = k.in(2);
  const std::int64_t steps = x.dim(0).value();
  if (x.abstract() && steps > 0) {  // to be planned, which puts each step's results in place
    const Sequence all = steps_of(x, k.in(1), u, k.in(3), k.in(4), k.in(5));
    k.out(0, stack(all.hidden));
    k.out(1, stack(all.cells));
    k.out(2, stack(all.gates));
    return;
  }
  const Shape states{x.dim(0), x.dim(1), u.dim(0)};
  const Tensor z = matmul(x, k.in(1));  // (t, b, 4h)
  const Tensor hidden = Tensor::empty(states, z.dtype());
  const Tensor cells = Tensor::empty(states, z.dtype());
  const Tensor gates = Tensor::empty(z.shape(), z.dtype());
  Tensor h = k.in(4);
  Tensor c = k.in(5);
  for (std::int64_t t = 0; t < steps; ++t) {
    const std::array<Tensor, 4> from = {z(t), matmul(h, u), c, k.in(3)};
    const std::array<Tensor, 3> to = {hidden(t), cells(t), gates(t)};
    step_into(from, to);
    h = to[0];
    c = to[1];
  }
  k.out(0, hidden);
  k.out(1, cells);
  k.out(2, gates);
}

void lstm_backward(Grad& g) {
  const Tensor &x = g.x(0), &w = g.x(1), &u = g.x(2), &h0 = g.x(4), &c0 = g.x(5);
  const Tensor &hidden = g.y(0), &cells = g.y(1), &gates = g.y(2);
  const std::int64_t steps = x.dim(0).value();
  Tensor dh = zeros_like(h0);
  Tensor dc = zeros_like(c0);
  std::vector<Tensor> dz(static_cast<std::size_t>(steps));
  const Tensor d_hidden = g.dy(0);
  const Tensor across =
      copy(u.to(gates.dtype()).transpose());  // once: each product would transpose it for itself
  for (std::int64_t t = steps - 1; t >= 0; --t) {
    const Tensor before = t == 0 ? c0 : cells(t - 1);
    if (g.flows(1)) dc = dc + g.dy(1)(t);
    const auto [previous, d] = gates_gradient(gates(t), before, cells(t), d_hidden(t) + dh, dc);
    dc = previous;
    Tensor& step = dz[static_cast<std::size_t>(t)] = d;
    if (g.flows(2)) step = step + g.dy(2)(t) * slope(gates(t));
    dh = matmul(step, across);
  }
  if (steps == 0) {  // of no step, but connected
    for (int k = 0; k < g.inputs(); ++k) g.to(k, zeros(g.shape(k), g.dtype(k)));
    return;
  }
  const Tensor all = stack(dz, 0);  // (t, b, 4h)
  if (g.wants(0)) g.to(0, matmul(all, w, {.transpose_b = true}));
  if (g.wants(1)) g.to(1, matmul(rows_of(x), rows_of(all), {.transpose_a = true}));
  if (g.wants(2)) {
    const Tensor first = expand_dims(h0, 0);
    const Tensor earlier =
        steps == 1 ? first : concat(std::vector<Tensor>{first, hidden(slice(0, steps - 1))}, 0);
    g.to(2, matmul(rows_of(earlier), rows_of(all), {.transpose_a = true}));
  }
  if (g.wants(3)) g.to(3, sum(all, {0, 1}));
  g.to(4, dh);
  g.to(5, dc);
}

// ---- In ONNX ----------------------------------------------------------------------------------

void gates_form(OnnxForm& o) {
  const auto z = parts(o.in(0) + o.in(1));
  const Tensor i = sigmoid(z[0]), f = sigmoid(z[1]), g = tanh(z[2]), output = sigmoid(z[3]);
  const Tensor c = f * o.in(2) + i * g;
  o.out(0, output * tanh(c));
  o.out(1, c);
  if (o.used(2)) o.out(2, concat(std::vector<Tensor>{i, f, g, output}, -1));
}

void gates_gradient_form(OnnxForm& o) {
  const auto gate = parts(o.in(0));
  const Tensor &i = gate[0], &f = gate[1], &g = gate[2], &output = gate[3];
  const Tensor before = o.in(1), dh = o.in(3);
  const Tensor top = tanh(o.in(2));
  const Tensor d = o.in(4) + dh * output * (1 - top * top);
  o.out(0, d * f);
  o.out(1, concat(std::vector<Tensor>{d * g * i * (1 - i), d * before * f * (1 - f),
                                      d * i * (1 - g * g), dh * top * output * (1 - output)},
                  -1));
}

/// (n, 4 h) or (4 h) with ONNX's order of gates along the last axis: input, output, forget, cell.
Tensor in_onnx_order(const Tensor& x) {
  const auto gate = parts(x);
  return concat(std::vector<Tensor>{gate[0], gate[3], gate[1], gate[2]}, -1);
}

/// ONNX's own gives the cells of the last step only: where more is asked for, step by step.
void lstm_form(OnnxForm& o) {
  const Tensor x = o.in(0), w = o.in(1), u = o.in(2), bias = o.in(3), h0 = o.in(4), c0 = o.in(5);
  if (!o.used(1) && !o.used(2)) {
    const auto weights = [](const Tensor& t) {  // (1, 4 h, n)
      return expand_dims(transpose(in_onnx_order(t), {1, 0}), 0);
    };
    const Tensor biases = concat({in_onnx_order(bias), zeros(bias.shape(), bias.dtype())});
    const Shape& states = o.result().shape;
    const Tensor y = o.node("LSTM",
                            {x, weights(w), weights(u), expand_dims(biases, 0), Tensor(),
                             expand_dims(h0, 0), expand_dims(c0, 0)},
                            {{"hidden_size", u.dim(0).value()}},
                            {o.result().dtype, {states[0], 1, states[1], states[2]}});
    return o.out(reshape(y, states));
  }
  if (!x.dim(0).known()) o.refuse("its cells are asked for, and the number of steps is not known");
  if (x.dim(0) == Dim(0)) {
    for (int k = 0; k < 3; ++k) o.out(k, zeros(o.result(k).shape, o.result(k).dtype));
    return;
  }
  const Sequence all = steps_of(x, w, u, bias, h0, c0);
  o.out(0, stack(all.hidden));
  if (o.used(1)) o.out(1, stack(all.cells));
  if (o.used(2)) o.out(2, stack(all.gates));
}

constexpr Op table[] = {
    {.name = "lstm_gates",
     .rule = &gates_rule,
     .body = &gates_body,
     .grad = &gates_backward,
     .onnx = &gates_form},
    {.name = "lstm_gates_gradient",
     .rule = &gates_gradient_rule,
     .body = &gates_gradient_body,
     .grad = &gates_gradient_gradient,
     .onnx = &gates_gradient_form},
    {.name = "lstm",
     .peers = {.tensorflow = "keras.layers.LSTM", .torch = "nn.LSTM", .onnx = "LSTM"},
     .rule = &lstm_rule,
     .composition = &lstm_composition,
     .grad = &lstm_backward,
     .onnx = &lstm_form},
};
template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

const Op& find_gates() { return find<"lstm_gates">; }

std::array<Tensor, 2> gates_gradient(const Tensor& gates, const Tensor& before, const Tensor& after,
                                     const Tensor& dh, const Tensor& dc) {
  return call_for<2>(find<"lstm_gates_gradient">, {gates, before, after, dh, dc}, {}, {});
}

/// One step whose results go to memory that is there already: slices of the whole sequence's.
void step_into(std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  run_into(find<"lstm_gates">, {}, inputs, outputs, &gates_rule);
}

}  // namespace

std::span<const Op> families::recurrent() { return table; }

Lstm lstm(const Operand& x, const Operand& input_weights, const Operand& recurrent_weights,
          const Operand& bias, const LstmOptions& options) {
  const Where where = x.where();
  Tensor sequence = x.tensor();
  // Asked in the user's name: what is captured for unknown steps is not for none.
  const bool steps = !sequence.defined() || sequence.rank() != 3 ||
                     !(sequence.dim(options.time_major ? 0 : 1) == 0);
  const detail::UserCall scope("lstm", where);
  const Tensor& u = recurrent_weights.tensor();
  if (!sequence.defined() || !u.defined() || !input_weights.tensor().defined() ||
      !bias.tensor().defined()) {
    detail::fail_undefined("lstm", where);
  }
  if (sequence.rank() != 3 || u.rank() != 2) {
    throw ShapeError(
        "lstm: takes sequences (time, batch, features) and weights (features, 4 h), (h, 4 h): " +
        sequence.type_text() + ", " + u.type_text() + where.suffix());
  }
  if (!options.time_major) sequence = sequence.transpose({1, 0, 2}, where);
  const Shape state{sequence.dim(1), u.dim(0)};
  const Tensor h = options.h.defined() ? options.h : zeros(state, u.dtype());
  const Tensor c = options.c.defined() ? options.c : zeros(state, u.dtype());
  const Tensor b = options.recurrent_bias.defined()
                       ? add({bias.tensor(), where}, options.recurrent_bias)
                       : bias.tensor();
  const auto [hidden, cells, gates] =
      call_for<3>(find<"lstm">, {sequence, input_weights.tensor(), u, b, h, c}, {}, where);
  const auto last = [&](const Tensor& states, const Tensor& first) {
    return steps ? states(-1) : concat({expand_dims(first, 0), states})(0);
  };
  return {options.time_major ? hidden : hidden.transpose({1, 0, 2}, where), last(hidden, h),
          last(cells, c)};
}

LstmState lstm_cell(const Operand& x, const Operand& h, const Operand& c,
                    const Operand& input_weights, const Operand& recurrent_weights,
                    const Operand& bias) {
  const detail::UserCall scope("lstm_cell", x.where());
  const Where where = x.where();
  const Tensor z = matmul(x, input_weights) + bias;
  const Tensor r = matmul(h, recurrent_weights);
  const Tensor& cell = c.tensor();
  if (!cell.defined()) detail::fail_undefined("lstm_cell", where);
  if (z.rank() != 2 || cell.rank() != 2 || !equal_sizes(z.shape(), r.shape()) ||
      !equal_sizes(cell.dim(0), z.dim(0)) || !equal_sizes(cell.dim(1) * 4, z.dim(1))) {
    throw ShapeError(
        "lstm_cell: takes x (batch, features), h and c (batch, h), weights (features, 4 h) and (h, "
        "4 h): c is " +
        cell.type_text() + ", x w " + z.type_text() + ", h u " + r.type_text() + where.suffix());
  }
  const auto [next_h, next_c, gates] = call_for<3>(find<"lstm_gates">, {z, r, cell}, {}, where);
  return {next_h, next_c};
}

}  // namespace rill
