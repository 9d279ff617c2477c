"""rill-bench's rows in NumPy."""

import numpy as np

from timing import row, serve

random = np.random.default_rng(0)


def normal(*shape):
    return random.standard_normal(shape, dtype=np.float32)


@row("add_small", 1000)
def add_small():
    a, b = normal(4), normal(4)

    def run():
        for _ in range(1000):
            a + b

    return run


def adding(a, b):
    return lambda: a + b


row("add_large")(lambda: adding(normal(1 << 24), normal(1 << 24)))
row("add_row")(lambda: adding(normal(4096, 4096), normal(4096)))
row("add_column")(lambda: adding(normal(4096, 4096), normal(4096, 1)))
row("add_strided")(lambda: adding(normal(1 << 25)[::2], normal(1 << 25)[::2]))


@row("add_transposed")
def add_transposed():
    x = normal(4096, 4096)
    return lambda: x + x.T


def summing(axes):
    x = normal(4096, 4096)
    return lambda: x.sum(axes)


row("sum_rows")(lambda: summing(1))
row("sum_columns")(lambda: summing(0))
row("sum_all")(lambda: summing(None))


def multiplying(*shape, dtype=np.float32):
    a, b = normal(*shape).astype(dtype), normal(*shape).astype(dtype)
    return lambda: a @ b


for n in (8, 16, 32, 64, 128, 256, 512, 1024, 2048):
    row(f"matmul_{n}")(lambda n=n: multiplying(n, n))
    row(f"matmul_{n}_f64")(lambda n=n: multiplying(n, n, dtype=np.float64))
row("matmul_batched")(lambda: multiplying(1024, 32, 32))


@row("gather_rows")
def gather_rows():
    table, at = normal(1_000_000, 64), random.integers(0, 1_000_000, 1_000_000)
    return lambda: table[at]


serve()
