"""Rows that are spelled alike in several libraries.

`normal(*shape)` makes normal numbers. Invariant: nothing here is slower than what the library's own
users would write.
"""

from timing import row


def eager_additions(normal):
    """Sums of two arrays, where `a + b` computes at once."""

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


def reductions(summing):
    """`summing(axes)` gives what adds up a 4096 x 4096 array along these axes, None for all."""
    row("sum_rows")(lambda: summing(1))
    row("sum_columns")(lambda: summing(0))
    row("sum_all")(lambda: summing(None))


def products(multiplying, *dtypes):
    """`multiplying(*shape, dtype)` gives what multiplies two stacks of matrices of this shape.

    `dtypes` are float32, and float64 where the library has it.
    """
    for n in (8, 16, 32, 64, 128, 256, 512, 1024, 2048):
        for suffix, dtype in zip(("", "_f64"), dtypes):
            row(f"matmul_{n}{suffix}")(lambda n=n, dtype=dtype: multiplying(n, n, dtype=dtype))
    row("matmul_batched")(lambda: multiplying(1024, 32, 32, dtype=dtypes[0]))
