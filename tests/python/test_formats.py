"""What rill writes NumPy and safetensors read, what they write rill reads, and arrays print alike.

`./dev test --python` runs this; build/bin/rill-convert does rill's part.
"""

import pathlib
import subprocess

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONVERT = ROOT / "build/bin/rill-convert"
DTYPES = [np.dtype(name) for name in ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
                                      "uint64", "float16", "float32", "float64"]]
SHAPES = [(), (1,), (0,), (7,), (2, 3), (3, 0, 2), (4, 1, 5), (1, 2, 1, 2, 1, 2, 1, 2)]


def convert(source, target):
    """What rill-convert prints; an error of rill's is a test's failure."""
    return subprocess.run([CONVERT, source, target], check=True, capture_output=True, text=True).stdout


def refused(source):
    done = subprocess.run([CONVERT, source, "-"], capture_output=True, text=True, check=False)
    return done.returncode == 1 and str(source) in done.stderr


def random_array(dtype, shape, seed=0):
    """Any bits: the extremes, NaN and infinities too."""
    random = np.random.default_rng(seed)
    if dtype == bool:
        return random.integers(0, 2, shape).astype(bool)
    count = int(np.prod(shape, dtype=int))
    return np.frombuffer(random.bytes(count * dtype.itemsize), dtype).reshape(shape).copy()


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_npy_both_ways(tmp_path, dtype, shape):
    array = random_array(dtype, shape)
    np.save(tmp_path / "a.npy", array)
    convert(tmp_path / "a.npy", tmp_path / "b.npy")
    assert same(np.load(tmp_path / "b.npy"), array)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_npy_in_other_orders(tmp_path, dtype):
    array = random_array(dtype, (3, 4, 5))
    for other in [np.asfortranarray(array), array.astype(dtype.newbyteorder(">"))]:
        np.save(tmp_path / "a.npy", other)
        convert(tmp_path / "a.npy", tmp_path / "b.npy")
        assert same(np.load(tmp_path / "b.npy"), array)


def test_bfloat16(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3).astype(ml_dtypes.bfloat16)
    np.save(tmp_path / "a.npy", array)
    convert(tmp_path / "a.npy", tmp_path / "b.npy")
    assert same(np.load(tmp_path / "b.npy").view(ml_dtypes.bfloat16), array)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("target", ["stored.npz", "compressed.npz"])
def test_npz_both_ways(tmp_path, save, target):
    arrays = {str(dtype): random_array(dtype, (5, 6)) for dtype in DTYPES}
    arrays["many zeros"] = np.zeros((1000, 1000))
    save(tmp_path / "a.npz", **arrays)
    convert(tmp_path / "a.npz", tmp_path / target)
    read = np.load(tmp_path / target)
    assert sorted(read) == sorted(arrays)
    assert all(same(read[name], arrays[name]) for name in arrays)


def test_safetensors_both_ways(tmp_path):
    arrays = {f"{dtype} {shape}": random_array(dtype, shape) for dtype in DTYPES for shape in SHAPES}
    arrays["bfloat16"] = random_array(np.dtype(np.uint16), (3,)).view(ml_dtypes.bfloat16)
    safetensors.numpy.save_file(arrays, tmp_path / "a.safetensors", {"format": "np"})
    convert(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    read = safetensors.numpy.load_file(tmp_path / "b.safetensors")
    assert all(same(read[name], arrays[name]) for name in arrays)


def test_files_cut_off_are_refused(tmp_path):
    np.save(tmp_path / "whole.npy", np.arange(100))
    np.savez(tmp_path / "whole.npz", x=np.arange(100))
    safetensors.numpy.save_file({"x": np.arange(100)}, tmp_path / "whole.safetensors")
    for ending in ["npy", "npz", "safetensors"]:
        whole = (tmp_path / f"whole.{ending}").read_bytes()
        for length in range(0, len(whole), 101):
            (tmp_path / f"cut.{ending}").write_bytes(whole[:length])
            assert refused(tmp_path / f"cut.{ending}")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_printing(tmp_path, dtype):
    random = np.random.default_rng(1)
    for shape in [(), (1,), (5,), (40,), (3, 4), (2, 3, 4), (1200,), (40, 40)]:
        for scale in [1e-8, 1e-3, 1.0, 1e3, 1e6, 1e12]:
            values = random.normal(size=shape) * scale
            with np.errstate(all="ignore"):
                array = np.asarray(values).astype(dtype)
            np.save(tmp_path / "a.npy", array)
            assert convert(tmp_path / "a.npy", "-") == str(array) + "\n"


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d.kind == "f"], ids=str)
def test_printing_any_bits(tmp_path, dtype):
    for seed in range(40):
        array = random_array(dtype, (9,), seed)
        np.save(tmp_path / "a.npy", array)
        assert convert(tmp_path / "a.npy", "-") == str(array) + "\n"
