"""What rill writes as ONNX runs in onnxruntime with equal results, and what ONNX's own library writes runs in rill.

`./dev test --python` runs this; build/bin/rill-tests writes a file for each operator, build/bin/rill-convert runs models.
"""

import os
import pathlib
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONVERT = ROOT / "build/bin/rill-convert"
TESTS = ROOT / "build/bin/rill-tests"

# Where ONNX leaves open what rill defines, or onnxruntime differs from both.
OPEN = {
    "argsort_3_float32": "the order of NaNs",
    "mean_9_float32": "the mean of nothing",
    "mean_9_int32": "the mean of nothing",
    "cast_3_float32": "NumPy has no bfloat16",
    **{f"cast_{case}_float32": "negative numbers as unsigned integers" for case in (8, 9, 10, 11)},
    "repeat_1_float32": "onnxruntime expands nothing to something",
    "repeat_1_int32": "onnxruntime expands nothing to something",
}


def close(got, want):
    if got.dtype != want.dtype or got.shape != want.shape:
        return False
    if want.dtype.kind != "f":
        return np.array_equal(got, want)
    finite = np.abs(want[np.isfinite(want)])
    scale = max(1.0, finite.max(initial=0.0))  # sums are exact relative to their largest terms
    return np.allclose(got, want, rtol=1e-5, atol=1e-6 * scale, equal_nan=True)


def session(model):
    onnxruntime.set_default_logger_severity(4)
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def test_every_operator_in_onnxruntime(tmp_path):
    environment = dict(os.environ, RILL_ONNX_FILES=str(tmp_path))
    subprocess.run([TESTS, "[.onnx-files]"], check=True, capture_output=True, env=environment)
    models = sorted(tmp_path.glob("*.onnx"))
    assert len(models) > 900
    wrong, equal, unsupported = [], 0, 0
    for path in models:
        if path.stem in OPEN:
            continue
        onnx.checker.check_model(onnx.load(path), full_check=True)
        try:
            running = session(path)
        except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
            unsupported += 1  # of float64 or integers
            continue
        arrays = np.load(path.with_suffix(".npz"))
        feeds = {each.name: arrays[f"x{k}"] for k, each in enumerate(running.get_inputs())}
        got = running.run(None, feeds)[0]
        if not close(got, arrays["result"]):
            wrong.append(path.stem)
        equal += np.array_equal(got, arrays["result"], equal_nan=got.dtype.kind == "f")
    print(f"{len(models)} models, {equal} equal in every bit, {unsupported} not in onnxruntime")
    assert wrong == []
    assert unsupported < 60


def run_in_rill(tmp_path, model, inputs):
    """The model's results, in order."""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, tmp_path / "m.onnx")
    np.savez(tmp_path / "in.npz", **inputs)
    done = subprocess.run([CONVERT, "--run", tmp_path / "m.onnx", tmp_path / "in.npz", tmp_path / "out.npz"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = np.load(tmp_path / "out.npz")
    return [results[output.name] for output in model.graph.output]


def check(tmp_path, nodes, inputs, outputs, constants=(), set_version=17, shapes=None):
    """That rill computes what onnxruntime computes. `shapes` gives inputs sizes by name, unknown ones as text."""
    def described(name, array):
        shape = (shapes or {}).get(name, array.shape)
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), shape)

    graph = helper.make_graph(
        nodes, "test", [described(name, array) for name, array in inputs.items()],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in dict(constants).items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", set_version)], ir_version=8)
    want = session(model.SerializeToString()).run(None, inputs)
    for output, result in zip(model.graph.output, want, strict=True):  # the checker wants ranks
        kind = output.type.tensor_type.elem_type
        output.CopyFrom(helper.make_tensor_value_info(output.name, kind, [None] * result.ndim))
    for got, expected in zip(run_in_rill(tmp_path, model, inputs), want, strict=True):
        assert close(got, expected)


def floats(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


FLOAT = {"y": TensorProto.FLOAT}


def test_a_small_convolutional_network(tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["c1", "g", "b", "m", "v"], ["n1"]),
        helper.make_node("Relu", ["n1"], ["r1"]),
        helper.make_node("MaxPool", ["r1"], ["p1"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        helper.make_node("Conv", ["p1", "w2"], ["c2"], group=4, auto_pad="SAME_UPPER"),
        helper.make_node("GlobalAveragePool", ["c2"], ["a"]),
        helper.make_node("Flatten", ["a"], ["f"]),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["y"], transB=1, alpha=0.5),
    ]
    constants = {"w1": floats(8, 3, 3, 3), "b1": floats(8), "g": floats(8, seed=1), "b": floats(8, seed=2),
                 "m": floats(8, seed=3), "v": np.abs(floats(8, seed=4)) + 0.5, "w2": floats(4, 2, 3, 3),
                 "w3": floats(10, 4), "b3": floats(10)}
    check(tmp_path, nodes, {"x": floats(2, 3, 17, 16)}, FLOAT, constants)


def test_shapes_that_a_model_computes_of_unknown_sizes(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
        helper.make_node("Concat", ["n1", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["x", "to"], ["r"]),
        helper.make_node("Transpose", ["r"], ["y"], perm=[0, 2, 1]),
    ]
    constants = {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([2, -1])}
    check(tmp_path, nodes, {"x": floats(5, 6)}, FLOAT, constants, shapes={"x": ["batch", 6]})


def test_attention_of_a_transformer(tmp_path):
    nodes = [
        helper.make_node("LayerNormalization", ["x", "g", "b"], ["n"], axis=-1),
        helper.make_node("MatMul", ["n", "w"], ["qkv"]),
        helper.make_node("Split", ["qkv"], ["q", "k", "v"], axis=2),
        helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "kt"], ["scores"]),
        helper.make_node("Div", ["scores", "scale"], ["scaled"]),
        helper.make_node("Trilu", ["mask"], ["low"], upper=0),
        helper.make_node("Cast", ["low"], ["allowed"], to=TensorProto.BOOL),
        helper.make_node("Where", ["allowed", "scaled", "never"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["p"], axis=-1),
        helper.make_node("MatMul", ["p", "v"], ["o"]),
        helper.make_node("Erf", ["o"], ["e"]),
        helper.make_node("Add", ["o", "e"], ["y"]),
    ]
    constants = {"g": floats(8), "b": floats(8, seed=1), "w": floats(8, 24), "scale": np.array(2.8, np.float32),
                 "mask": np.ones((5, 5), np.float32), "never": np.array(-1e9, np.float32)}
    check(tmp_path, nodes, {"x": floats(2, 5, 8)}, FLOAT, constants, shapes={"x": ["batch", 5, 8]})


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_lstm(tmp_path, direction):
    count = 2 if direction == "bidirectional" else 1
    nodes = [helper.make_node("LSTM", ["x", "w", "r", "b"], ["y", "h", "c"], hidden_size=4, direction=direction)]
    constants = {"w": floats(count, 16, 3), "r": floats(count, 16, 4), "b": floats(count, 32)}
    check(tmp_path, nodes, {"x": floats(6, 2, 3)}, {"y": 1, "h": 1, "c": 1}, constants)


@pytest.mark.parametrize("node, inputs, constants", [
    (helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], output_padding=[1, 1], pads=[1, 1, 1, 1]),
     {"x": floats(1, 3, 5, 6)}, {"w": floats(3, 4, 3, 3)}),
    (helper.make_node("Conv", ["x", "w"], ["y"], dilations=[2], pads=[2, 2]), {"x": floats(2, 3, 9)},
     {"w": floats(4, 3, 3)}),
    (helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[2, 3], pads=[1, 1, 0, 1], count_include_pad=1),
     {"x": floats(1, 2, 6, 7)}, {}),
    (helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
     {"x": floats(1, 2, 6, 8)}, {}),
    (helper.make_node("Slice", ["x", "s", "e", "a", "t"], ["y"]), {"x": floats(6, 7)},
     {"s": np.array([-1, 1]), "e": np.array([-100, 6]), "a": np.array([0, 1]), "t": np.array([-2, 3])}),
    (helper.make_node("Pad", ["x", "p"], ["y"], mode="reflect"), {"x": floats(4, 5)}, {"p": np.array([1, 2, 2, 0])}),
    (helper.make_node("Pad", ["x", "p", "c"], ["y"]), {"x": floats(4, 5)},
     {"p": np.array([1, 2, 2, 0]), "c": np.array(3, np.float32)}),
    (helper.make_node("InstanceNormalization", ["x", "s", "b"], ["y"]), {"x": floats(2, 3, 4, 4)},
     {"s": floats(3), "b": floats(3, seed=1)}),
    (helper.make_node("GatherND", ["x", "i"], ["y"]), {"x": floats(3, 4, 5)}, {"i": np.array([[0, -1], [2, 1]])}),
    (helper.make_node("ScatterND", ["x", "i", "u"], ["y"]), {"x": floats(3, 4)},
     {"i": np.array([[0, 1], [2, 3]]), "u": floats(2)}),
    (helper.make_node("CumSum", ["x", "a"], ["y"], exclusive=1, reverse=1), {"x": floats(3, 4)}, {"a": np.array(1)}),
    (helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=2, mode="CRD"), {"x": floats(1, 8, 2, 3)}, {}),
    (helper.make_node("SpaceToDepth", ["x"], ["y"], blocksize=2), {"x": floats(1, 2, 4, 6)}, {}),
    (helper.make_node("Mod", ["x", "d"], ["y"], fmod=1), {"x": floats(20)}, {"d": np.array([-0.3], np.float32)}),
    (helper.make_node("LeakyRelu", ["x"], ["y"], alpha=0.2), {"x": floats(9)}, {}),
    (helper.make_node("Elu", ["x"], ["y"], alpha=0.7), {"x": floats(9)}, {}),
    (helper.make_node("Selu", ["x"], ["y"]), {"x": floats(9)}, {}),
    (helper.make_node("HardSwish", ["x"], ["y"]), {"x": floats(9)}, {}),
    (helper.make_node("ReduceL2", ["x"], ["y"], axes=[1], keepdims=0), {"x": floats(3, 4)}, {}),
    (helper.make_node("ReduceLogSumExp", ["x"], ["y"]), {"x": floats(3, 4)}, {}),
    (helper.make_node("Expand", ["x", "s"], ["y"]), {"x": floats(3, 1)}, {"s": np.array([2, 1, 4])}),
    (helper.make_node("Tile", ["x", "s"], ["y"]), {"x": floats(3, 2)}, {"s": np.array([2, 3])}),
    (helper.make_node("OneHot", ["i", "d", "x"], ["y"], axis=0), {"x": floats(2)},
     {"i": np.array([[0, -1], [2, 1]]), "d": np.array(3)}),
    (helper.make_node("Clip", ["x", "", "c"], ["y"]), {"x": floats(9)}, {"c": np.array(0.5, np.float32)}),
], ids=lambda value: value.op_type if isinstance(value, onnx.NodeProto) else "")
def test_one_node(tmp_path, node, inputs, constants):
    check(tmp_path, [node], inputs, FLOAT, constants)


@pytest.mark.parametrize("version", [7, 9, 11, 12, 13, 15, 18, 20, 21])
def test_operator_sets(tmp_path, version):
    if version < 13:
        nodes = [helper.make_node("Unsqueeze", ["x"], ["u"], axes=[0]), helper.make_node("ReduceSum", ["u"], ["s"], axes=[1])]
        constants = {}
    else:
        nodes = [helper.make_node("Unsqueeze", ["x", "a"], ["u"]), helper.make_node("ReduceSum", ["u", "b"], ["s"])]
        constants = {"a": np.array([0]), "b": np.array([1])}
    nodes += [helper.make_node("Softmax", ["s"], ["m"], axis=1), helper.make_node("Sigmoid", ["m"], ["y"])]
    check(tmp_path, nodes, {"x": floats(3, 4)}, FLOAT, constants, set_version=version)


def test_tensors_in_a_file_beside_the_model(tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = helper.make_graph(nodes, "test", [helper.make_tensor_value_info("x", 1, [2, 64])],
                              [helper.make_tensor_value_info("y", 1, [2, 64])],
                              [numpy_helper.from_array(floats(64, 64), "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = floats(2, 64, seed=1)
    want = session(model.SerializeToString()).run(None, {"x": x})[0]
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    np.savez(tmp_path / "in.npz", x=x)
    subprocess.run([CONVERT, "--run", tmp_path / "m.onnx", tmp_path / "in.npz", tmp_path / "out.npz"], check=True)
    assert close(np.load(tmp_path / "out.npz")["y"], want)
