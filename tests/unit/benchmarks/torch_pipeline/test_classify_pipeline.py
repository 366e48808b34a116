"""The pipeline computes what the exported int8 model computes."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import BertConfig, BertModel

from benchmarks.classify.pipeline_worker import load_model
from benchmarks.classify.rebuild_weights import rebuild_weights
from tocsin_classify.training.export import export_onnx, quantize
from tocsin_classify.training.network import EscalationNetwork

pytestmark = [pytest.mark.unit, pytest.mark.training]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A small network with random weights, exported as a model directory is."""
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=40,
        pad_token_id=1,
        num_labels=6,
    )
    network = EscalationNetwork(BertModel(config, add_pooling_layer=False), 32, topics=3)
    with torch.no_grad():
        # An untrained network's vectors are all alike, and the exporter keeps one of each; trained ones differ.
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.02)
        # Far enough from zero that the levels of two windows differ.
        network.level.weight.mul_(20.0)
    export_onnx(network, tmp_path / "plain.onnx")
    quantize(tmp_path / "plain.onnx", tmp_path / "model.onnx")
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    return tmp_path


def test_the_rebuilt_classifier_gives_the_logits_of_the_int8_model(directory: Path) -> None:
    model, _ = load_model(directory, None)
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"), providers=["CPUExecutionProvider"])
    padded = torch.tensor([[0, 5, 6, 7, 2], [0, 8, 2, 1, 1]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    with torch.no_grad():
        logits = model(input_ids=padded, attention_mask=mask).logits.numpy()
    for row, length in enumerate((5, 3)):
        ids = padded[row : row + 1, :length].numpy()
        (expected,) = session.run(["level"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        assert logits[row] == pytest.approx(expected[0], abs=0.05 * float(np.abs(expected).max()))


def test_a_graph_without_a_known_network_is_refused() -> None:
    with pytest.raises(ValueError, match="give a checkpoint"):
        rebuild_weights(Path(__file__).parents[3] / "fixtures/tiny-model/model.onnx")
