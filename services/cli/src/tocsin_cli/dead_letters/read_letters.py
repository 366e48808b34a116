"""Reads the dead letters of an installation, each once however often it was sent."""

from collections.abc import Callable, Iterator
from datetime import datetime

from tocsin_cli.inspect.decode_stored import decode_stored
from tocsin_cli.inspect.read_last import read_last
from tocsin_cli.inspect.read_topic import TopicReader
from tocsin_cli.inspect.stored import StoredMessage
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.settings import KafkaSettings
from tocsin_contracts.topics import DEAD_LETTERS


class LetterReader:
    """The dead letters that are there when it is opened. Raises KafkaAway, TopicMissing. A context manager.

    `unreadable` counts messages on the topic that are no dead letters.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._reader = TopicReader(settings, DEAD_LETTERS.full_name(settings.topic_prefix))
        self.unreadable = 0
        self._firsts, self._ends = self._reader.first_offsets(), self._reader.end_offsets()

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()

    def all(self, since: datetime | None = None) -> Iterator[DeadLetterV1]:
        """Yield the letters, oldest first; `since` skips what was sent before that time."""
        # A letter is sent after it failed, so that none that failed since then is skipped.
        starts = self._firsts if since is None else self._reader.offsets_at(since)
        seen: set[str] = set()
        for stored in self._reader.read({p: (starts[p], end) for p, end in self._ends.items()}):
            letter = self._decode(stored)
            if letter is not None and letter.dead_letter_id not in seen:
                seen.add(letter.dead_letter_id)
                yield letter

    def last(self, limit: int, covers: Callable[[DeadLetterV1], bool], *, whole: bool) -> list[DeadLetterV1]:
        """Return the last letters that `covers` accepts, oldest first; without their originals unless `whole`."""

        def keep(stored: StoredMessage) -> DeadLetterV1 | None:
            letter = self._decode(stored)
            if letter is None or not covers(letter):
                return None
            return letter if whole else letter.model_copy(update={"payload": b""})

        found = read_last(self._reader, self._firsts, self._ends, limit, keep)
        return list({letter.dead_letter_id: letter for letter in found}.values())

    def _decode(self, stored: StoredMessage) -> DeadLetterV1 | None:
        message = decode_stored(stored, DeadLetterV1).message
        if isinstance(message, DeadLetterV1):
            return message
        self.unreadable += 1
        return None
