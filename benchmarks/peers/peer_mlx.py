"""rill-bench's rows in MLX on the CPU: its graphs are built lazily, and evaluated in each run."""

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim

from rows import products, reductions
from timing import row, serve

mx.set_default_device(mx.cpu)


def normal(*shape, dtype=mx.float32):
    x = mx.random.normal(shape, dtype)
    mx.eval(x)
    return x


def labels(*shape, limit):
    x = mx.random.randint(0, limit, shape)
    mx.eval(x)
    return x


def evaluated(function, *arguments):
    return lambda: mx.eval(function(*arguments))


# ---- Single operators --------------------------------------------------------------------------

row("add_small")(lambda: evaluated(mx.add, normal(4), normal(4)))
row("add_large")(lambda: evaluated(mx.add, normal(1 << 24), normal(1 << 24)))
row("add_row")(lambda: evaluated(mx.add, normal(4096, 4096), normal(4096)))
row("add_column")(lambda: evaluated(mx.add, normal(4096, 4096), normal(4096, 1)))
row("add_transposed")(lambda: evaluated(lambda x: x + x.T, normal(4096, 4096)))
row("add_strided")(
    lambda: evaluated(lambda a, b: a[::2] + b[::2], normal(1 << 25), normal(1 << 25))
)
reductions(lambda axes: evaluated(lambda x: x.sum(axes), normal(4096, 4096)))
row("softmax")(lambda: evaluated(lambda x: mx.softmax(x, -1), normal(4096, 1024)))


@row("layer_norm")
def layer_norm():
    x, gamma, beta = normal(4096, 1024), normal(1024), normal(1024)
    return evaluated(lambda: mx.fast.layer_norm(x, gamma, beta, 1e-5))


def multiplying(*shape, dtype):
    return evaluated(mx.matmul, normal(*shape, dtype=dtype), normal(*shape, dtype=dtype))


products(multiplying, mx.float32)


@row("gather_rows")
def gather_rows():
    table, at = normal(1_000_000, 64), labels(1_000_000, limit=1_000_000)
    return evaluated(lambda: table[at])


@row("scatter_add_rows")
def scatter_add_rows():
    updates, at = normal(1_000_000, 64), labels(1_000_000, limit=1_000_000)
    return evaluated(lambda: mx.zeros_like(updates).at[at].add(updates))


@row("conv_forward")
def conv_forward():
    x, w = normal(8, 56, 56, 64), normal(64, 3, 3, 64)
    return evaluated(lambda: mx.conv2d(x, w, padding=1))


# ---- Steps of training -------------------------------------------------------------------------


def step(model, loss, optimizer):
    loss_and_gradients = nn.value_and_grad(model, loss)

    def run():
        _, gradients = loss_and_gradients()
        optimizer.update(model, gradients)
        mx.eval(model.state, optimizer.state)

    return run


def cross_entropy(logits, y):
    return nn.losses.cross_entropy(logits, y, reduction="mean")


@row("mlp_step")
def mlp_step():
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    x, y = normal(64, 784), labels(64, limit=10)
    return step(model, lambda: cross_entropy(model(x), y), optim.SGD(0.01))


@row("lenet_step")
def lenet_step():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2, 2), lambda x: x.reshape(64, 400),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    x, y = normal(64, 28, 28, 1), labels(64, limit=10)
    return step(model, lambda: cross_entropy(model(x), y), optim.SGD(0.01))


@row("lstm_step")
def lstm_step():
    model, x = nn.LSTM(64, 128), normal(64, 28, 64)
    return step(model, lambda: model(x)[0].mean(), optim.SGD(0.01))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def __call__(self, x):  # (b, t, width)
        def split(part):
            return part.reshape(*x.shape[:2], self.heads, -1).transpose(0, 2, 1, 3)

        q, k, v = map(split, mx.split(self.qkv(self.norm_1(x)), 3, -1))
        y = mx.fast.scaled_dot_product_attention(
            q, k, v, scale=q.shape[-1] ** -0.5, mask="causal"
        )
        x = x + self.out(y.transpose(0, 2, 1, 3).reshape(x.shape))
        return x + self.down(nn.gelu(self.up(self.norm_2(x))))


class Gpt(nn.Module):
    def __init__(self, alphabet=65, width=128, layers=4, heads=4, context=64):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(alphabet, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, alphabet, bias=False)

    def __call__(self, codes):
        x = self.tokens(codes) + self.positions(mx.arange(codes.shape[1]))
        return self.head(self.norm(self.blocks(x)))


@row("gpt_step")
def gpt_step():
    model, x, y = Gpt(), labels(12, 64, limit=65), labels(12, 64, limit=65)
    return step(model, lambda: cross_entropy(model(x), y), optim.AdamW(1e-3))


@row("adam_100")
def adam_100():
    held = {str(i): normal(1024) for i in range(100)}
    gradients = {name: normal(1024) for name in held}
    optimizer = optim.Adam(1e-3)
    optimizer.init(held)

    def run():
        held.update(optimizer.apply_gradients(gradients, held))
        mx.eval(held, optimizer.state)

    return run


serve()
