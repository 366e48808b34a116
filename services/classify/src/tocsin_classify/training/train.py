"""The training loop: seeded, resumable after a kill, the same weights either way."""

import json
import math
import os
import pickle
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tocsin_classify.training.dataset import Example
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.network import ThreeHeads, loss_of

# Batches are cut from runs of so many batches sorted by length, so that little is spent on padding.
SORTED_RUN = 20
WARMUP_STEPS = 50
COOL_DOWN_STEPS = 150
WEIGHT_DECAY = 0.01
GRADIENT_NORM = 1.0
# A checkpoint holds weights and optimizer, about 250 MB for e5-small: often enough to lose minutes at most.
CHECKPOINT_STEPS = 50


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, besides data and base. A resumed run must have the same.

    `long_one_in` takes one in so many windows of the long articles. `stop_at` ends the run at that step, short of
    its epochs; 0 is no such step.
    """

    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    head_learning_rate: float
    freeze_layers: int
    long_one_in: int = 1
    stop_at: int = 0


@dataclass(frozen=True)
class Progress:
    """What a listener is told after a step."""

    step: int
    steps: int
    loss: float
    seconds_per_step: float

    @property
    def eta_seconds(self) -> float:
        return (self.steps - self.step) * self.seconds_per_step


def batches_of(examples: Sequence[Example], batch_size: int, seed: int, epoch: int) -> list[list[Example]]:
    """The batches of one epoch: shuffled, but each batch of similar lengths. A function of its arguments."""
    order = random.Random(f"{seed}/{epoch}")  # noqa: S311 - reproducible, not secret
    shuffled = list(examples)
    order.shuffle(shuffled)
    batches: list[list[Example]] = []
    run = batch_size * SORTED_RUN
    for start in range(0, len(shuffled), run):
        ordered = sorted(shuffled[start : start + run], key=lambda example: len(example.ids))
        batches.extend(ordered[at : at + batch_size] for at in range(0, len(ordered), batch_size))
    order.shuffle(batches)
    return batches


def tensors_of(batch: Sequence[Example], pad_id: int, topics: int) -> dict[str, Tensor]:
    """A batch as tensors, padded to its longest window."""
    longest = max(len(example.ids) for example in batch)
    ids = torch.full((len(batch), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(batch), longest), dtype=torch.long)
    marks = torch.zeros((len(batch), topics))
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
        marks[row, list(example.topics)] = 1.0
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "levels": torch.tensor([example.level for example in batch]),
        "directions": torch.tensor([example.direction for example in batch]),
        "topics": marks,
        "other_weight": torch.tensor([example.other_weight for example in batch]),
    }


def train_network(
    network: ThreeHeads,
    examples: Sequence[Example],
    recipe: Recipe,
    *,
    pad_id: int,
    checkpoint: Path,
    resume: bool,
    started_from: dict[str, Any] | None = None,
    listen: Callable[[Progress], None],
    after_epoch: Callable[[int, ThreeHeads], None] = lambda epoch, network: None,
    checkpoint_steps: int = CHECKPOINT_STEPS,
) -> None:
    """Trains `network` in place on the CPU or, where torch sees one, a GPU.

    With `resume` the checkpoint is taken up where it was written, and the weights end up as if the run had
    never stopped. Raises TrainingError when the checkpoint belongs to another recipe or other data.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device)
    per_epoch = math.ceil(len(examples) / recipe.batch_size)
    planned = per_epoch * recipe.epochs
    steps = min(recipe.stop_at or planned, planned)
    optimizer = _optimizer(network, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_share(step, planned, steps))
    identity = {**asdict(recipe), "examples": len(examples)}
    # Where a run ends may change while it runs; `_load` sees to it that this is in time.
    del identity["stop_at"]
    if started_from is not None:
        identity["started_from"] = started_from
    torch.manual_seed(recipe.seed)
    done = 0
    if resume and checkpoint.exists():
        done = _load(checkpoint, identity, recipe.stop_at, network, optimizer, schedule)
    network.train()
    began = time.monotonic()
    for step, (epoch, last, batch) in enumerate(_walk(examples, recipe), start=1):
        if step <= done:
            continue
        if step > steps:
            break
        tensors = {name: tensor.to(device) for name, tensor in _tensors(network, batch, pad_id).items()}
        outputs = network(tensors.pop("input_ids"), tensors.pop("attention_mask"))
        loss = loss_of(outputs, **tensors)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
        optimizer.step()
        schedule.step()
        # The mean over this run: single steps differ tenfold with the length of their windows.
        listen(Progress(step, steps, loss.item(), (time.monotonic() - began) / (step - done)))
        if step % checkpoint_steps == 0 or last or step == steps:
            _save(checkpoint, identity, recipe.stop_at, step, network, optimizer, schedule)
        if last:
            network.eval()
            after_epoch(epoch, network)
            network.train()
    network.eval()


def _tensors(network: ThreeHeads, batch: Sequence[Example], pad_id: int) -> dict[str, Tensor]:
    return tensors_of(batch, pad_id, network.topics.out_features)


def _walk(examples: Sequence[Example], recipe: Recipe) -> Iterator[tuple[int, bool, list[Example]]]:
    for epoch in range(1, recipe.epochs + 1):
        batches = batches_of(examples, recipe.batch_size, recipe.seed, epoch)
        for number, batch in enumerate(batches, start=1):
            yield epoch, number == len(batches), batch


def learning_rate_share(step: int, planned: int, steps: int) -> float:
    """Share of the highest rate at `step`: warm-up, then linear decay to zero at `planned` steps.

    A run that ends earlier, at `steps`, follows the same line and falls to zero over its last COOL_DOWN_STEPS,
    so that how long it runs may be decided while it runs.
    """
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    share = max((planned - step) / max(planned - WARMUP_STEPS, 1), 0.0)
    if steps < planned:
        share *= min(max(steps - step, 0) / COOL_DOWN_STEPS, 1.0)
    return share


def _optimizer(network: ThreeHeads, recipe: Recipe) -> torch.optim.Optimizer:
    heads = [*network.level.parameters(), *network.direction.parameters(), *network.topics.parameters()]
    body = [parameter for parameter in network.encoder.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in body if p.ndim > 1], "lr": recipe.learning_rate, "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in body if p.ndim <= 1], "lr": recipe.learning_rate, "weight_decay": 0.0},
            {"params": heads, "lr": recipe.head_learning_rate, "weight_decay": 0.0},
        ]
    )


def trained_state(network: ThreeHeads) -> dict[str, Tensor]:
    """The parameters that training changes; the frozen ones are those of the base."""
    return {name: parameter.detach() for name, parameter in network.named_parameters() if parameter.requires_grad}


def load_trained_state(network: ThreeHeads, checkpoint: Path) -> dict[str, Any]:
    """Puts another run's weights into `network`; returns what made them, its last step included."""
    content = _read(checkpoint)
    network.load_state_dict(content["weights"], strict=False)
    return {**json.loads(content["identity"]), "step": int(content["step"])}


def _save(
    path: Path,
    identity: dict[str, Any],
    stop_at: int,
    step: int,
    network: ThreeHeads,
    optimizer: torch.optim.Optimizer,
    schedule: Any,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    torch.save(
        {
            "identity": json.dumps(identity, sort_keys=True),
            "stop_at": stop_at,
            "step": step,
            "weights": trained_state(network),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "random": torch.get_rng_state(),
        },
        unfinished,
    )
    # A kill while writing must not cost the previous checkpoint.
    os.replace(unfinished, path)  # noqa: PTH105 - Path.replace is the same call, this one says what it is


def _load(
    path: Path,
    identity: dict[str, Any],
    stop_at: int,
    network: ThreeHeads,
    optimizer: torch.optim.Optimizer,
    schedule: Any,
) -> int:
    content = _read(path)
    if content["identity"] != json.dumps(identity, sort_keys=True):
        raise TrainingError(
            f"{path} was written by another recipe or other data ({content['identity']}); "
            "repeat the options of that run, or start over without --resume"
        )
    done = int(content["step"])
    ends = {int(content["stop_at"]), stop_at}
    if len(ends) > 1 and any(done > end - COOL_DOWN_STEPS for end in ends if end):
        raise TrainingError(
            f"the end may be moved up to {COOL_DOWN_STEPS} steps before it, and {path} stands at step {done}: "
            "choose a later --stop-at, or the one of that run"
        )
    network.load_state_dict(content["weights"], strict=False)
    optimizer.load_state_dict(content["optimizer"])
    schedule.load_state_dict(content["schedule"])
    torch.set_rng_state(content["random"])
    return done


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(f"the checkpoint {path} cannot be read; start over without --resume") from error
    return content


def topic_counts(examples: Iterable[Example], topics: int) -> list[int]:
    """How many examples carry each topic."""
    counts = [0] * topics
    for example in examples:
        for topic in example.topics:
            counts[topic] += 1
    return counts
