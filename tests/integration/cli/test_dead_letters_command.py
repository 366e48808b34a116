"""`tocsin dead-letters` against a real Kafka: listed, shown whole, and sent back unchanged."""

import base64
import json
from typing import Any

import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner, Result

from cli_messages import a_dead_letter, an_article
from tocsin_cli.inspect.read_topic import TopicReader
from tocsin_cli.inspect.stored import StoredMessage
from tocsin_cli.main import app
from tocsin_contracts.codec import encode
from tocsin_contracts.dead_letter import MAX_PAYLOAD_BYTES, DeadLetterV1, Stage
from tocsin_contracts.settings import KafkaSettings

pytestmark = pytest.mark.integration


class Office:
    """The dead letters of one test."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._producer = KafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap_servers.split(","), max_request_size=4_000_000
        )

    def topic(self, name: str) -> str:
        return f"{self.settings.topic_prefix}{name}"

    def drop(self, *letters: DeadLetterV1) -> None:
        for letter in letters:
            self.drop_bytes(encode(letter))
        self._producer.flush()

    def drop_bytes(self, value: bytes) -> None:
        self._producer.send(self.topic("dead-letters"), value).get(10)

    def run(self, *arguments: str) -> Result:
        environment = {
            "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka_bootstrap_servers,
            "TOCSIN_TOPIC_PREFIX": self.settings.topic_prefix,
        }
        return CliRunner().invoke(app, ["dead-letters", *arguments], env=environment)

    def listed(self, *options: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("list", "--json", *options).stdout.splitlines()]

    def on(self, name: str) -> list[StoredMessage]:
        with TopicReader(self.settings, self.topic(name)) as reader:
            firsts, ends = reader.first_offsets(), reader.end_offsets()
            return list(reader.read({p: (firsts[p], ends[p]) for p in ends}))

    def refused(self, number: int = 1, **changes: Any) -> DeadLetterV1:
        return a_dead_letter(number, **({"topic": self.topic("articles")} | changes))


@pytest.fixture
def office(kafka_settings: KafkaSettings) -> Office:
    return Office(kafka_settings)


def test_letters_are_listed_once_each_and_filtered(office: Office) -> None:
    first, second = office.refused(1), office.refused(2, reason="handler-error", retryable=True, stage=Stage.ALERT)
    office.drop(first, first, second)
    assert [found["dead_letter_id"] for found in office.listed()] == [first.dead_letter_id, second.dead_letter_id]
    assert base64.b64decode(office.listed("--stage", "classify")[0]["payload"]) == first.payload
    for options in (("--reason", "handler-error"), ("--retryable",), ("--stage", "alert"), ("--limit", "1")):
        assert [found["dead_letter_id"] for found in office.listed(*options)] == [second.dead_letter_id]
    assert office.listed("--since", "2026-11-24T12:02Z")[0]["dead_letter_id"] == second.dead_letter_id
    table = office.run("list").stdout
    assert first.dead_letter_id[:12] in table
    assert "articles 0/1" in table


def test_no_letters_is_no_error_and_junk_among_them_is_said(office: Office) -> None:
    result = office.run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    office.drop_bytes(b"junk")
    assert "Left out 1" in office.run("list").stderr


def test_a_letter_is_shown_whole_safely_and_raw_byte_for_byte(office: Office) -> None:
    letter = office.refused(payload='{"title": "Łódź\x1b[2J"'.encode() + b"\r\n", detail="bad \x1b[31mthing")
    office.drop(letter)
    shown = office.run("show", letter.dead_letter_id[:6])
    assert "Łódź" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert office.run("show", letter.dead_letter_id, "--raw").stdout_bytes == letter.payload
    assert json.loads(office.run("show", letter.dead_letter_id, "--json").stdout)["detail"] == letter.detail


def test_an_id_that_names_none_or_is_none_is_an_error(office: Office) -> None:
    assert office.run("show", "abcdef").exit_code == 1
    assert office.run("show", "xyz").exit_code == 2
    assert office.run("requeue", "abcdef").exit_code == 1


def test_an_original_goes_back_unchanged_with_its_key_and_a_mark(office: Office) -> None:
    payload = encode(an_article(7))
    letter, binary = (
        office.refused(1, payload=payload, key=b"article-7"),
        office.refused(2, payload=b"\xff\x00", key=None),
    )
    office.drop(letter, binary)
    result = office.run("requeue", letter.dead_letter_id, binary.dead_letter_id[:8], "--yes")
    assert result.exit_code == 0, result.stderr
    assert "Sent 2 of 2" in result.stderr
    sent = {message.value: message for message in office.on("articles")}
    assert set(sent) == {payload, b"\xff\x00"}
    assert (sent[payload].key, sent[b"\xff\x00"].key) == (b"article-7", None)
    headers = dict(sent[payload].headers)
    assert headers["tocsin_requeued_from"] == letter.dead_letter_id.encode()
    assert headers["ce_id"] == f"{an_article(7).article_id}:1".encode()
    assert dict(sent[b"\xff\x00"].headers) == {"tocsin_requeued_from": binary.dead_letter_id.encode()}


def test_only_what_may_be_sent_is_sent_and_the_rest_is_explained(office: Office) -> None:
    good = office.refused(1)
    foreign = office.refused(2, topic="other.articles")
    pushed = office.refused(3, stage=Stage.INGEST, topic=None, partition=None, offset=None, origin="a feed")
    huge = office.refused(4, payload=b"x" * (MAX_PAYLOAD_BYTES + 1))
    office.drop(good, foreign, pushed, huge)
    result = office.run("requeue", "--all", "--yes", "--json")
    assert result.exit_code == 0
    assert [json.loads(line)["dead_letter_id"] for line in result.stdout.splitlines()] == [good.dead_letter_id]
    for part in ("no topic of this installation", "tocsin ingest", "too large"):
        assert part in result.stderr
    assert [message.value for message in office.on("articles")] == [good.payload]
    assert office.run("requeue", pushed.dead_letter_id).exit_code == 1


def test_a_dry_run_sends_nothing_and_many_are_not_sent_unasked(office: Office) -> None:
    office.drop(office.refused(1), office.refused(2, reason="handler-error"))
    dry = office.run("requeue", "--all", "--dry-run")
    assert (dry.exit_code, "Would send 2" in dry.stderr) == (0, True)
    unasked = office.run("requeue", "--all")
    assert (unasked.exit_code, "--yes" in unasked.stderr) == (2, True)
    assert office.run("requeue").exit_code == 2
    assert office.on("articles") == []
    assert office.run("requeue", "--reason", "handler-error").exit_code == 0
    assert [message.value for message in office.on("articles")] == [b"not json 2"]


def test_the_same_original_is_sent_once_however_often_it_was_refused(office: Office) -> None:
    office.drop(office.refused(1, payload=b"same"), office.refused(2, payload=b"same"))
    assert office.run("requeue", "--all", "--yes").exit_code == 0
    assert [message.value for message in office.on("articles")] == [b"same"]


def test_what_kafka_does_not_accept_is_said_and_the_rest_is_sent(office: Office) -> None:
    # A letter holds as many bytes as the topic allows for a whole message, headers and key included.
    office.drop(office.refused(1), office.refused(2, payload=b"x" * MAX_PAYLOAD_BYTES))
    result = office.run("requeue", "--all", "--yes")
    assert result.exit_code == 1
    assert "Sent 1 of 2" in result.stderr
    assert "was not accepted" in result.stderr
    assert [message.value for message in office.on("articles")] == [office.refused(1).payload]
