"""Fits the weights that tell where it happens from who is mentioned: python -m tocsin_classify.training.fit_roles DIR.

Reads the labelled items with their `countries` (ISO codes of where it happens and of direct parties) from before
TEST_FROM and the long articles outside LONGFORM_TEST_PREFIX, writes role_weights.json into the package, and prints the
figures on the rest, with roles and without. Needs no torch; the same data give the same weights.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin_classify.gazetteer.search import Gazetteer, load_gazetteer
from tocsin_classify.read_mentions import FEATURES, Candidate, read_candidates
from tocsin_classify.training.dataset import files_of, read_rows
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.split import LONGFORM_TEST_PREFIX, part_of
from tocsin_classify.weigh_roles import WEIGHTS, RoleWeights

Floats = npt.NDArray[np.float64]

RIDGE = 3.0
"""Keeps the weights of rare features small."""
STEPS = 25
THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(31))
SHARE_OF_GAIN = 0.95
"""A scene that is missed is an alert that is missed, so of all thresholds that gain this share of the F1 that telling
roles apart can gain on the fitting side, the lowest is taken. Where nothing can be gained, all are scenes."""


@dataclass(frozen=True)
class PlacedItem:
    """An item, which countries its labels name, and which its text does."""

    group: str
    held_out: bool
    brief: bool
    truth: frozenset[str]
    candidates: list[Candidate]


def read_items(directories: Sequence[Path], gazetteer: Gazetteer) -> Iterator[PlacedItem]:
    """Yield every item that has `countries`. Raises TrainingError where a file is none of JSON objects."""
    for path in files_of(directories, "labelled-*.jsonl"):
        for _, row in read_rows(path):
            if "countries" in row and "date" in row:
                held_out = part_of(str(row["id"]), str(row["date"])) == "test"
                yield _item(row, str(row.get("language", "en")), str(row.get("text") or ""), gazetteer, held_out)
    for path in files_of(directories, "longform-*.jsonl"):
        for _, row in read_rows(path):
            if "countries" in row:
                text = "\n\n".join(str(entry["text"]) for entry in row["paragraphs"])
                held_out = str(row["id"]).startswith(LONGFORM_TEST_PREFIX)
                yield _item(row, "full-length", text, gazetteer, held_out)


def fit_weights(items: Sequence[PlacedItem]) -> RoleWeights:
    """Return the weights that suit `items` best, by Newton's method, and the lowest threshold of about the best F1.

    Raises TrainingError when there are none.
    """
    rows = [candidate.features for item in items for candidate in item.candidates]
    if not rows:
        raise TrainingError("no items with `countries` to fit the weights to")
    features = np.hstack([np.array(rows, dtype=np.float64), np.ones((len(rows), 1))])
    truth = np.array([candidate.country in item.truth for item in items for candidate in item.candidates], dtype=float)
    ridge = np.diag([RIDGE] * len(FEATURES) + [1e-3])
    solution: Floats = np.zeros(features.shape[1])
    for _ in range(STEPS):
        shares = 1 / (1 + np.exp(-features @ solution))
        slope = features.T @ (truth - shares) - ridge @ solution
        curve = (features * (shares * (1 - shares))[:, None]).T @ features + ridge
        solution = solution + np.linalg.solve(curve, slope)
    weights = RoleWeights(tuple(round(float(value), 3) for value in solution[:-1]), round(float(solution[-1]), 3), 0.0)
    scores = np.array([weights.score(row) for row in rows])
    wanted = sum(len(item.truth) for item in items)

    def f1(threshold: float) -> float:
        said = scores >= threshold
        return float(2 * truth[said].sum() / (said.sum() + wanted))

    enough = f1(0.0) + SHARE_OF_GAIN * (max(map(f1, THRESHOLDS)) - f1(0.0))
    return replace(weights, scene_from=min(threshold for threshold in THRESHOLDS if f1(threshold) >= enough))


def measure(items: Iterable[PlacedItem], choose: Callable[[PlacedItem], set[str]]) -> tuple[float, float]:
    """Precision and recall of the chosen countries over all items together."""
    hits = said = wanted = 0
    for item in items:
        chosen = choose(item)
        hits += len(chosen & item.truth)
        said += len(chosen)
        wanted += len(item.truth)
    return hits / max(said, 1), hits / max(wanted, 1)


def report(items: Sequence[PlacedItem], brief: RoleWeights, article: RoleWeights) -> str:
    """Return a table: for each group and side, precision and recall of all names and of the scenes."""
    lines = ["group | side | items | all names P / R | scenes P / R", "---|---|---|---|---"]

    def everything(item: PlacedItem) -> set[str]:
        return {candidate.country for candidate in item.candidates}

    def scenes(item: PlacedItem) -> set[str]:
        weights = brief if item.brief else article
        return {c.country for c in item.candidates if round(weights.score(c.features), 4) >= weights.scene_from}

    groups = sorted({item.group for item in items}, key=lambda group: (group not in ("en", "full-length"), group))
    for held_out in (False, True):
        side = [item for item in items if item.held_out is held_out]
        sets = {group: [item for item in side if item.group == group] for group in groups}
        sets["other languages"] = [item for item in side if item.group not in ("en", "full-length")]
        for name, chosen in sets.items():
            figures = [measure(chosen, everything), measure(chosen, scenes)]
            shown = " | ".join(f"{precision:.3f} / {recall:.3f}" for precision, recall in figures)
            lines.append(f"{name} | {'test' if held_out else 'fitting'} | {len(chosen)} | {shown}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Fit, write and report; exit code 2 without directories, 1 when they cannot be used."""
    if not arguments:
        sys.stderr.write("Usage: python -m tocsin_classify.training.fit_roles DIRECTORY...\n")
        return 2
    try:
        items = list(read_items([Path(argument) for argument in arguments], load_gazetteer()))
        fitting = [item for item in items if not item.held_out]
        brief = fit_weights([item for item in fitting if item.brief])
        article = fit_weights([item for item in fitting if not item.brief])
    except (TrainingError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    path = Path(__file__).parents[1] / "gazetteer" / "data" / WEIGHTS
    content = {"brief": _content(brief), "article": _content(article)}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(report(items, brief, article) + "\n")
    return 0


def _item(row: dict[str, Any], group: str, text: str, gazetteer: Gazetteer, held_out: bool) -> PlacedItem:
    candidates, brief = read_candidates(str(row.get("title") or ""), text, gazetteer)
    return PlacedItem(group, held_out, brief, frozenset(map(str, row["countries"])), candidates)


def _content(weights: RoleWeights) -> dict[str, Any]:
    return {
        "scene_from": weights.scene_from,
        "bias": weights.bias,
        "weights": dict(zip(FEATURES, weights.weights, strict=True)),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
