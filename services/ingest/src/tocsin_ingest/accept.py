"""The one way into Tocsin, whoever brings the articles: feeds, pushes or files.

    RawArticle -> normalise -> identify -> recall -> story, language -> publish -> acknowledged -> remember

Each item has exactly one outcome: accepted, revision, duplicate or refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from tocsin_contracts.article import ArticleV1
from tocsin_contracts.dead_letter import DeadLetterV1, Stage
from tocsin_contracts.dead_letters import make_dead_letter
from tocsin_contracts.detect_language import UNDETERMINED, detect_language
from tocsin_ingest.find_story import Stories, find_story
from tocsin_ingest.identify import article_id, content_hash
from tocsin_ingest.normalise_article import CleanArticle, normalise_article
from tocsin_ingest.publish import Publisher
from tocsin_ingest.raw_article import RawArticle, Refused
from tocsin_ingest.remember import Memories, Memory, Recalled

MAX_ROUNDS: Final = 5
"""How often a batch is judged again because other workers wrote first; each round at least one of them got through."""


class Status(StrEnum):
    """What became of an item."""

    ACCEPTED = "accepted"
    REVISION = "revision"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item. The ids are None exactly when it was refused; then `reason` and `detail` say why."""

    status: Status
    article_id: str | None = None
    revision: int | None = None
    story_id: str | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    index: int
    article: CleanArticle
    id: str
    hash: str

    @property
    def origin(self) -> str:
        return self.article.feed or self.article.origin.split(":", 1)[0]


@dataclass(slots=True)
class _Judged:
    """The batch after judging: what to send, and what to remember once it is acknowledged."""

    messages: list[ArticleV1]
    outcomes: dict[int, Outcome]
    changes: dict[str, Memory]
    unchanged: list[str]


class Acceptor:
    """Takes batches of items through the steps above. Safe to use from several threads and processes at once."""

    def __init__(
        self,
        memories: Memories,
        stories: Stories,
        publisher: Publisher,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._memories = memories
        self._stories = stories
        self._publisher = publisher
        self._clock = clock

    def clean(self, raw: RawArticle) -> CleanArticle | Refused:
        """Return what `accept` would make of one article, sending nothing."""
        return normalise_article(raw, self._clock())

    def accept(self, items: Sequence[RawArticle | Refused]) -> list[Outcome]:
        """Return one outcome per item, in order, once Kafka has acknowledged all that had to be sent.

        A refused item becomes a dead letter, once. Raises KafkaAway or RedisAway; then nothing, or not everything, was
        remembered, and the same items may be given again: what Kafka has already is sent again with the same id and
        revision or recognised.
        """
        now = self._clock()
        outcomes: dict[int, Outcome] = {}
        refusals: list[Refused] = []
        candidates: list[_Candidate] = []
        for index, item in enumerate(items):
            clean = normalise_article(item, now) if isinstance(item, RawArticle) else item
            if isinstance(clean, Refused):
                refusals.append(clean)
                outcomes[index] = Outcome(Status.REFUSED, reason=clean.reason, detail=clean.detail)
            else:
                hash_ = content_hash(clean.title, clean.text)
                candidates.append(_Candidate(index, clean, article_id(clean), hash_))
        self._report(refusals, now)
        for _ in range(MAX_ROUNDS):
            candidates = self._round(candidates, outcomes, now)
            if not candidates:
                break
        return [outcomes[index] for index in range(len(items))]

    def _report(self, refusals: Sequence[Refused], now: datetime) -> None:
        letters = {letter.dead_letter_id: letter for letter in (_dead_letter(refusal, now) for refusal in refusals)}
        ids = list(letters)
        new = [id_ for id_, unreported in zip(ids, self._memories.unreported(ids), strict=True) if unreported]
        self._publisher.publish([letters[id_] for id_ in new])
        self._memories.reported(new)

    def _round(self, candidates: Sequence[_Candidate], outcomes: dict[int, Outcome], now: datetime) -> list[_Candidate]:
        """Judge, send and remember; return the candidates whose memory another worker wrote in the meantime."""
        ids = list(dict.fromkeys(candidate.id for candidate in candidates))
        recalled = dict(zip(ids, self._memories.recall(ids), strict=True))
        judged = self._judge(candidates, recalled, now)
        self._publisher.publish(judged.messages)
        changes = [(id_, recalled[id_].raw, memory) for id_, memory in judged.changes.items()]
        written = self._memories.remember(changes)
        self._memories.keep(judged.unchanged)
        lost = {id_ for (id_, _, _), done in zip(changes, written, strict=True) if not done}
        again = []
        for candidate in candidates:
            outcome = judged.outcomes[candidate.index]
            # What an earlier round sent is no duplicate, although the memory meanwhile knows it.
            if outcome.status is not Status.DUPLICATE or candidate.index not in outcomes:
                outcomes[candidate.index] = outcome
            if candidate.id in lost:
                again.append(candidate)
        return again

    def _judge(self, candidates: Sequence[_Candidate], recalled: dict[str, Recalled], now: datetime) -> _Judged:
        judged = _Judged([], {}, {}, [])
        for candidate in candidates:
            # Within a batch, a later item of the same article is judged by the earlier one.
            memory = judged.changes.get(candidate.id, recalled[candidate.id].memory)
            if memory is None:
                story_id = find_story(candidate.id, candidate.article.title, candidate.article.text, self._stories)
                origins = {candidate.origin: candidate.hash}
                memory = Memory(revision=1, content_hash=candidate.hash, story_id=story_id, by_origin=origins)
                status = Status.ACCEPTED
            elif memory.knows(candidate.origin, candidate.hash):
                if memory.by_origin.get(candidate.origin) == candidate.hash:
                    judged.unchanged.append(candidate.id)
                else:
                    judged.changes[candidate.id] = memory.seen(candidate.origin, candidate.hash)
                judged.outcomes[candidate.index] = _outcome(Status.DUPLICATE, candidate.id, memory)
                continue
            else:
                memory = memory.revised(candidate.origin, candidate.hash)
                status = Status.REVISION
            judged.changes[candidate.id] = memory
            judged.messages.append(_message(candidate, memory, now))
            judged.outcomes[candidate.index] = _outcome(status, candidate.id, memory)
        return judged


def _outcome(status: Status, id_: str, memory: Memory) -> Outcome:
    return Outcome(status, article_id=id_, revision=memory.revision, story_id=memory.story_id)


def _message(candidate: _Candidate, memory: Memory, now: datetime) -> ArticleV1:
    article = candidate.article
    language = article.language or detect_language(article.title, article.text)
    return ArticleV1(
        article_id=candidate.id,
        revision=memory.revision,
        content_hash=candidate.hash,
        story_id=memory.story_id,
        url=article.url,
        title=article.title,
        text=article.text,
        language=language or UNDETERMINED,
        source=article.source,
        feed=article.feed,
        published_at=article.published_at,
        fetched_at=now,
    )


def _dead_letter(refusal: Refused, now: datetime) -> DeadLetterV1:
    return make_dead_letter(
        stage=Stage.INGEST,
        reason=refusal.reason,
        detail=refusal.detail,
        payload=refusal.payload,
        failed_at=now,
        origin=refusal.origin,
    )
