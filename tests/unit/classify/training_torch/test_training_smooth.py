"""Smoothing what enters the matrices of an ONNX model. Needs the extra `train`: run by `make test-train`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tocsin_classify.training.export import quantize
from tocsin_classify.training.smooth_activations import factors_of, smooth_activations

pytestmark = pytest.mark.training

WIDTH = 16
LOUD = 3
WINDOWS = [(0, 5, 9, 2), (7, 1, 3), (4, 8, 6, 2, 1)]

Floats = npt.NDArray[np.float32]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Ten embeddings of which one channel is a hundred times the others, read by two matrices and by a sum."""
    chance = np.random.default_rng(0)
    table = chance.standard_normal((10, WIDTH)).astype(np.float32)
    loudness = np.where(np.arange(WIDTH) == LOUD, 100.0, 1.0).astype(np.float32)
    left, right = (chance.standard_normal((WIDTH, WIDTH)).astype(np.float32) for _ in range(2))
    # The loud channel says little, so that what it costs is seen in all the others.
    left[LOUD] *= 0.01
    right[LOUD] *= 0.01
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["quiet"]),
        helper.make_node("Mul", ["quiet", "loudness"], ["embedded"]),
        helper.make_node("MatMul", ["embedded", "left"], ["a"]),
        helper.make_node("MatMul", ["embedded", "right"], ["b"]),
        helper.make_node("Relu", ["a"], ["active"]),
        helper.make_node("MatMul", ["active", "tied"], ["c"]),
        helper.make_node("MatMul", ["b", "tied"], ["d"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["mask"], ["count"], keepdims=0),
        helper.make_node("Sum", ["c", "d", "embedded", "count"], ["level"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "tokens", WIDTH])
            for name in ("level", "a", "b")
        ],
        [
            numpy_helper.from_array(array, name)
            for name, array in (
                ("table", table),
                ("loudness", loudness),
                ("left", left),
                ("right", right),
                ("tied", left.T.copy()),
            )
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "plain.onnx")
    return tmp_path / "plain.onnx"


@pytest.fixture
def smoothed(plain: Path, tmp_path: Path) -> Path:
    smooth_activations(plain, tmp_path / "smoothed.onnx", WINDOWS)
    return tmp_path / "smoothed.onnx"


def run(weights: Path, window: Sequence[int], outputs: Sequence[str] = ("level", "a", "b")) -> list[Floats]:
    session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    ids = np.array([window], dtype=np.int64)
    found: list[Floats] = session.run(list(outputs), {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    return found


def error(weights: Path, plain: Path) -> float:
    """Mean distance between what the two matrices give that may be smoothed."""
    pairs = [zip(run(weights, window, "ab"), run(plain, window, "ab"), strict=True) for window in WINDOWS]
    return float(np.mean([np.abs(left - right).mean() for pair in pairs for left, right in pair]))


def test_a_smoothed_model_computes_the_same(plain: Path, smoothed: Path) -> None:
    onnx.checker.check_model(onnx.load(smoothed), full_check=True)
    for window in [*WINDOWS, (9,)]:
        for left, right in zip(run(smoothed, window), run(plain, window), strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-3)


def test_matrices_that_read_the_same_share_one_product(smoothed: Path) -> None:
    nodes = onnx.load(smoothed).graph.node
    products = [list(node.input) for node in nodes if node.op_type == "Mul"]
    assert products == [["quiet", "loudness"], ["embedded", "embedded_smoothing"]]
    # `tied` is read twice: what suits one reader would change the other.
    assert [node.input[0] for node in nodes if node.op_type == "MatMul"] == [
        "embedded_smoothed",
        "embedded_smoothed",
        "active",
        "b",
    ]


def test_int8_loses_less_of_a_smoothed_model(plain: Path, smoothed: Path, tmp_path: Path) -> None:
    quantize(plain, tmp_path / "without.onnx")
    quantize(smoothed, tmp_path / "with.onnx")
    assert error(tmp_path / "with.onnx", plain) < 0.5 * error(tmp_path / "without.onnx", plain)


def test_factors_follow_the_channels_and_neither_grow_nor_vanish() -> None:
    matrix = np.ones((4, 2), dtype=np.float32)
    factors = factors_of(np.array([1.0, 10.0, 1.0, 0.0], dtype=np.float32), [matrix, 0.5 * matrix])
    assert np.log(factors).sum() == pytest.approx(0.0, abs=1e-5)
    assert factors[1] / factors[0] == pytest.approx(10.0**0.8, rel=1e-4)
    assert np.isfinite(factors).all()
    assert (factors > 0).all()
