"""Early stopping: when it ends a run, which weights it keeps, and that a kill changes nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from tocsin_classify.training.dataset import Example
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.network import EscalationNetwork
from tocsin_classify.training.stop_early import Epoch, StopEarly, measure_levels
from tocsin_classify.training.train import Progress, Recipe, train_network

pytestmark = pytest.mark.training

PAD = 1
RECIPE = Recipe(seed=3, epochs=6, batch_size=4, learning_rate=1e-2, head_learning_rate=1e-2, freeze_layers=0)
EXAMPLES = [
    Example(ids=(0, *range(5, 6 + number % 5), 2), level=number % 6, direction=number % 3, topics=(number % 4,))
    for number in range(8)
]
Weights = dict[str, torch.Tensor]


class Killed(Exception):
    """Stands for a kill -9."""


def fresh() -> EscalationNetwork:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32, pad_token_id=PAD,
    )  # fmt: skip
    return EscalationNetwork(BertModel(config, add_pooling_layer=False), 16, 4)


def weights(network: EscalationNetwork) -> Weights:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def stopping(
    path: Path,
    qwk: list[float],
    *,
    resume: bool = False,
    identity: str = "a",
    seen: list[Weights] | None = None,
) -> StopEarly:
    def measure(epoch: int, network: EscalationNetwork) -> Epoch:
        assert not network.training
        if seen is not None:
            seen.append(weights(network))
        return Epoch(epoch, qwk[epoch - 1], 0.5, 1.0)

    return StopEarly(patience=2, path=path, identity=identity, resume=resume, measure=measure)


def train(
    network: EscalationNetwork,
    checkpoint: Path,
    stop: StopEarly | None,
    *,
    resume: bool = False,
    listen: Callable[[Progress], None] = lambda progress: None,
) -> None:
    train_network(
        network, EXAMPLES, RECIPE, pad_id=PAD, checkpoint=checkpoint, resume=resume, listen=listen, after_epoch=stop,
        checkpoint_steps=1,
    )  # fmt: skip


def assert_same(left: Weights, right: Weights) -> None:
    for name in left:
        assert torch.equal(left[name], right[name]), name


def test_a_run_ends_when_two_epochs_gained_nothing_and_keeps_the_best_weights(tmp_path: Path) -> None:
    seen: list[Weights] = []
    steps: list[int] = []
    network = fresh()
    stop = stopping(tmp_path / "best.pt", [0.1, 0.6, 0.5, 0.6, 0.9, 0.9], seen=seen)
    train(network, tmp_path / "c.pt", stop, listen=lambda progress: steps.append(progress.step))
    # Two batches an epoch; epochs 3 and 4 are no better than the second.
    assert steps[-1] == 8
    stop.restore(network)
    assert_same(weights(network), seen[1])


def test_being_watched_changes_no_weight(tmp_path: Path) -> None:
    plain, watched = fresh(), fresh()
    train(plain, tmp_path / "a.pt", None)
    train(watched, tmp_path / "b.pt", stopping(tmp_path / "best.pt", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    assert_same(weights(plain), weights(watched))


@pytest.mark.parametrize("killed_at", [3, 4, 7])
def test_a_killed_run_ends_with_the_same_weights(tmp_path: Path, killed_at: int) -> None:
    qwk = [0.1, 0.6, 0.5, 0.4, 0.9, 0.9]
    whole = fresh()
    stop = stopping(tmp_path / "whole.pt", qwk)
    train(whole, tmp_path / "w.pt", stop)
    stop.restore(whole)

    def kill(progress: Progress) -> None:
        if progress.step == killed_at:
            raise Killed

    with pytest.raises(Killed):
        train(fresh(), tmp_path / "k.pt", stopping(tmp_path / "killed.pt", qwk), listen=kill)
    torch.manual_seed(999)
    resumed = fresh()
    again = stopping(tmp_path / "killed.pt", qwk, resume=True)
    train(resumed, tmp_path / "k.pt", again, resume=True)
    again.restore(resumed)
    assert again.epochs == stop.epochs
    assert_same(weights(whole), weights(resumed))


def test_a_run_that_has_ended_is_known_to_have(tmp_path: Path) -> None:
    train(fresh(), tmp_path / "c.pt", stopping(tmp_path / "best.pt", [0.3, 0.2, 0.1, 0.1, 0.1, 0.1]))
    assert stopping(tmp_path / "best.pt", [], resume=True).exhausted
    assert not stopping(tmp_path / "best.pt", []).epochs
    assert not stopping(tmp_path / "best.pt", [], resume=True, identity="other").epochs


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "best.pt").write_bytes(b"nothing")
    with pytest.raises(TrainingError, match="start over without --resume"):
        stopping(tmp_path / "best.pt", [], resume=True)


def test_levels_are_measured_on_every_window() -> None:
    network = fresh().eval()
    with torch.no_grad():
        network.level.weight.zero_()
        network.level.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 9.0, 0.0, 0.0]))
    found = measure_levels(4, network, EXAMPLES * 20, pad_id=PAD)
    # One level in eight items is 3.
    assert (found.epoch, found.level_exact) == (4, 0.125)
    assert found.level_qwk == 0.0
