"""The int8 weights of a model directory as float32 tensors under torch's names: the same model for another library.

Needs onnx, which the training's environment has.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

Floats = npt.NDArray[np.float32]


def rebuild_weights(weights: Path) -> dict[str, Floats]:
    """Each matrix and vector of the network that was exported, by its name there, such as `level.weight`.

    Weights keep the exporter's names, except matrices that it transposed: those are named by the node that
    multiplies with them. A quantised tensor q with scale s and zero point z stands for s * (q - z); for a matrix s
    and z are given per column. Raises ValueError when the graph holds no network that was exported so.
    """
    graph = onnx.load(str(weights)).graph
    given = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found: dict[str, Floats] = {}
    for name, array in given.items():
        plain = name.removesuffix("_quantized")
        if plain.startswith("onnx::") or plain.endswith("_Transposed"):
            continue
        if name.endswith("_quantized"):
            found[plain] = _dequantise(given, plain)
        elif name.endswith((".weight", ".bias")) and array.dtype == np.float32:
            found[name] = array
    for node in graph.node:
        if node.op_type in ("MatMulInteger", "MatMul") and len(node.input) > 1 and node.input[1] in given:
            plain = node.input[1].removesuffix("_quantized")
            matrix = given[plain] if plain in given else _dequantise(given, plain)
            found.setdefault(_module_of(node) + ".weight", np.ascontiguousarray(matrix.T))
    if "level.weight" not in found:
        raise ValueError(f"{weights} holds no weights under names that are known; give a checkpoint instead")
    return found


def _dequantise(given: dict[str, npt.NDArray[Any]], name: str) -> Floats:
    zero_point = given[f"{name}_zero_point"].astype(np.float32)
    floats: Floats = (given[f"{name}_quantized"].astype(np.float32) - zero_point) * given[f"{name}_scale"]
    return floats.astype(np.float32)


def _module_of(node: Any) -> str:
    """`/encoder/layer.0/output/dense/MatMul_quant` is the module encoder.layer.0.output.dense."""
    return str(node.name).strip("/").rpartition("/")[0].replace("/", ".")
