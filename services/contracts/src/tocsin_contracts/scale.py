"""The escalation scale and the directions, in one place.

The levels are reported intensity, aligned with the five intensities of the Heidelberg Institute for International
Conflict Research (HIIK), with 0 added for articles that report no political conflict.
"""

from enum import StrEnum
from typing import Final

SCALE_VERSION: Final = "hiik-reported-1"

LEVEL_NAMES: Final[tuple[str, ...]] = (
    "no conflict",
    "dispute",
    "non-violent crisis",
    "violent crisis",
    "limited war",
    "war",
)


class Direction(StrEnum):
    """Where the reported conflict is heading; separate from its level."""

    ESCALATING = "escalating"
    UNCHANGED = "unchanged"
    DE_ESCALATING = "de-escalating"
