"""Which dead letters a person means, and what can be done with each. Pure."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tocsin_cli.show.dead_letters import SHORT_ID_CHARS
from tocsin_cli.show.printable import one_line
from tocsin_contracts.dead_letter import DeadLetterV1, Stage
from tocsin_contracts.topics import DEAD_LETTERS, TOPICS

_ID_START: Final = re.compile(r"[0-9a-f]{6,32}")
"""24 bits at least, so that a slip of the keyboard names no letter by chance."""


@dataclass(frozen=True)
class LetterFilter:
    """What is asked for; an unset part asks for everything."""

    stages: frozenset[Stage] = frozenset()
    reasons: frozenset[str] = frozenset()
    since: datetime | None = None
    retryable: bool | None = None

    @property
    def asks(self) -> bool:
        """Whether anything is asked for at all."""
        return self != LetterFilter()

    def covers(self, letter: DeadLetterV1) -> bool:
        """Return whether the letter is asked for."""
        return (
            (not self.stages or letter.stage in self.stages)
            and (not self.reasons or letter.reason in self.reasons)
            and (self.since is None or letter.failed_at >= self.since)
            and self.retryable in (None, letter.retryable)
        )


def valid_id_start(text: str) -> bool:
    """Return whether `text` can be an id or the beginning of one: 6 to 32 hexadecimal digits."""
    return _ID_START.fullmatch(text) is not None


@dataclass(frozen=True)
class Refusal:
    """A letter that cannot be sent again, and why."""

    dead_letter_id: str
    reason: str


@dataclass(frozen=True)
class Resend:
    """A letter that can be sent again, and where to. `digest` is equal for letters with the same original."""

    dead_letter_id: str
    topic: str
    retryable: bool
    digest: str


def plan_resend(letter: DeadLetterV1, prefix: str) -> Resend | Refusal:
    """Return where the letter's original goes, or why it cannot be sent: only whole, and only where it came from."""
    if letter.topic is None:
        return Refusal(letter.dead_letter_id, _explain_ingest(letter))
    allowed = {topic.full_name(prefix) for topic in TOPICS if topic is not DEAD_LETTERS}
    if letter.topic not in allowed:
        name = one_line(letter.topic, 249)
        return Refusal(
            letter.dead_letter_id, f"it came from {name}, no topic of this installation (TOCSIN_TOPIC_PREFIX={prefix})"
        )
    if letter.truncated:
        return Refusal(letter.dead_letter_id, "its original was too large to be kept whole: send that from its source")
    digest = hashlib.sha256(b"\0".join((letter.topic.encode(), letter.key or b"", letter.payload))).hexdigest()
    return Resend(letter.dead_letter_id, letter.topic, letter.retryable, digest)


def _explain_ingest(letter: DeadLetterV1) -> str:
    short = letter.dead_letter_id[:SHORT_ID_CHARS]
    origin = one_line(letter.origin or "an unknown origin", 200)
    return (
        f"it never was on Kafka (it came from {origin}). Write it out with `tocsin dead-letters show {short} --raw "
        "> item`, correct it, and `tocsin ingest item`; or let its feed publish it corrected"
    )


def only_distinct(plans: Iterable[Resend]) -> list[Resend]:
    """Return the plans without those whose original another one sends already."""
    first: dict[str, Resend] = {}
    for plan in plans:
        first.setdefault(plan.digest, plan)
    return list(first.values())
