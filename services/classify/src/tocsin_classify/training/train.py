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
from torch import Tensor, nn

from tocsin_classify.training.dataset import Example
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.network import EscalationNetwork, Labels, encoder_layers, loss_of
from tocsin_classify.training.stages import Stage

# Batches are cut from runs of so many batches sorted by length, so that little is spent on padding.
SORTED_RUN = 20
WARMUP_STEPS = 50
COOL_DOWN_STEPS = 150
WEIGHT_DECAY = 0.01
GRADIENT_NORM = 1.0
# The average of the weights reaches back over about 1 / (1 - decay) steps.
AVERAGE_DECAY = 0.99
# A checkpoint holds weights and optimizer, about 250 MB for e5-small: often enough to lose minutes at most.
CHECKPOINT_STEPS = 50


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, besides data and base. A resumed run must have the same.

    `long_one_in` takes one in so many windows of the long articles; `other_languages` takes every short item that is
    not English so many times an epoch. `stop_at` ends the run at that step, short of its epochs; 0 is no such step.
    """

    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    head_learning_rate: float
    freeze_layers: int
    layer_decay: float = 1.0
    long_one_in: int = 1
    other_languages: int = 1
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


def tensors_of(batch: Sequence[Example], pad_id: int, topics: int) -> tuple[Tensor, Tensor, Labels]:
    """A batch as token ids, mask and labels, padded to its longest window."""
    longest = max(len(example.ids) for example in batch)
    ids = torch.full((len(batch), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(batch), longest), dtype=torch.long)
    marks = torch.zeros((len(batch), topics))
    spans = [(row, span) for row, example in enumerate(batch) for span in example.spans]
    span_weights = torch.zeros((len(spans), longest))
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
        marks[row, list(example.topics)] = 1.0
    for place, (_, (start, end, _)) in enumerate(spans):
        span_weights[place, start:end] = 1.0 / (end - start)
    labels = Labels(
        levels=torch.tensor([example.level for example in batch]),
        directions=torch.tensor([example.direction for example in batch]),
        topics=marks,
        other_weight=torch.tensor([example.other_weight for example in batch]),
        news=torch.tensor([float(example.news) for example in batch]),
        span_weights=span_weights,
        span_windows=torch.tensor([row for row, _ in spans], dtype=torch.long),
        span_levels=torch.tensor([level for _, (_, _, level) in spans], dtype=torch.long),
    )
    return ids, mask, labels


def train_network(
    network: EscalationNetwork,
    examples: Sequence[Example],
    recipe: Recipe,
    *,
    pad_id: int,
    checkpoint: Path,
    resume: bool,
    stages: Sequence[Stage] = (),
    listen: Callable[[Progress], None],
    after_epoch: Callable[[int, EscalationNetwork], bool] | None = None,
    checkpoint_steps: int = CHECKPOINT_STEPS,
) -> None:
    """Trains `network` in place on the CPU or, where torch sees one, a GPU.

    `stages` are the runs before this one, and this one as the last; the checkpoint keeps them with the weights. With
    `resume` the checkpoint is taken up where it was written, and the weights end up as if the run had never stopped.
    `after_epoch` is shown the averaged weights of each epoch, in evaluation mode, before they are saved, and ends the
    run by returning True. Raises TrainingError when the checkpoint belongs to another recipe or other data.
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
    if stages[:-1]:
        identity["started_from"] = list(stages[:-1])
    torch.manual_seed(recipe.seed)
    average = {name: parameter.clone() for name, parameter in trained_state(network).items()}
    done = 0
    if resume and checkpoint.exists():
        done = _load(checkpoint, identity, recipe.stop_at, network, average, optimizer, schedule)
    network.train()
    began = time.monotonic()
    for step, (epoch, last, batch) in enumerate(_walk(examples, recipe), start=1):
        if step <= done:
            continue
        if step > steps:
            break
        ids, mask, labels = tensors_of(batch, pad_id, network.topics.out_features)
        loss = loss_of(network(ids.to(device), mask.to(device)), labels.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
        optimizer.step()
        schedule.step()
        follow(average, network, step)
        # The mean over this run: single steps differ tenfold with the length of their windows.
        listen(Progress(step, steps, loss.item(), (time.monotonic() - began) / (step - done)))
        enough = last and after_epoch is not None and _shown(after_epoch, epoch, network, average)
        if step % checkpoint_steps == 0 or last or step == steps:
            _save(checkpoint, identity, stages, recipe.stop_at, step, network, average, optimizer, schedule)
        if enough:
            break
    network.load_state_dict(average, strict=False)
    network.eval()


def _shown(
    after_epoch: Callable[[int, EscalationNetwork], bool],
    epoch: int,
    network: EscalationNetwork,
    average: dict[str, Tensor],
) -> bool:
    """What the hook says of the averaged weights; the network goes on with its own."""
    own = {name: parameter.clone() for name, parameter in trained_state(network).items()}
    network.load_state_dict(average, strict=False)
    network.eval()
    enough = after_epoch(epoch, network)
    network.load_state_dict(own, strict=False)
    network.train()
    return enough


def follow(average: dict[str, Tensor], network: EscalationNetwork, step: int) -> None:
    """Moves the running average of the weights towards those of this step.

    The average judges a little better than any single step, and is what the run ends with.
    """
    share = max(1.0 - AVERAGE_DECAY, 1.0 / (step + 1))
    with torch.no_grad():
        for name, parameter in trained_state(network).items():
            average[name].lerp_(parameter, share)


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


def _optimizer(network: EscalationNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    heads = [
        parameter
        for head in (network.level, network.direction, network.topics, network.news)
        for parameter in head.parameters()
    ]
    groups = [{"params": heads, "lr": recipe.head_learning_rate, "weight_decay": 0.0}]
    for share, parameters in rate_shares(network, recipe.layer_decay):
        rate = recipe.learning_rate * share
        groups.append({"params": [p for p in parameters if p.ndim > 1], "lr": rate, "weight_decay": WEIGHT_DECAY})
        groups.append({"params": [p for p in parameters if p.ndim <= 1], "lr": rate, "weight_decay": 0.0})
    return torch.optim.AdamW([group for group in groups if group["params"]])


def rate_shares(network: EscalationNetwork, decay: float) -> list[tuple[float, list[nn.Parameter]]]:
    """The encoder's trained parameters by layer, with their share of the learning rate.

    Each layer learns `decay` times as fast as the one above it: the lower ones hold what all texts share.
    """
    layers = encoder_layers(network.encoder)
    depth = {id(parameter): place for place, layer in enumerate(layers) for parameter in layer.parameters()}
    shares: dict[int, list[nn.Parameter]] = {}
    for parameter in network.encoder.parameters():
        if parameter.requires_grad:
            shares.setdefault(depth.get(id(parameter), 0), []).append(parameter)
    return [(decay ** max(len(layers) - 1 - place, 0), parameters) for place, parameters in sorted(shares.items())]


def trained_state(network: EscalationNetwork) -> dict[str, Tensor]:
    """The parameters that training changes; the frozen ones are those of the base."""
    return {name: parameter.detach() for name, parameter in network.named_parameters() if parameter.requires_grad}


def load_trained_state(network: EscalationNetwork, checkpoint: Path) -> list[Stage]:
    """Puts another run's weights into `network`; returns the runs that led to them. Raises TrainingError."""
    content = _read(checkpoint)
    network.load_state_dict(content["average"], strict=False)
    return _stages_in(content)


def read_stages(checkpoint: Path) -> list[Stage]:
    """The runs that led to a checkpoint's weights, the last with the steps it took so far. Raises TrainingError."""
    return _stages_in(_read(checkpoint))


def _stages_in(content: dict[str, Any]) -> list[Stage]:
    stages: list[Stage] = json.loads(content["stages"])
    if stages:
        stages[-1]["steps"] = int(content["step"])
    return stages


def _save(
    path: Path,
    identity: dict[str, Any],
    stages: Sequence[Stage],
    stop_at: int,
    step: int,
    network: EscalationNetwork,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    schedule: Any,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    torch.save(
        {
            "identity": json.dumps(identity, sort_keys=True),
            "stages": json.dumps(list(stages)),
            "stop_at": stop_at,
            "step": step,
            "weights": trained_state(network),
            "average": average,
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
    network: EscalationNetwork,
    average: dict[str, Tensor],
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
    average.update(content["average"])
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
