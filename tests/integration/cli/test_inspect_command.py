"""`tocsin inspect` against a real Kafka: beginnings, order, filters, counts, following, lag, and what goes wrong."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition
from typer.testing import CliRunner, Result

from cli_messages import a_classified, a_dead_letter, an_alert, an_article
from support.waiting import wait_until
from tocsin_cli.inspect import read_topic
from tocsin_cli.main import app
from tocsin_contracts.codec import encode, event_headers
from tocsin_contracts.fields import Message
from tocsin_contracts.settings import KafkaSettings

pytestmark = pytest.mark.integration

_PATIENCE_S = 90.0


class Line:
    """The topics of one test: puts messages there and inspects them."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self.servers = settings.kafka_bootstrap_servers.split(",")
        self._producer = KafkaProducer(bootstrap_servers=self.servers, linger_ms=5)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka_bootstrap_servers,
            "TOCSIN_TOPIC_PREFIX": self.settings.topic_prefix,
        }

    def topic(self, name: str) -> str:
        return f"{self.settings.topic_prefix}{name}"

    def put(self, name: str, *messages: Message, at: datetime | None = None) -> None:
        """Put messages on the two partitions by turns, a second apart from `at` on."""
        start = at or datetime.now(UTC)
        for number, message in enumerate(messages):
            self._producer.send(
                self.topic(name),
                encode(message),
                key=b"key",
                partition=number % 2,
                headers=event_headers(message, service="test", time=start),
                timestamp_ms=int((start + timedelta(seconds=number)).timestamp() * 1_000),
            )
        self._producer.flush()

    def put_bytes(self, name: str, value: bytes | None) -> None:
        self._producer.send(self.topic(name), value, key=b"key", partition=0)
        self._producer.flush()

    def inspect(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["inspect", *arguments], env=self.environment)

    def titles(self, *arguments: str) -> list[str]:
        result = self.inspect(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return [json.loads(line)["message"]["title"] for line in result.stdout.splitlines()]


@pytest.fixture
def line(kafka_settings: KafkaSettings) -> Line:
    return Line(kafka_settings)


def title(number: int) -> str:
    return an_article(number).title


def test_the_last_messages_come_in_the_order_of_time_across_partitions(line: Line) -> None:
    line.put("articles", *map(an_article, range(30)))
    assert line.titles("articles") == [title(number) for number in range(10, 30)]
    assert line.titles("articles", "--limit", "3") == [title(number) for number in range(27, 30)]
    assert line.titles(line.topic("articles"), "--from", "start") == [title(number) for number in range(30)]


def test_reading_begins_at_an_offset_or_a_time_or_the_end(line: Line) -> None:
    start = datetime.now(UTC) - timedelta(hours=2)
    line.put("articles", *map(an_article, range(10)), at=start)
    line.put("articles", *map(an_article, range(10, 14)))
    assert line.titles("articles", "--from", "5", "--partition", "1") == [title(11), title(13)]
    assert line.titles("articles", "--from", "4", "--limit", "1") == [title(8)]
    assert line.titles("articles", "--from", "1h") == [title(number) for number in range(10, 14)]
    since = (start + timedelta(seconds=7.5)).isoformat()
    assert line.titles("articles", "--from", since, "--limit", "3") == [title(8), title(9), title(10)]
    assert line.titles("articles", "--from", "end") == []


def test_filters_choose_among_the_last_and_count_what_fits(line: Line) -> None:
    line.put("classified", *(a_classified(number, level=number % 6) for number in range(120)))
    fives = [title(number) for number in range(5, 120, 6)]
    assert line.titles("classified", "--level", "5", "--limit", "12") == fives[-12:]
    where = "level>=4 and place==Syria and topic==armed-conflict and source==news.example"
    assert line.titles("classified", "--where", where, "--level", "5", "--from", "start") == fives
    assert line.inspect("classified", "--count").stdout == "120\n"
    assert line.inspect("classified", "--count", "--min-level", "5").stdout == "20\n"
    assert json.loads(line.inspect("classified", "--count", "--json").stdout)["count"] == 120
    assert line.titles("classified", "--place", "UA") == []


def test_an_unreadable_message_is_shown_and_a_filter_leaves_it_out_aloud(line: Line) -> None:
    line.put("classified", a_classified())
    line.put_bytes("classified", b"\x1b[31m\xff")
    line.put_bytes("classified", None)
    people = line.inspect("classified")
    assert people.exit_code == 0
    assert people.stdout.count("UNREADABLE") == 2
    assert "\x1b" not in people.stdout
    objects = [json.loads(found) for found in line.inspect("classified", "--json").stdout.splitlines()]
    assert sorted(found["error"]["reason"] for found in objects if "error" in found) == ["empty-message", "not-json"]
    filtered = line.inspect("classified", "--level", "3", "--json")
    assert len(filtered.stdout.splitlines()) == 1
    assert "Left out 2" in filtered.stderr


def test_alerts_and_dead_letters_are_shown_readably(line: Line) -> None:
    line.put("alerts", an_alert(), an_alert(revision=2, level=5))
    line.put("dead-letters", a_dead_letter())
    assert "RAISED" in line.inspect("alerts").stdout
    assert "https://news.example/articles/1" in line.inspect("alerts", "--where", "status==firing").stdout
    assert "not-json" in line.inspect("dead-letters", "--where", "stage==classify").stdout


def test_a_position_and_headers_come_with_every_message(line: Line) -> None:
    line.put("articles", an_article())
    found = json.loads(line.inspect("articles", "--json").stdout)
    assert (found["topic"], found["partition"], found["offset"], found["key"]) == (line.topic("articles"), 0, 0, "key")
    assert found["headers"]["ce_type"] == "org.tocsin.article.v1"


def test_a_partition_that_is_ahead_waits_and_the_order_holds(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_topic, "_BUFFERED_BYTES", 10_000)
    line.put("articles", *(an_article(number, text="x" * 5_000) for number in range(60)))
    with read_topic.TopicReader(line.settings, line.topic("articles")) as reader:
        firsts, ends = reader.first_offsets(), reader.end_offsets()
        times = [found.order for found in reader.read({p: (firsts[p], ends[p]) for p in ends})]
    assert len(times) == 60
    assert times == sorted(times)


def test_following_goes_on_with_what_comes_until_interrupted(line: Line, tmp_path: Path) -> None:
    line.put("articles", *map(an_article, range(3)))
    output = tmp_path / "out"
    with output.open("wb") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-m", "tocsin_cli", "inspect", "articles", "--follow", "--json", "--limit", "2"],
            stdout=stdout,
            env=os.environ | line.environment,
        )
    wait_until(lambda: output.read_bytes().count(b"\n") == 2)
    line.put("articles", *map(an_article, range(3, 6)))
    wait_until(lambda: output.read_bytes().count(b"\n") == 5)
    process.send_signal(signal.SIGINT)
    assert process.wait(_PATIENCE_S) == 0
    found = [json.loads(text)["message"]["title"] for text in output.read_text().splitlines()]
    assert sorted(found) == sorted(title(number) for number in range(1, 6))


def test_following_ends_at_its_limit_when_it_began_somewhere(line: Line) -> None:
    line.put("articles", *map(an_article, range(3)))
    assert line.titles("articles", "--from", "start", "--follow", "--limit", "2") == [title(0), title(1)]


def test_an_empty_topic_is_no_error(line: Line) -> None:
    result = line.inspect("articles")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No message there" in result.stderr
    assert line.inspect("articles", "--count").stdout == "0\n"
    assert line.inspect("articles", "--from", "1h", "--json").stdout == ""


def test_inspecting_leaves_no_group_behind(line: Line) -> None:
    line.put("articles", an_article())
    line.inspect("articles")
    line.inspect("--lag")
    admin = KafkaAdminClient(bootstrap_servers=line.servers)
    groups = [group["group_id"] for group in admin.list_groups()]
    admin.close()
    assert not [group for group in groups if group.startswith(line.settings.topic_prefix)]


def test_lag_counts_what_each_group_has_not_committed(line: Line) -> None:
    line.put("articles", *map(an_article, range(10)))
    topic = line.topic("articles")
    group = line.topic("classify")
    consumer: Any = KafkaConsumer(bootstrap_servers=line.servers, group_id=group, enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek(TopicPartition(topic, 0), 3)
    consumer.commit()
    consumer.close()
    groups = {found["group"]: found for found in map(json.loads, line.inspect("--lag", "--json").stdout.splitlines())}
    classify = groups[group]
    assert [part["committed"] for part in classify["partitions"]] == [3, None]
    assert classify["lag"] == 7
    assert groups[line.topic("alert")]["lag"] == 0
    assert "nobody is reading" in line.inspect("articles", "--lag").stdout


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "Which topic?"),
        (("events",), "there are articles"),
        (("articles", "--level", "3"), "no field level"),
        (("classified", "--where", "level>="), "character 8"),
        (("articles", "--from", "yesterday"), "--from"),
        (("articles", "--partition", "9"), "partitions 0 to 1"),
        (("alerts", "--lag"), "--lag"),
    ],
)
def test_wrong_arguments_end_with_code_2_and_a_hint(line: Line, arguments: tuple[str, ...], part: str) -> None:
    result = line.inspect(*arguments)
    assert result.exit_code == 2
    assert part in result.stderr


def test_a_missing_topic_and_a_kafka_that_is_away_say_what_to_do(line: Line) -> None:
    missing = CliRunner().invoke(app, ["inspect", "alerts"], env=line.environment | {"TOCSIN_TOPIC_PREFIX": "none."})
    assert missing.exit_code == 1
    assert "tocsin up" in missing.stderr
    assert "TOCSIN_TOPIC_PREFIX" in missing.stderr
    away = CliRunner().invoke(
        app, ["inspect", "alerts"], env=line.environment | {"TOCSIN_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    )
    assert away.exit_code == 1
    assert "TOCSIN_KAFKA_BOOTSTRAP_SERVERS" in away.stderr
    assert "Traceback" not in away.stderr
