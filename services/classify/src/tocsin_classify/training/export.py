"""Writes a trained network as a model directory: config, tokenizer, int8 ONNX weights."""

import json
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tocsin_classify.model_directory import LEVELS, WEIGHTS, ModelSettings
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.network import EscalationNetwork
from tocsin_classify.training.smooth_activations import smooth_activations

OPSET = 17
# A quantised model may move the logits a little; the mean cosine to torch's tells when it broke something.
LEAST_COSINE = 0.98
OUTPUTS = ("level", "direction", "topics", "news", "token_level")


def export_onnx(network: EscalationNetwork, target: Path) -> None:
    """The network as float32 ONNX with free batch and length."""
    network.eval().to("cpu")
    ids = torch.tensor([[0, 5, 6, 7, 2], [0, 8, 2, 1, 1]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    free = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings(), torch.no_grad():
        # The classic exporter is deprecated, and the one that matched torch and quantises cleanly.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (ids, mask),
            str(target),
            dynamo=False,
            opset_version=OPSET,
            input_names=["input_ids", "attention_mask"],
            output_names=list(OUTPUTS),
            dynamic_axes={
                "input_ids": free,
                "attention_mask": free,
                **{name: {0: "batch"} for name in OUTPUTS},
                "token_level": free,
            },
        )


def quantize(source: Path, target: Path) -> None:
    """Dynamic int8: matrices per output channel, the word embeddings as a table of bytes.

    Weights take seven of the eight bits: on processors without VNNI the kernels add two products in sixteen bits,
    which eight-bit weights overflow, and the model would judge differently from machine to machine. Unsigned
    weights avoid that too, with kernels that were a sixth slower (AVX2) at the same parity.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul", "Gather"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        reduce_range=True,
    )


def parity(
    network: EscalationNetwork, weights: Path, windows: Sequence[Sequence[int]], pad_id: int
) -> dict[str, float]:
    """For each output the mean cosine between torch's and ONNX Runtime's logits over `windows`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    cosines: dict[str, list[float]] = {name: [] for name in OUTPUTS}
    for window in windows:
        ids = np.array([window], dtype=np.int64)
        mask = (ids != pad_id).astype(np.int64)
        ran = session.run(list(OUTPUTS), {"input_ids": ids, "attention_mask": mask})
        with torch.no_grad():
            expected = network(torch.from_numpy(ids), torch.from_numpy(mask))
        for name, left, right in zip(OUTPUTS, expected, ran, strict=True):
            left, right = left.numpy().ravel(), right.ravel()
            cosines[name].append(float(left @ right / (np.linalg.norm(left) * np.linalg.norm(right))))
    return {name: float(np.mean(values)) for name, values in cosines.items()}


def write_model_directory(
    directory: Path,
    base: Path,
    network: EscalationNetwork,
    settings: ModelSettings,
    windows: Sequence[Sequence[int]],
) -> None:
    """config.json, tokenizer and model.onnx in `directory`. Anything else there is left alone.

    `windows` are token ids of usual texts: by what the network computes for them it is made ready for int8.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (base / name).exists():
            shutil.copy(base / name, directory / name)
    with tempfile.TemporaryDirectory() as scratch:
        plain, smoothed = Path(scratch) / "plain.onnx", Path(scratch) / "smoothed.onnx"
        export_onnx(network, plain)
        smooth_activations(plain, smoothed, windows)
        quantize(smoothed, directory / WEIGHTS)
    write_config(directory, base, settings)


def write_config(directory: Path, base: Path, settings: ModelSettings) -> None:
    """The base's config with the six levels as labels and the section "tocsin"."""
    config: dict[str, Any] = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config["id2label"] = {str(level): str(level) for level in range(LEVELS)}
    config["label2id"] = {str(level): level for level in range(LEVELS)}
    config["tocsin"] = settings.model_dump(mode="json")
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (directory / "config.json").write_text(text, encoding="utf-8")


def check_parity(
    network: EscalationNetwork, weights: Path, windows: Sequence[Sequence[int]], pad_id: int
) -> dict[str, float]:
    """The parity, or TrainingError when quantisation broke an output."""
    found = parity(network, weights, windows, pad_id)
    worst = min(found, key=lambda name: found[name])
    if found[worst] < LEAST_COSINE:
        raise TrainingError(
            f"the int8 weights do not match the trained ones (mean cosine of {worst} {found[worst]:.3f}, "
            f"at least {LEAST_COSINE})"
        )
    return found
