"""Judges how surely a country is where it happens, or a party to it, by weighing what was read about its mentions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp

from tocsin_classify.read_mentions import FEATURES
from tocsin_contracts.classified import PlaceRole

WEIGHTS = "role_weights.json"


@dataclass(frozen=True)
class RoleWeights:
    """A logistic regression: a weight per feature, `bias`, and the score from which a country is a scene."""

    weights: tuple[float, ...]
    bias: float
    scene_from: float

    def score(self, features: Sequence[float]) -> float:
        """Return how surely a country with these features is a scene, 0 to 1."""
        total = self.bias + sum(
            weight * feature for weight, feature in zip(self.weights, features, strict=True) if feature
        )
        # Beyond this the exponential overflows, and the score says nothing more.
        return 1 / (1 + exp(-min(max(total, -30.0), 30.0)))

    def role(self, score: float) -> PlaceRole:
        """Return what a country of this score is."""
        return PlaceRole.SCENE if score >= self.scene_from else PlaceRole.MENTION


@cache
def load_role_weights() -> tuple[RoleWeights, RoleWeights]:
    """Return the weights for brief texts and for articles, as tocsin_classify.training.fit_roles wrote them."""
    content = json.loads(files("tocsin_classify.gazetteer").joinpath("data", WEIGHTS).read_text(encoding="utf-8"))
    brief, article = (
        RoleWeights(
            tuple(float(content[kind]["weights"][name]) for name in FEATURES),
            float(content[kind]["bias"]),
            float(content[kind]["scene_from"]),
        )
        for kind in ("brief", "article")
    )
    return brief, article
