"""The runs that led to a model's weights, each starting from the one before, as its card tells them."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

# The first data directory holds texts that may not be passed on, and lies anywhere; a stage names it like this.
FIRST_DATA = "DATA"


class Stage(TypedDict):
    """One run: its data directories, the day its test part begins, its windows, its recipe, and its options.

    `options` are those of the command that decide the weights, without `--`; `steps` is how many were taken; `groups`
    are the figures on its test part, by group of items, once they were taken.
    """

    data: list[str]
    test_from: str
    windows: int
    recipe: dict[str, Any]
    options: dict[str, str]
    steps: int
    groups: dict[str, Any]


def commands(stages: Sequence[Stage], out: str) -> list[str]:
    """The commands that make the model again, one for each stage; the last writes models/`out`."""
    lines = []
    for number, stage in enumerate(stages, start=1):
        options: Mapping[str, str] = {
            "out": f"models/{out}" if number == len(stages) else f"STAGE{number}",
            **({"start-from": f"STAGE{number - 1}.work/checkpoint.pt"} if number > 1 else {}),
            **stage["options"],
        }
        lines.append(_command("train", stage, options))
    return lines


def evaluation(stage: Stage, out: str, seed: int) -> str:
    """The command that takes the figures of models/`out` again, on the data of its last stage."""
    return _command("evaluate", stage, {"model": f"models/{out}", "seed": str(seed)})


def _command(name: str, stage: Stage, options: Mapping[str, str]) -> str:
    words = [f"--data={path}" for path in stage["data"]] + [f"--{key}={value}" for key, value in options.items()]
    return shlex.join(["tocsin", name, *words])


def describe_stage(stage: Stage) -> str:
    """A stage in one sentence: what was passed over, and how fast it was learned."""
    recipe = stage["recipe"]
    return (
        f"Items from before {stage['test_from']}: {stage['windows']:,} windows, {recipe['batch_size']} a step, "
        f"{stage['steps']:,} steps; seed {recipe['seed']}, rate {recipe['learning_rate']:g} (heads "
        f"{recipe['head_learning_rate']:g}), lowest {recipe['freeze_layers']} layers frozen."
    )
