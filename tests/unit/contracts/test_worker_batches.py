"""The batch loop's core, with a handler and a broker that fail on purpose."""

from collections.abc import Callable, Sequence

import pytest

from tocsin_contracts.codec import decode
from tocsin_contracts.dead_letter import DeadLetterV1, Stage
from tocsin_contracts.worker import Outgoing, Record, RetryLater
from tocsin_contracts.worker.batches import Unsendable, Work
from tocsin_contracts.worker.progress import Progress

pytestmark = pytest.mark.unit


def records(*values: bytes) -> list[Record]:
    return [Record("t.articles", 0, offset, b"key", value) for offset, value in enumerate(values)]


class Echo:
    """Sends every record on; `before` may raise first."""

    def __init__(self, before: Callable[[Sequence[Record]], None] = lambda _: None) -> None:
        self.before = before
        self.calls: list[int] = []

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def health(self) -> dict[str, object]:
        return {}

    async def handle(self, batch: Sequence[Record]) -> Sequence[Outgoing]:
        self.calls.append(len(batch))
        self.before(batch)
        return [Outgoing("t.classified", record.key, record.value or b"") for record in batch]


class Broker:
    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[Outgoing] = []

    async def send(self, messages: Sequence[Outgoing]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.extend(messages)


def make_work(handler: Echo, broker: Broker) -> tuple[Work, list[float]]:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    return Work(Stage.CLASSIFY, handler, broker.send, "t.dead-letters", sleep=sleep), pauses


async def test_a_batch_is_handled_and_sent_once() -> None:
    broker = Broker()
    work, _ = make_work(Echo(), broker)
    await work.work_off(records(b"a", b"b"))
    assert [message.value for message in broker.sent] == [b"a", b"b"]
    assert (work.records_done, work.messages_sent, work.dead_letters) == (2, 2, 0)


async def test_one_record_that_always_fails_becomes_a_dead_letter_and_the_rest_goes_on() -> None:
    def refuse_poison(batch: Sequence[Record]) -> None:
        if any(record.value == b"poison" for record in batch):
            raise ValueError("cannot digest this")

    broker = Broker()
    work, _ = make_work(Echo(refuse_poison), broker)
    await work.work_off(records(b"a", b"poison", b"b"))
    assert [message.value for message in broker.sent if message.topic == "t.classified"] == [b"a", b"b"]
    (letter,) = [decode(DeadLetterV1, message.value) for message in broker.sent if message.topic == "t.dead-letters"]
    assert (letter.payload, letter.offset, letter.reason, letter.retryable) == (b"poison", 1, "handler-error", True)
    assert "cannot digest this" in letter.detail


async def test_while_a_dependency_is_away_the_batch_waits_longer_and_longer_and_nothing_is_dropped() -> None:
    left = [12]

    def be_away(_: Sequence[Record]) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise RetryLater("Redis does not answer")

    broker = Broker()
    work, pauses = make_work(Echo(be_away), broker)
    await work.work_off(records(b"a"))
    assert [message.value for message in broker.sent] == [b"a"]
    assert len(pauses) == 12
    assert pauses == sorted(pauses)
    assert pauses[-1] == 10.0
    assert work.waiting_since is None


async def test_sending_is_tried_until_kafka_acknowledges_without_handling_again() -> None:
    handler, broker = Echo(), Broker(ConnectionError("away"), ConnectionError("away"))
    work, _ = make_work(handler, broker)
    await work.work_off(records(b"a", b"b"))
    assert handler.calls == [2]
    assert len(broker.sent) == 2


async def test_what_kafka_never_takes_becomes_a_dead_letter() -> None:
    class Picky(Broker):
        async def send(self, messages: Sequence[Outgoing]) -> None:
            if any(message.topic == "t.classified" and len(message.value) > 3 for message in messages):
                raise Unsendable("too large")
            await super().send(messages)

    broker = Picky()
    work, _ = make_work(Echo(), broker)
    await work.work_off(records(b"ok", b"too long"))
    assert [message.topic for message in broker.sent] == ["t.classified", "t.dead-letters"]


async def test_a_dead_letter_that_kafka_refuses_is_waited_for_and_not_dropped() -> None:
    def refuse_all(_: Sequence[Record]) -> None:
        raise ValueError("poison")

    broker = Broker(*[Unsendable("the topic takes 1 kB")] * 3)
    work, pauses = make_work(Echo(refuse_all), broker)
    await work.work_off(records(b"poison"))
    assert [decode(DeadLetterV1, message.value).payload for message in broker.sent] == [b"poison"]
    assert pauses[-3:] == [10.0] * 3
    assert work.waiting_since is None


def test_progress_tells_a_stall_from_idleness_and_from_slow_work() -> None:
    progress = Progress(stalled_after_s=60)
    progress.observe({0: 5}, {0: 5}, now=0)
    assert not progress.stalled(now=1_000)
    progress.observe({0: 5}, {0: 9}, now=1_000)
    assert progress.lag == 4
    progress.observe({0: 6}, {0: 9}, now=1_050)
    assert not progress.stalled(now=1_100)
    progress.observe({0: 6}, {0: 9}, now=1_111)
    assert progress.stalled(now=1_111)
    progress.observe({0: 9}, {0: 9}, now=1_120)
    assert not progress.stalled(now=1_130)
