"""Which articles an alert shows: few enough to read, and enough to see the threshold met. Deterministic."""

from collections.abc import Iterable, Sequence
from typing import Final

from tocsin_alert.contribution import Contribution

MAX_EVIDENCE: Final = 20


def choose_evidence(
    active: Iterable[Contribution], *, stories: int, sources: int, limit: int = MAX_EVIDENCE
) -> tuple[Contribution, ...]:
    """Return up to `limit` contributions, the highest levels and the newest first.

    First one article of each of `stories` stories, then of as many new sources as `sources` asks for, so that the
    choice meets the threshold whenever the whole does; then further stories, then copies.
    """
    ranked = sorted(active, key=lambda item: (-item.level, -item.at, item.article_id, -item.revision))
    seen_stories: set[str] = set()
    seen_sources: set[str] = set()
    chosen: list[Contribution] = []

    def take(item: Contribution) -> None:
        chosen.append(item)
        seen_stories.add(item.story_id)
        seen_sources.add(item.source_key)

    def left() -> Sequence[Contribution]:
        taken = {id(item) for item in chosen}
        return [item for item in ranked if id(item) not in taken]

    for item in ranked:
        if len(seen_stories) < stories and item.story_id not in seen_stories:
            take(item)
    for item in left():
        if len(seen_sources) < sources and item.source_key not in seen_sources:
            take(item)
    for item in left():
        if item.story_id not in seen_stories:
            take(item)
    for item in left():
        take(item)
    return tuple(chosen[:limit])
