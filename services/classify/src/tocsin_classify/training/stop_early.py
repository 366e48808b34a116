"""Ends a training run when the development part gains nothing more, and keeps the weights of its best epoch."""

import os
import pickle
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tocsin_classify.training import metrics
from tocsin_classify.training.calibrate import Calibration, distributions, gather, median_levels, surprise
from tocsin_classify.training.dataset import Example
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.network import EscalationNetwork
from tocsin_classify.training.train import tensors_of, trained_state

BATCH = 64


@dataclass(frozen=True)
class Epoch:
    """How the averaged weights did on the development part after an epoch."""

    epoch: int
    level_qwk: float
    level_exact: float
    surprise: float


class StopEarly:
    """The hook `after_epoch` of `train_network`.

    Everything it knows lies in `path`, the best weights too, so that a run which was stopped goes on as if it had not
    been. A file of another run, told by `identity`, or any without `resume`, is left behind.
    """

    def __init__(
        self,
        *,
        patience: int,
        path: Path,
        identity: str,
        resume: bool,
        measure: Callable[[int, EscalationNetwork], Epoch],
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._patience, self._path, self._identity, self._measure, self._say = patience, path, identity, measure, say
        self._weights: dict[str, torch.Tensor] = {}
        self.epochs: list[Epoch] = []
        if resume and path.exists():
            self._read()

    def __call__(self, epoch: int, network: EscalationNetwork) -> bool:
        """Measures an epoch; True when the run has gone on for long enough."""
        found = self._measure(epoch, network)
        # An epoch whose end was measured but not saved comes again after a kill.
        self.epochs = [*(one for one in self.epochs if one.epoch < epoch), found]
        self._say(
            f"epoch {epoch}: development QWK {found.level_qwk:.4f}, exact {found.level_exact:.4f}, "
            f"surprise {found.surprise:.4f}"
        )
        if self.best is found:
            self._weights = {name: tensor.clone().cpu() for name, tensor in trained_state(network).items()}
        self._write()
        return self.exhausted

    @property
    def best(self) -> Epoch | None:
        """The epoch with the highest QWK, the first of equal ones."""
        return max(self.epochs, key=lambda one: one.level_qwk, default=None)

    @property
    def exhausted(self) -> bool:
        """Whether `patience` epochs have passed since the best one."""
        return self.best is not None and self.epochs[-1].epoch - self.best.epoch >= self._patience

    def restore(self, network: EscalationNetwork) -> None:
        """Puts the best weights into the network."""
        if self.best is not None:
            self._say(f"taking the weights of epoch {self.best.epoch}")
            network.load_state_dict(self._weights, strict=False)

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".unfinished")
        epochs = [asdict(one) for one in self.epochs]
        torch.save({"identity": self._identity, "epochs": epochs, "weights": self._weights}, unfinished)
        # A kill while writing must not cost the previous file.
        os.replace(unfinished, self._path)  # noqa: PTH105 - Path.replace is the same call, this one says what it is

    def _read(self) -> None:
        try:
            content: dict[str, Any] = torch.load(self._path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise TrainingError(f"{self._path} cannot be read; start over without --resume") from error
        if content["identity"] == self._identity:
            self.epochs = [Epoch(**one) for one in content["epochs"]]
            self._weights = content["weights"]


def measure_levels(epoch: int, network: EscalationNetwork, examples: Sequence[Example], *, pad_id: int) -> Epoch:
    """The level figures of the network, in evaluation mode, on windows it does not learn from."""
    device = next(network.parameters()).device
    logits = []
    with torch.no_grad():
        for start in range(0, len(examples), BATCH):
            ids, mask, _ = tensors_of(examples[start : start + BATCH], pad_id, network.topics.out_features)
            logits.extend(network(ids.to(device), mask.to(device)).level.cpu().numpy())
    truth = np.array([example.level for example in examples], dtype=np.int64)
    found = distributions(gather([row[None] for row in logits]), Calibration(1.0))
    said = median_levels(found)
    table = metrics.confusion(truth, said, np.ones((1, len(truth))))
    return Epoch(
        epoch=epoch,
        level_qwk=round(float(metrics.quadratic_kappa(table)[0]), 4),
        level_exact=round(float((said == truth).mean()), 4),
        surprise=round(surprise(found, truth), 4),
    )
