"""Which articles are read to their end."""

from pathlib import Path

import numpy as np
import pytest

from tocsin_classify.model_directory import read_model_directory
from tocsin_classify.read_on import must_read_on

pytestmark = pytest.mark.unit

MODEL = read_model_directory(Path(__file__).parents[2] / "fixtures" / "tiny-model").model_copy(
    update={"lead_windows": 2, "lead_above": 0.95}
)


def windows(*quiet: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Windows whose probability of level 0 is as given."""
    return np.array([[np.log(share), *np.log([(1 - share) / 5] * 5)] for share in quiet], dtype=np.float32)


def test_only_an_article_that_is_surely_quiet_so_far_is_left_unread() -> None:
    assert not must_read_on(windows(0.99, 0.97), MODEL)
    assert must_read_on(windows(0.99, 0.9), MODEL)
    assert must_read_on(windows(0.2), MODEL)


def test_the_models_temperature_is_heeded() -> None:
    assert must_read_on(windows(0.97), MODEL.model_copy(update={"level_temperature": 2.0}))
