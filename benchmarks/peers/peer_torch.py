"""rill-bench's rows in PyTorch, eager."""

import sys

import torch
import torch.nn.functional as F
from torch import nn

from rows import eager_additions, products, reductions
from timing import row, serve

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(0)
normal = torch.randn


# ---- Single operators, not recorded ------------------------------------------------------------

eager_additions(normal)


@row("add_strided")
def add_strided():
    a, b = normal(1 << 25)[::2], normal(1 << 25)[::2]
    return lambda: a + b


@row("add_transposed")
def add_transposed():
    x = normal(4096, 4096)
    return lambda: x + x.t()


def summing(axes):
    x = normal(4096, 4096)
    return lambda: x.sum(axes)


reductions(summing)


@row("softmax")
def softmax():
    x = normal(4096, 1024)
    return lambda: torch.softmax(x, -1)


@row("layer_norm")
def layer_norm():
    x, gamma, beta = normal(4096, 1024), normal(1024), normal(1024)
    return lambda: F.layer_norm(x, (1024,), gamma, beta)


def multiplying(*shape, dtype):
    a, b = normal(*shape, dtype=dtype), normal(*shape, dtype=dtype)
    return lambda: a @ b


products(multiplying, torch.float32, torch.float64)


@row("gather_rows")
def gather_rows():
    table, at = normal(1_000_000, 64), torch.randint(0, 1_000_000, (1_000_000,))
    return lambda: table[at]


@row("scatter_add_rows")
def scatter_add_rows():
    updates, at = normal(1_000_000, 64), torch.randint(0, 1_000_000, (1_000_000,))
    return lambda: torch.zeros(1_000_000, 64).index_add_(0, at, updates)


# ---- The tape ----------------------------------------------------------------------------------


@row("add_small_tape", 1000)
def add_small_tape():
    a, b = normal(4).requires_grad_(), normal(4)

    def run():
        for _ in range(1000):
            a + b

    return run


@row("backward_per_op", 1000)
def backward_per_op():
    w = torch.ones(4, requires_grad=True)
    x = w
    for _ in range(1000):
        x = x * w
    dx = torch.ones(4)
    return lambda: torch.autograd.grad(x, w, dx, retain_graph=True)


# ---- Convolutions, in both layouts of memory ---------------------------------------------------

for layout in (torch.contiguous_format, torch.channels_last):

    def images(layout=layout):
        return normal(8, 64, 56, 56).to(memory_format=layout)

    def filters(layout=layout):
        return normal(64, 64, 3, 3).to(memory_format=layout)

    @row("conv_forward")
    def conv_forward(images=images, filters=filters):
        x, w = images(), filters()
        return lambda: F.conv2d(x, w, padding=1)

    @row("conv_input_gradient")
    def conv_input_gradient(images=images, filters=filters):
        x, dy = images().requires_grad_(), images()
        y = F.conv2d(x, filters(), padding=1)
        return lambda: torch.autograd.grad(y, x, dy, retain_graph=True)

    @row("conv_weight_gradient")
    def conv_weight_gradient(images=images, filters=filters):
        w, dy = filters().requires_grad_(), images()
        y = F.conv2d(images(), w, padding=1)
        return lambda: torch.autograd.grad(y, w, dy, retain_graph=True)


# ---- Steps of training -------------------------------------------------------------------------


def step(optimizer, loss):
    def run():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return run


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.01)


@row("mlp_step")
def mlp_step():
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    x, y = normal(64, 784), torch.randint(0, 10, (64,))
    return step(sgd(model), lambda: F.cross_entropy(model(x), y))


@row("lenet_step")
def lenet_step():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    x, y = normal(64, 1, 28, 28), torch.randint(0, 10, (64,))
    return step(sgd(model), lambda: F.cross_entropy(model(x), y))


@row("lstm_step")
def lstm_step():
    model, x = nn.LSTM(64, 128), normal(28, 64, 64)
    return step(sgd(model), lambda: model(x)[0].mean())


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):  # (b, t, width)
        def split(part):
            return part.unflatten(2, (self.heads, -1)).transpose(1, 2)

        q, k, v = map(split, self.qkv(self.norm_1(x)).chunk(3, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class Gpt(nn.Module):
    def __init__(self, alphabet=65, width=128, layers=4, heads=4, context=64):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(alphabet, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, alphabet, bias=False)

    def forward(self, codes):
        x = self.tokens(codes) + self.positions(torch.arange(codes.shape[1]))
        return self.head(self.norm(self.blocks(x)))


@row("gpt_step")
def gpt_step():
    model = Gpt()
    x, y = torch.randint(0, 65, (12, 64)), torch.randint(0, 65, (12, 64))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    return step(optimizer, lambda: F.cross_entropy(model(x).flatten(0, 1), y.flatten()))


class ResidualBlock(nn.Module):
    def __init__(self, channels=64):
        super().__init__()
        self.convolution_1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.convolution_2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_1, self.norm_2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x):
        y = F.relu(self.norm_1(self.convolution_1(x)))
        return F.relu(x + self.norm_2(self.convolution_2(y)))


def resblock_step(layout):
    model = ResidualBlock().to(memory_format=layout)
    x = normal(8, 64, 56, 56).to(memory_format=layout).requires_grad_()
    return step(sgd(model), lambda: model(x).mean())


row("resblock_step")(lambda: resblock_step(torch.contiguous_format))
row("resblock_step")(lambda: resblock_step(torch.channels_last))


@row("lstm_cell_10")
def lstm_cell_10():
    cell, x, state = nn.LSTMCell(10, 10), normal(10, 10), (torch.zeros(10, 10),) * 2

    def run():
        with torch.no_grad():
            for _ in range(10):
                cell(x, state)

    return run


def adam_100(**options):
    variables = [normal(1024, requires_grad=True) for _ in range(100)]
    for variable in variables:
        variable.grad = normal(1024)
    return torch.optim.Adam(variables, **options).step


row("adam_100")(lambda: adam_100(foreach=True))
row("adam_100")(lambda: adam_100(fused=True))

serve()
