"""A model that was made in stages says how to make each again."""

import pytest

from tocsin_classify.training.stages import Stage, commands, describe_stage

pytestmark = pytest.mark.unit


def stage(seed: int, *more: str, test_from: str = "2021-01-01") -> Stage:
    recipe = {"seed": seed, "batch_size": 32, "learning_rate": 2e-4, "head_learning_rate": 2e-3, "freeze_layers": 0}
    return Stage(
        data=["DATA", *more],
        test_from=test_from,
        windows=12_000,
        recipe=recipe,
        options={"seed": str(seed), "test-from": test_from},
        steps=1_500,
        groups={},
    )


def test_one_stage_is_one_command() -> None:
    assert commands([stage(7, "services/ours")], "mine") == [
        "tocsin train --data=DATA --data=services/ours --out=models/mine --seed=7 --test-from=2021-01-01"
    ]


def test_each_stage_starts_from_the_one_before() -> None:
    first, second, third = commands([stage(1), stage(2), stage(3, test_from="2022-07-01")], "mine")
    assert "--out=STAGE1 " in first
    assert "--start-from" not in first
    assert "--out=STAGE2 --start-from=STAGE1.work/checkpoint.pt " in second
    assert "--out=models/mine --start-from=STAGE2.work/checkpoint.pt --seed=3 --test-from=2022-07-01" in third


def test_a_stage_is_told_in_a_sentence() -> None:
    assert describe_stage(stage(7)) == (
        "Items from before 2021-01-01: 12,000 windows, 32 a step, 1,500 steps; seed 7, rate 0.0002 (heads 0.002), "
        "lowest 0 layers frozen."
    )
