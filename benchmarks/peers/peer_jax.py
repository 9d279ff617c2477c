"""rill-bench's rows in JAX, compiled by jit as its users do; a sum of four numbers is eager."""

import jax
import jax.numpy as jnp
import optax
from jax import lax

from rows import products, reductions
from timing import row, serve

key = jax.random.PRNGKey(0)
jax.config.update("jax_enable_x64", True)


def normal(*shape, dtype=jnp.float32):
    return jax.random.normal(key, shape, dtype)


def indices(shape, limit):
    return jax.random.randint(key, shape, 0, limit)


def compiled(function, *arguments):
    """Calls of `jit(function)` that wait for the result."""
    call = jax.jit(function)
    return lambda: jax.block_until_ready(call(*arguments))


# ---- Single operators --------------------------------------------------------------------------


@row("add_small", 1000)
def add_small():
    a, b = normal(4), normal(4)

    def run():
        for _ in range(1000):
            c = a + b
        c.block_until_ready()

    return run


def adding(a, b):
    return compiled(jnp.add, a, b)


row("add_large")(lambda: adding(normal(1 << 24), normal(1 << 24)))
row("add_row")(lambda: adding(normal(4096, 4096), normal(4096)))
row("add_column")(lambda: adding(normal(4096, 4096), normal(4096, 1)))
row("add_transposed")(lambda: compiled(lambda x: x + x.T, normal(4096, 4096)))
row("add_strided")(
    lambda: compiled(lambda a, b: a[::2] + b[::2], normal(1 << 25), normal(1 << 25))
)

reductions(lambda axes: compiled(lambda x: x.sum(axes), normal(4096, 4096)))
row("softmax")(lambda: compiled(jax.nn.softmax, normal(4096, 1024)))


def layer_norm(x, gamma, beta):
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * gamma + beta


row("layer_norm")(lambda: compiled(layer_norm, normal(4096, 1024), normal(1024), normal(1024)))


def multiplying(*shape, dtype):
    return compiled(jnp.matmul, normal(*shape, dtype=dtype), normal(*shape, dtype=dtype))


products(multiplying, jnp.float32, jnp.float64)


@row("gather_rows")
def gather_rows():
    return compiled(lambda x, at: x[at], normal(1_000_000, 64), indices((1_000_000,), 1_000_000))


@row("scatter_add_rows")
def scatter_add_rows():
    updates, at = normal(1_000_000, 64), indices((1_000_000,), 1_000_000)
    return compiled(lambda x, at: jnp.zeros_like(x).at[at].add(x), updates, at)


# ---- Convolutions ------------------------------------------------------------------------------


def conv2d(x, w, padding="SAME"):
    layouts = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, w, (1, 1), padding, dimension_numbers=layouts)


def gradient_by(argument):
    x, w, dy = normal(8, 56, 56, 64), normal(3, 3, 64, 64), normal(8, 56, 56, 64)
    return compiled(lambda x, w, dy: jax.vjp(conv2d, x, w)[1](dy)[argument], x, w, dy)


row("conv_forward")(lambda: compiled(conv2d, normal(8, 56, 56, 64), normal(3, 3, 64, 64)))
row("conv_input_gradient")(lambda: gradient_by(0))
row("conv_weight_gradient")(lambda: gradient_by(1))

# ---- Steps of training -------------------------------------------------------------------------


def step(parameters, loss, optimizer):
    """`loss` takes the parameters."""

    @jax.jit
    def update(parameters, state):
        value, gradients = jax.value_and_grad(loss)(parameters)
        changes, state = optimizer.update(gradients, state, parameters)
        return optax.apply_updates(parameters, changes), state, value

    held = [parameters, optimizer.init(parameters)]

    def run():
        held[0], held[1], value = update(*held)
        jax.block_until_ready(value)

    return run


sgd = optax.sgd(0.01)


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def linear(inputs, outputs):
    return {"w": normal(inputs, outputs) / inputs**0.5, "b": jnp.zeros(outputs, jnp.float32)}


def apply(layer, x):
    return x @ layer["w"] + layer["b"]


@row("mlp_step")
def mlp_step():
    x, y = normal(64, 784), indices((64,), 10)

    def loss(p):
        return cross_entropy(apply(p[1], jax.nn.relu(apply(p[0], x))), y)

    return step([linear(784, 128), linear(128, 10)], loss, sgd)


@row("lenet_step")
def lenet_step():
    images, y = normal(64, 28, 28, 1), indices((64,), 10)

    def layer(p, x, padding):
        x = jax.nn.relu(conv2d(x, p["w"], padding) + p["b"])
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def loss(p):
        x = layer(p[1], layer(p[0], images, "SAME"), "VALID").reshape(64, 400)
        x = jax.nn.relu(apply(p[3], jax.nn.relu(apply(p[2], x))))
        return cross_entropy(apply(p[4], x), y)

    def convolution(inputs, outputs):
        return {"w": normal(5, 5, inputs, outputs) * 0.1, "b": jnp.zeros(outputs, jnp.float32)}

    parameters = [convolution(1, 6), convolution(6, 16)]
    parameters += [linear(400, 120), linear(120, 84), linear(84, 10)]
    return step(parameters, loss, sgd)


def lstm_cell(x, h, c, p):
    """`x` comes multiplied by its weights."""
    i, f, g, o = jnp.split(x + h @ p["u"] + p["b"], 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


@row("lstm_step")
def lstm_step():
    x = normal(28, 64, 64)
    p = {"w": normal(64, 512) * 0.1, "u": normal(128, 512) * 0.1, "b": jnp.zeros(512, jnp.float32)}

    def loss(p):
        def cell(state, x):
            state = lstm_cell(x, *state, p)
            return state, state[0]

        zeros = jnp.zeros((64, 128), jnp.float32)
        return lax.scan(cell, (zeros, zeros), x @ p["w"])[1].mean()

    return step(p, loss, sgd)


@row("gpt_step")
def gpt_step():
    x, y = indices((12, 64), 65), indices((12, 64), 65)
    mask = jnp.tril(jnp.ones((64, 64), bool))

    def norm():
        return {"gamma": jnp.ones(128, jnp.float32), "beta": jnp.zeros(128, jnp.float32)}

    def block():
        sizes = {"qkv": (128, 384), "out": (128, 128), "up": (128, 512), "down": (512, 128)}
        return {name: linear(*size) for name, size in sizes.items()} | {"1": norm(), "2": norm()}

    def split(part):
        return part.reshape(12, 64, 4, 32).transpose(0, 2, 1, 3)

    def loss(p):
        h = p["tokens"][x] + p["positions"]
        for b in p["blocks"]:
            q, k, v = map(split, jnp.split(apply(b["qkv"], layer_norm(h, **b["1"])), 3, -1))
            scores = jnp.where(mask, q @ k.transpose(0, 1, 3, 2) / 32**0.5, -jnp.inf)
            heads = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(12, 64, 128)
            h = h + apply(b["out"], heads)
            up = jax.nn.gelu(apply(b["up"], layer_norm(h, **b["2"])), approximate=False)
            h = h + apply(b["down"], up)
        return cross_entropy(layer_norm(h, **p["norm"]) @ p["head"], y)

    parameters = {"tokens": normal(65, 128), "positions": normal(64, 128), "norm": norm(),
                  "head": normal(128, 65) * 0.1, "blocks": [block() for _ in range(4)]}  # fmt: skip
    return step(parameters, loss, optax.adamw(1e-3))


@row("resblock_step")
def resblock_step():
    def batch_norm(x, gamma, beta):
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return (x - mean) * lax.rsqrt(variance + 1e-5) * gamma + beta

    def loss(p):
        h = jax.nn.relu(batch_norm(conv2d(p["x"], p["w1"]), p["gamma1"], p["beta1"]))
        return jax.nn.relu(p["x"] + batch_norm(conv2d(h, p["w2"]), p["gamma2"], p["beta2"])).mean()

    ones, zeros = jnp.ones(64, jnp.float32), jnp.zeros(64, jnp.float32)
    w1, w2 = normal(3, 3, 64, 64) / 24, normal(3, 3, 64, 64) / 24
    parameters = {"x": normal(8, 56, 56, 64), "w1": w1, "gamma1": ones, "beta1": zeros,
                  "w2": w2, "gamma2": ones, "beta2": zeros}  # fmt: skip
    return step(parameters, loss, sgd)


@row("lstm_cell_10")
def lstm_cell_10():
    p = {"w": normal(10, 40), "u": normal(10, 40), "b": jnp.zeros(40, jnp.float32)}
    x, zeros = normal(10, 10), jnp.zeros((10, 10), jnp.float32)
    cell = jax.jit(lambda x, h, c, p: lstm_cell(x @ p["w"], h, c, p))

    def run():
        for _ in range(10):
            state = cell(x, zeros, zeros, p)
        jax.block_until_ready(state)

    return run


@row("adam_100")
def adam_100():
    optimizer = optax.adam(1e-3)
    variables = gradients = [normal(1024) for _ in range(100)]
    held = [variables, optimizer.init(variables)]

    @jax.jit
    def update(variables, state):
        changes, state = optimizer.update(gradients, state)
        return optax.apply_updates(variables, changes), state

    def run():
        held[:] = update(*held)
        jax.block_until_ready(held[0])

    return run


serve()
