"""rill-bench's rows in NumPy."""

import numpy as np

from rows import eager_additions, products, reductions
from timing import row, serve

random = np.random.default_rng(0)


def normal(*shape):
    return random.standard_normal(shape, dtype=np.float32)


eager_additions(normal)


@row("add_strided")
def add_strided():
    a, b = normal(1 << 25)[::2], normal(1 << 25)[::2]
    return lambda: a + b


@row("add_transposed")
def add_transposed():
    x = normal(4096, 4096)
    return lambda: x + x.T


def summing(axes):
    x = normal(4096, 4096)
    return lambda: x.sum(axes)


reductions(summing)


def multiplying(*shape, dtype):
    a, b = normal(*shape).astype(dtype), normal(*shape).astype(dtype)
    return lambda: a @ b


products(multiplying, np.float32, np.float64)


@row("gather_rows")
def gather_rows():
    table, at = normal(1_000_000, 64), random.integers(0, 1_000_000, 1_000_000)
    return lambda: table[at]


serve()
