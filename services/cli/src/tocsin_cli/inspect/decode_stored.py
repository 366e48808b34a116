"""A message from a topic with what it says, or with the reason why it cannot be read."""

from dataclasses import dataclass

from tocsin_cli.inspect.stored import StoredMessage
from tocsin_contracts.codec import UnreadableMessage, decode
from tocsin_contracts.fields import Message


@dataclass(frozen=True)
class Decoded:
    """A stored message and its content; `message` is None exactly when `problem` is set."""

    stored: StoredMessage
    message: Message | None
    problem: UnreadableMessage | None = None


def decode_stored(stored: StoredMessage, kind: type[Message]) -> Decoded:
    """Return the message with its content, never failing."""
    try:
        return Decoded(stored, decode(kind, stored.value))
    except UnreadableMessage as problem:
        return Decoded(stored, None, problem)
