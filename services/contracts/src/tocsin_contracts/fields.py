"""Bounded field types that several messages use. Everything that arrives from a network has a size limit."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

MAX_TITLE_CHARS = 1_000
MAX_TEXT_CHARS = 100_000
"""About fifteen times the longest newspaper report; in UTF-8 it stays below Kafka's default message size."""
MAX_URL_CHARS = 2_048
MAX_LEAD_CHARS = 500
MAX_EVIDENCE_CHARS = 400


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


_ID_PATTERN = r"^[0-9a-f]{32}$"
Id = Annotated[str, Field(pattern=_ID_PATTERN, description="128 bits in lower-case hexadecimal")]
ContentHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the normalised content")]
Revision = Annotated[int, Field(ge=1, le=1_000_000)]
HttpUrl = Annotated[str, Field(max_length=MAX_URL_CHARS, pattern=r"^https?://[^\s]+$")]
Utc = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639 code, `und` when undetermined")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2 code")]
TopicCode = Annotated[str, Field(max_length=64, pattern=r"^(medtop:[0-9]{8}|local:[a-z][a-z0-9-]{0,40})$")]
Level = Annotated[int, Field(ge=0, le=5, description="reported intensity, after HIIK's five intensities")]
Score = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Message(BaseModel):
    """A message or a part of one: immutable, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


class Source(Message):
    """The publisher of an article."""

    name: str = Field(min_length=1, max_length=200)
    domain: str | None = Field(default=None, max_length=253, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
