"""Which part an item belongs to: by time and by story, never by chance."""

import zlib
from datetime import date
from typing import Literal

# Items from this day on are not seen in training or tuning, unless a run says otherwise: the model is judged on later
# years.
TEST_FROM = "2021-01-01"
# The items of one in so many of the earlier months are kept for tuning thresholds.
DEVELOPMENT_ONE_IN = 12
# Long articles share a writer's style per prefix of the id; one prefix is held out whole.
LONGFORM_TEST_PREFIX = "lt-6-"

Part = Literal["train", "development", "test"]


def part_of(item_id: str, day: str, test_from: str = TEST_FROM) -> Part:
    """Which part an item belongs to: by its day, and before `test_from` by a hash of its month.

    What one story brings in a month stays together that way. Invented items, which have no date, are written in
    runs of similar ones, so that ten with consecutive ids stay together.
    """
    if day >= test_from:
        return "test"
    together = day[:7] or item_id[:-1]
    return "development" if zlib.crc32(together.encode()) % DEVELOPMENT_ONE_IN == 0 else "train"


def is_day(text: str) -> bool:
    """Whether a text is a date as the items carry it, YYYY-MM-DD, so that texts compare as days do."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
