"""Reads what a model directory says about itself, and says clearly when it is not one."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

LEVELS = 6
WEIGHTS = "model.onnx"
NEEDED = ("config.json", "tokenizer.json", WEIGHTS)

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Direction = Literal["escalating", "unchanged", "de-escalating"]


class ModelDirectoryError(Exception):
    """The directory cannot be used as a model; the message says what is missing or wrong."""


class ModelSettings(BaseModel):
    """The section "tocsin" of a model's config.json. Lists follow the order of the model's outputs."""

    # "model_" names are this file format's own.
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    model_name: str = Field(min_length=1, max_length=100)
    model_version: str = Field(min_length=1, max_length=50)
    scale_version: str = Field(min_length=1, max_length=50)
    directions: tuple[Direction, ...] = Field(min_length=3, max_length=3)
    topics: tuple[str, ...] = Field(max_length=500)
    topic_thresholds: tuple[Share, ...]
    always_a_topic: bool = True
    """Whether an article gets its best topic where none reaches its threshold. Not of use where few are known."""
    window_tokens: int = Field(ge=1, le=8192)
    window_stride: int = Field(ge=1, le=8192)
    level_temperature: float = Field(gt=0.0, le=100.0)
    level_bias: tuple[Annotated[float, Field(ge=-10.0, le=10.0)], ...] = Field(
        (0.0,) * LEVELS, min_length=LEVELS, max_length=LEVELS
    )
    """Tilts an article's distribution over the levels; see `pool_windows`."""
    abstain_below: Share = 0.0
    """Confidence of the level below which the model abstains."""
    news_below: Share = 0.0
    """Probability below which a text is taken for no news, where the model has an opinion of that."""
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...] = Field(default=(), max_length=200)
    """ISO 639 codes of the languages the model knows; empty for one that takes every text for its own."""
    test_from: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    """Items dated so or later were neither trained nor tuned on; empty where that is not known."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "ModelSettings":
        if len(self.topic_thresholds) != len(self.topics):
            raise ValueError("topic_thresholds and topics must have the same length")
        if len(set(self.directions)) != len(self.directions):
            raise ValueError("directions must differ")
        if len(set(self.topics)) != len(self.topics):
            raise ValueError("topics must differ")
        if self.window_stride > self.window_tokens:
            raise ValueError("window_stride must not exceed window_tokens, or text would go unread")
        return self


def read_model_directory(directory: Path) -> ModelSettings:
    """The settings of the model in `directory`, its files checked for presence.

    Raises ModelDirectoryError naming what is missing or wrong.
    """
    if not directory.is_dir():
        raise ModelDirectoryError(f"{directory} is not a directory; name a model directory")
    missing = [name for name in NEEDED if not (directory / name).is_file()]
    if missing:
        raise ModelDirectoryError(f"{directory} is not a usable model: it lacks {', '.join(missing)}")
    path = directory / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelDirectoryError(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("tocsin"), dict):
        raise ModelDirectoryError(f'{path} has no section "tocsin": this model was not made by `tocsin train`')
    labels = config.get("id2label")
    if not isinstance(labels, dict) or sorted(labels) != [str(level) for level in range(LEVELS)]:
        raise ModelDirectoryError(f"{path}: id2label must name the levels 0 to {LEVELS - 1}")
    try:
        return ModelSettings.model_validate(config["tocsin"])
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in ("tocsin", *first["loc"]))
        raise ModelDirectoryError(f"{path}: {field}: {first['msg']}") from error
