"""Rounds become medians, ratios and verdicts. Pure arithmetic."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.classify.texts import LONG, SHORT

PIPELINE, BATCHED, COMMAND, SERVICE, LIMIT, LIMIT_BATCHED = "a", "b", "c", "d", "e", "e-batched"

NAMES = {
    PIPELINE: "transformers pipeline on torch, one article at a time",
    BATCHED: "the same, 32 articles at a time",
    COMMAND: "`tocsin classify`, the whole process",
    SERVICE: "the classify service, Kafka to Kafka",
    LIMIT: "ONNX Runtime alone, a window per thread",
    LIMIT_BATCHED: "ONNX Runtime alone, 32 windows padded together",
}

MB = 1_000_000
SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Spread:
    """Middle, lowest and highest of some measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Round:
    """One contender's turn on texts of one kind. `per_s` is articles per second once loaded.

    The other figures are there for contenders that start anew in each round: seconds to the first result, articles
    per second of the whole process, memory in bytes.
    """

    number: int
    kind: str
    contender: str
    per_s: float
    first_s: float | None = None
    overall_per_s: float | None = None
    peak_bytes: int | None = None
    resident_bytes: int | None = None


@dataclass(frozen=True)
class Verdict:
    """A target of the project beside what was measured."""

    what: str
    target: float
    at: Literal["least", "most"]
    unit: str
    measured: Spread

    @property
    def met(self) -> bool:
        """Whether the median reaches the target."""
        return self.measured.median >= self.target if self.at == "least" else self.measured.median <= self.target

    def as_json(self) -> dict[str, Any]:
        """With the verdict itself."""
        return {**asdict(self), "met": self.met}


RATIOS = (
    (COMMAND, PIPELINE, SHORT, 8.0),
    (COMMAND, BATCHED, SHORT, 3.0),
    (COMMAND, PIPELINE, LONG, 5.0),
    (SERVICE, LIMIT, SHORT, 0.9),
    (SERVICE, LIMIT, LONG, 0.9),
)
"""Who must be how many times as fast as whom, on which texts."""
MOST_MEMORY_MB = 450.0
MOST_START_S = 5.0


def rates(rounds: Sequence[Round], kind: str, contender: str) -> dict[int, float]:
    """Articles per second by round."""
    return {one.number: one.per_s for one in rounds if one.kind == kind and one.contender == contender}


def ratios(rounds: Sequence[Round], kind: str, faster: str, slower: str) -> list[float]:
    """How many times as fast, within each round: a neighbour that takes the cores for a while hits both."""
    above, below = rates(rounds, kind, faster), rates(rounds, kind, slower)
    return [above[number] / below[number] for number in above if number in below]


def judge(rounds: Sequence[Round]) -> list[Verdict]:
    """Every target for which something was measured."""
    verdicts = []
    for faster, slower, kind, least in RATIOS:
        # The limit is what ONNX Runtime can do, in whichever way it does more.
        rival = faster_limit(rounds, kind) if slower == LIMIT else slower
        if found := ratios(rounds, kind, faster, rival):
            verdicts.append(
                Verdict(f"({faster}) to ({rival}), {kind} texts", least, "least", "times", Spread.of(found))
            )
    memory = [one.peak_bytes / MB for one in rounds if one.contender == SERVICE and one.peak_bytes]
    if memory:
        verdicts.append(
            Verdict("highest resident memory of the service", MOST_MEMORY_MB, "most", "MB", Spread.of(memory))
        )
    for contender in (COMMAND, SERVICE):
        first = [one.first_s for one in rounds if one.contender == contender and one.kind == SHORT and one.first_s]
        if first:
            what = f"({contender}) start to first result, {SHORT} texts"
            verdicts.append(Verdict(what, MOST_START_S, "most", "s", Spread.of(first)))
    return verdicts


def faster_limit(rounds: Sequence[Round], kind: str) -> str:
    """The way in which ONNX Runtime alone is faster on these texts."""
    found = {name: list(rates(rounds, kind, name).values()) for name in (LIMIT, LIMIT_BATCHED)}
    there = [name for name in found if found[name]]
    return max(there, key=lambda name: statistics.median(found[name]), default=LIMIT)


def articles_a_day(per_s: float) -> int:
    """Two digits: the rest would be noise."""
    number = int(per_s * SECONDS_A_DAY)
    return round(number, 2 - len(str(number)))


def same_levels(left: Mapping[int, int], right: Mapping[int, int]) -> float:
    """The share of articles, by their place in the file, on which two contenders find the same level likeliest."""
    both = left.keys() & right.keys()
    return sum(left[place] == right[place] for place in both) / len(both) if both else 0.0
