"""The bundled scenario: outlets, what they publish and when, and the alerts that must come of it."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tocsin_contracts.codec import describe_errors
from tocsin_contracts.fields import Country, Language, Level, Slug
from tocsin_contracts.scale import Direction

BUNDLED: Final = Path(__file__).with_name("scenario")

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,15}$")]


class ScenarioError(ValueError):
    """A scenario that cannot be played; the text names the file, the place in it and why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeedFormat(StrEnum):
    """How an outlet publishes."""

    RSS = "rss"
    ATOM = "atom"
    JSON_FEED = "jsonfeed"


class Outlet(_Strict):
    """A publisher with one feed. `key` is its path on the demo's web server."""

    key: Key
    name: str = Field(min_length=1, max_length=100)
    domain: str = Field(pattern=r"^[a-z0-9.-]+\.example$")
    format: FeedFormat
    language: Language


class Note(StrEnum):
    """What an article is in the scenario for."""

    ARC_WAR = "arc-war"
    ARC_COOLING = "arc-cooling"
    NOISY = "noisy"
    HARD_NEGATIVE = "hard-negative"
    SYNDICATED = "syndicated"
    BACKGROUND = "background"
    EDITED = "edited"
    MALFORMED = "malformed"


class ScenarioArticle(_Strict):
    """One publication. `at_s` is in seconds after the start; an edit has the id of the article that it changes.

    The intended level, direction and places are what a perfect model would find. `raw` holds the elements of a
    malformed item, which has neither title nor text.
    """

    id: Key
    outlet: Key
    at_s: float = Field(ge=0, le=3_600)
    title: str = Field(max_length=300)
    text: str = Field(max_length=20_000)
    language: Language
    note: Note
    intended_level: Level
    intended_direction: Direction
    places: tuple[Country, ...]
    raw: dict[str, str] | None = None

    @model_validator(mode="after")
    def _raw_only_when_malformed(self) -> Self:
        if (self.raw is not None) != (self.note is Note.MALFORMED):
            raise ValueError("`raw` belongs to malformed items, and only to them")
        if self.raw is None and not (self.title and self.text):
            raise ValueError("an article needs a title and a text")
        return self


class ExpectedAlert(_Strict):
    """An alert that must come: of this rule, for this place, reaching `min_level`, and resolved at the end."""

    rule: Slug
    place: Country
    arc: Note
    min_level: Level
    must_resolve: bool


class Expected(_Strict):
    """What must come of the scenario, and the places for which no alert may come."""

    alerts: tuple[ExpectedAlert, ...]
    must_not_alert: frozenset[Country]
    dead_letters: int = Field(ge=0)


class Scenario(_Strict):
    """Outlets, their publications in order of time, and what must come of them."""

    name: Slug
    description: str
    duration_s: float = Field(gt=0, le=3_600)
    outlets: tuple[Outlet, ...]
    expected: Expected
    articles: tuple[ScenarioArticle, ...]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        outlets = [outlet.key for outlet in self.outlets]
        if len(set(outlets)) != len(outlets):
            raise ValueError("two outlets have the same key")
        published: dict[str, ScenarioArticle] = {}
        for article in self.articles:
            first = published.setdefault(article.id, article)
            if article.outlet not in outlets:
                raise ValueError(f"{article.id} appears in an unknown outlet, {article.outlet}")
            if (first is not article) != (article.note is Note.EDITED):
                raise ValueError(f"{article.id}: an edit, and only an edit, repeats the id of an earlier article")
            if first.outlet != article.outlet:
                raise ValueError(f"{article.id} is edited in another outlet than it appeared in")
        return self

    @property
    def readable(self) -> int:
        """How many articles (each revision counts) must end as classified."""
        return sum(article.note is not Note.MALFORMED for article in self.articles)

    @property
    def malformed(self) -> int:
        """How many items must end as dead letters."""
        return len(self.articles) - self.readable


def load_scenario(directory: Path = BUNDLED) -> Scenario:
    """Read scenario.yaml and articles.jsonl in `directory`.

    Raises ScenarioError when one is missing, unreadable or does not fit the other.
    """
    described = directory / "scenario.yaml"
    listed = directory / "articles.jsonl"
    try:
        fields = TypeAdapter(dict[str, Any]).validate_python(yaml.safe_load(described.read_text(encoding="utf-8")))
        lines = listed.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ScenarioError(f"{directory}: {error}") from error
    except ValidationError as error:
        raise ScenarioError(f"{described}: {describe_errors(error)}") from error
    articles = sorted(
        (_read_article(listed, number, line) for number, line in enumerate(lines, start=1) if line.strip()),
        key=lambda article: article.at_s,
    )
    try:
        return Scenario.model_validate({**fields, "articles": articles})
    except ValidationError as error:
        raise ScenarioError(f"{described}: {describe_errors(error)}") from error


def _read_article(path: Path, number: int, line: str) -> ScenarioArticle:
    try:
        return ScenarioArticle.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise ScenarioError(f"{path}, line {number}: {error}") from error
    except ValidationError as error:
        raise ScenarioError(f"{path}, line {number}: {describe_errors(error)}") from error
