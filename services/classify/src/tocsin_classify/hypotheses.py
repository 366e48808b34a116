"""What a zero-shot model is asked where no mapping file says otherwise: phrases that fit the template."""

from typing import Final

from tocsin_contracts.media_topics import TOPIC_NAMES
from tocsin_contracts.scale import Direction

TEMPLATE: Final = "This news report is about {}."

# After the definitions of HIIK's five intensities (see tocsin_contracts.scale), in words a reader would use.
LEVEL_HYPOTHESES: Final[dict[int, str]] = {
    0: "something that has nothing to do with a political or military conflict",
    1: "a political dispute that is fought with words only",
    2: "a political crisis with threats, sanctions or mass protests, but without deadly violence",
    3: "a violent crisis with single attacks or clashes in which people are killed or injured",
    4: "a limited war with repeated and organised fighting",
    5: "a full-scale war with massive and continuous fighting",
}

DIRECTION_HYPOTHESES: Final[dict[Direction, str]] = {
    Direction.UNCHANGED: "a situation that stays as it is",
    Direction.ESCALATING: "a conflict that is getting worse",
    Direction.DE_ESCALATING: "a conflict that is calming down, with a ceasefire, talks or an agreement",
}

TOPIC_HYPOTHESES: Final[dict[str, str]] = TOPIC_NAMES
"""The topics' names are plain words already."""
