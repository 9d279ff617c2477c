#!/usr/bin/env python3
"""Makes the files in tests/data that other libraries wrote: what rill prints and reads is compared with theirs.

Run with NumPy 2.4.6, safetensors 0.8.0 and ml_dtypes 0.6.0; the same versions give the same bytes.
"""

import pathlib

import ml_dtypes
import numpy as np
import safetensors.numpy

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"


def printed_cases():
    """(name, array, options): arrays whose text shows one rule of NumPy's each."""
    nan, inf = np.nan, np.inf
    f4, f8, f2 = np.float32, np.float64, np.float16
    yield "one number", np.array([1.0]), {}
    yield "whole numbers keep their point", np.array([1.0, 2.0, 3.0], f4), {}
    yield "columns align at the point", np.array([1.5, 22.25, -3.125]), {}
    yield "shortest digits of float32", np.array([0.1, 0.2, 0.3, 1 / 3], f4), {}
    yield "float64 is cut at the precision", np.array([1 / 3, 2 / 3, 0.1]), {}
    yield "float16", np.array([0.1, 1 / 3, 65504, 6e-8], f2), {}
    yield "float16 without exponents", np.array([0.1, 1 / 3, 60.5], f2), {}
    yield "rounding at the precision", np.array([0.123456785, 0.123456775, 0.999999999]), {}
    yield "a wide range takes exponents", np.array([1e-3, 1.0, 1001.0]), {}
    yield "a range of a thousand does not", np.array([1.0, 1000.0]), {}
    yield "large numbers take exponents", np.array([1e8, 1.0]), {}
    yield "just below large", np.array([99999999.0]), {}
    yield "small numbers take exponents", np.array([9e-5]), {}
    yield "just above small", np.array([1e-4, 2e-4]), {}
    yield "just above small in float32", np.array([1e-4, 2e-4], f4), {}
    yield "just above small in float16", np.array([1e-4, 2e-4], f2), {}
    yield "exponents of three digits", np.array([1e100, -1.5e-200]), {}
    yield "exponents with long fractions", np.array([1.23456789012e10, -4.5e-3]), {}
    yield "extremes of float64", np.array([np.finfo(f8).max, np.finfo(f8).tiny, 5e-324]), {}
    yield "extremes of float32", np.array([np.finfo(f4).max, np.finfo(f4).tiny, 1e-45], f4), {}
    yield "zeros", np.zeros((2, 3), f4), {}
    yield "negative zero", np.array([0.0, -0.0]), {}
    yield "nan and infinities", np.array([1.5, nan, inf, -inf]), {}
    yield "nan alone", np.array([nan, nan]), {}
    yield "infinity alone", np.array([inf]), {}
    yield "negative infinity alone", np.array([-inf, nan]), {}
    yield "nan beside exponents", np.array([1e20, nan, -inf]), {}
    yield "nan beside long numbers", np.array([1234.56789, nan]), {}
    yield "integers align at the right", np.array([1, -20, 300]), {}
    yield "integers in rows", np.arange(12, dtype=np.int32).reshape(3, 4), {}
    yield "int8", np.array([-128, 0, 127], np.int8), {}
    yield "uint8", np.array([[0, 255], [7, 42]], np.uint8), {}
    yield "extremes of int64", np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max]), {}
    yield "extremes of uint64", np.array([0, np.iinfo(np.uint64).max], np.uint64), {}
    yield "bool", np.array([[True, False], [False, False]]), {}
    yield "true alone", np.array([True]), {}
    yield "three axes", np.arange(24, dtype=f4).reshape(2, 3, 4), {}
    yield "four axes", np.arange(16).reshape(2, 2, 2, 2), {}
    yield "eight axes", np.arange(2).reshape(1, 1, 1, 1, 1, 1, 1, 2), {}
    yield "axes of one", np.array([[[1.0]], [[2.0]]]), {}
    yield "lines wrap", np.arange(40), {}
    yield "lines wrap at the width exactly", np.arange(100, 118), {}
    yield "lines of floats wrap", np.arange(30) / 7, {}
    yield "rows wrap within brackets", (np.arange(60) * 1000).reshape(2, 30), {}
    yield "narrow lines", np.arange(12), {"line_width": 10}
    yield "narrower than an element", np.arange(3) + 1000, {"line_width": 3}
    yield "summary", np.arange(1001), {}
    yield "no summary at the threshold", np.arange(1000), {}
    yield "summary of floats", np.arange(2000) / 8, {}
    yield "summary of rows", np.arange(4000).reshape(40, 100), {}
    yield "summary of one axis only", np.arange(2000).reshape(2, 1000), {}
    yield "summary of six rows", np.arange(1200).reshape(6, 200), {}
    yield "summary of three axes", np.arange(8000).reshape(20, 20, 20), {}
    yield "summary of few", np.arange(10), {"threshold": 5, "edge_items": 2}
    yield "summary of one at each end", np.arange(16).reshape(4, 4), {"threshold": 0, "edge_items": 1}
    yield "summary takes its format from what is shown", np.arange(2000) ** 2 / 1e3, {}
    yield "precision 3", np.array([np.pi, np.e, 100.0]), {"precision": 3}
    yield "precision 0", np.array([0.5, 1.5, 2.7]), {"precision": 0}
    yield "precision 17", np.array([0.1, 1 / 3]), {"precision": 17}
    yield "precision 2 with exponents", np.array([1.2345e-10, 1.0]), {"precision": 2}
    yield "suppressed small numbers", np.array([1e-10, 1.0, -1e-12]), {"suppress": True}
    yield "suppress leaves large numbers", np.array([1e9, 1e-10]), {"suppress": True}
    yield "no elements", np.zeros((0,), f4), {}
    yield "no elements in rows", np.zeros((2, 0), np.int64), {}
    yield "a number by itself", np.array(2.5), {}
    yield "a whole number by itself", np.array(3.0, f4), {}
    yield "a third by itself", np.array(1 / 3), {}
    yield "a third in float32 by itself", np.array(1 / 3, f4), {}
    yield "a third in float16 by itself", np.array(1 / 3, f2), {}
    yield "a large number by itself", np.array(1e16), {}
    yield "almost large by itself", np.array(123456789012345.0), {}
    yield "a small number by itself", np.array(1.5e-5, f4), {}
    yield "a million in float32 by itself", np.array(1e6, f4), {}
    yield "less than a million in float32 by itself", np.array(999999, f4), {}
    yield "a thousand in float16 by itself", np.array(1000, f2), {}
    yield "an integer by itself", np.array(-7), {}
    yield "a bool by itself", np.array(True), {}
    yield "nan by itself", np.array(nan, f4), {}
    yield "negative infinity by itself", np.array(-inf), {}


def write_printed():
    spelling = {"edge_items": "edgeitems", "line_width": "linewidth"}
    with open(DATA / "numpy_print.txt", "w", encoding="ascii") as out:
        out.write("# str() of NumPy 2.4.6, written by tests/python/make_golden.py\n")
        for name, array, options in printed_cases():
            with np.printoptions(**{spelling.get(k, k): v for k, v in options.items()}):
                lines = str(array).split("\n")
            counted = array.size >= 12 and np.array_equal(array.ravel(), np.arange(array.size))
            data = "arange" if counted else array.tobytes().hex()
            out.write(f"case {name}\n")
            out.write(f"dtype {array.dtype}\n")
            out.write(" ".join(["shape", *map(str, array.shape)]) + "\n")
            out.write(" ".join(["options", *(f"{k}={int(v)}" for k, v in options.items())]) + "\n")
            out.write(f"data {data}\n")
            out.write(f"lines {len(lines)}\n")
            out.write("".join(line + "\n" for line in lines))


DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64"]


def counting(dtype, shape):
    """0, 1, 2, ... in row-major order; of bool, every third is true."""
    count = np.arange(np.prod(shape, dtype=int))
    return (count % 3 == 0 if dtype == "bool" else count).astype(dtype).reshape(shape)


def write_arrays():
    folder = DATA / "npy"
    folder.mkdir(exist_ok=True)
    for dtype in DTYPES:
        np.save(folder / f"{dtype}.npy", counting(dtype, (2, 3)))
    np.save(folder / "bfloat16.npy", counting("float32", (2, 3)).astype(ml_dtypes.bfloat16))
    np.save(folder / "fortran.npy", np.asfortranarray(counting("float32", (2, 3, 4))))
    np.save(folder / "big_endian.npy", counting("float32", (2, 3)).astype(">f4"))
    np.save(folder / "big_endian_int64.npy", counting("int64", (2, 3)).astype(">i8"))
    np.save(folder / "rank_0.npy", np.float64(2.5))
    np.save(folder / "rank_1.npy", counting("int32", (5,)))
    np.save(folder / "empty.npy", np.zeros((0, 3), np.float32))
    for version in [(2, 0), (3, 0)]:
        with open(folder / f"version_{version[0]}.npy", "wb") as out:
            np.lib.format.write_array(out, counting("float32", (2, 3)), version)
    np.save(folder / "complex.npy", np.array([1 + 2j]))
    np.save(folder / "text.npy", np.array(["words"]))
    np.save(folder / "structured.npy", np.zeros(2, dtype=[("a", "i4"), ("b", "f4")]))
    np.save(folder / "object.npy", np.array([{}], dtype=object), allow_pickle=True)


def write_archives():
    arrays = {"x": counting("float32", (2, 3)), "labels": counting("int64", (4,)), "zeros": np.zeros(100_000)}
    np.savez(DATA / "stored.npz", **{k: arrays[k] for k in ("x", "labels")})
    np.savez_compressed(DATA / "compressed.npz", **arrays)


def write_safetensors():
    tensors = {dtype: counting(dtype, (2, 3)) for dtype in DTYPES}
    tensors["rank 0"] = np.array(2.5, np.float32)
    tensors["empty"] = np.zeros((0, 3), np.float32)
    tensors["Gr\u00f6\u00dfe \"x\""] = counting("float32", (3,))
    tensors["bfloat16"] = counting("float32", (2, 3)).astype(ml_dtypes.bfloat16)
    safetensors.numpy.save_file(tensors, DATA / "golden.safetensors", metadata={"format": "np"})


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    write_printed()
    write_arrays()
    write_archives()
    write_safetensors()
