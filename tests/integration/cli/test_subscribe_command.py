"""`tocsin subscribe` against a real Redis: filters, cursors, clean and unclean ends, Redis away, a trimmed stream."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.testing import CliRunner, Result

from cli_messages import an_alert
from support.own_redis import OwnRedis
from support.waiting import wait_until
from tocsin_cli.main import app
from tocsin_cli.subscribe.alert_stream import AlertStream, CursorMovedElsewhere
from tocsin_cli.subscribe.stop_cleanly import StopRequest
from tocsin_contracts.alert import AlertV1
from tocsin_contracts.codec import encode
from tocsin_contracts.settings import RedisSettings

pytestmark = pytest.mark.integration

_PATIENCE_S = 90.0


class Station:
    """A Redis with a prefix of the test's own, and commands that read from it."""

    def __init__(self, url: str, prefix: str) -> None:
        self.url = url
        self.prefix = prefix
        self.client = redis.Redis.from_url(url)
        self.subscribers: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {"TOCSIN_REDIS_URL": self.url, "TOCSIN_REDIS_PREFIX": self.prefix}

    def ring(self, *alerts: AlertV1) -> list[str]:
        # In one go: a server that makes every write durable is slow with many.
        pipeline = self.client.pipeline()
        for alert in alerts:
            fields: dict[Any, Any] = {
                "data": encode(alert),
                "alert_id": alert.alert_id,
                "revision": alert.revision,
                "status": alert.status.value,
                "level": alert.level,
            }
            pipeline.xadd(f"{self.prefix}alerts", fields)
        return [stream_id.decode() for stream_id in pipeline.execute()]

    def left_after(self, cursor: str) -> int:
        position: Any = self.client.get(f"{self.prefix}cursor:{cursor}")
        entries: Any = self.client.xrange(f"{self.prefix}alerts", f"({position.decode()}")
        return len(entries)

    def subscribe(self, *options: str) -> Result:
        return CliRunner().invoke(app, ["subscribe", *options], env=self.environment)

    def start(self, output: Path, *options: str) -> "subprocess.Popen[bytes]":
        with output.open("wb") as stdout, output.with_suffix(".err").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "tocsin_cli", "subscribe", "--json", *options],
                stdout=stdout,
                stderr=stderr,
                env=os.environ | self.environment,
            )
        self.subscribers.append(process)
        return process

    def end(self) -> None:
        for process in self.subscribers:
            process.kill()
            process.wait(10)


def ids(output: str) -> list[str]:
    return [json.loads(line)["stream_id"] for line in output.splitlines()]


def written(output: Path) -> list[str]:
    whole = output.read_text()
    return ids(whole[: whole.rfind("\n") + 1])


@pytest.fixture
def station(redis_url: str, redis_prefix: str) -> Iterator[Station]:
    station = Station(redis_url, redis_prefix)
    yield station
    station.end()
    keys: Any = list(station.client.scan_iter(f"{redis_prefix}*"))
    if keys:
        station.client.delete(*keys)


def test_alerts_since_the_beginning_come_in_order_as_json(station: Station) -> None:
    expected = station.ring(an_alert(), an_alert(revision=2, level=4))
    result = station.subscribe("--since", "0", "--count", "2", "--json")
    assert result.exit_code == 0
    assert ids(result.stdout) == expected
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["change"] for line in lines] == ["firing", "raised"]
    assert AlertV1.model_validate(lines[1]["alert"]) == an_alert(revision=2, level=4)


def test_people_see_blocks_and_pipes_no_colour(station: Station) -> None:
    station.ring(an_alert())
    result = station.subscribe("--since", "beginning", "--count", "1")
    assert " FIRING   Syria (SY)" in result.stdout
    assert "\x1b" not in result.stdout


def test_filters_choose_and_resolutions_of_told_alerts_come_anyway(station: Station) -> None:
    station.ring(an_alert(1, level=3))
    wanted = station.ring(an_alert(2, level=5), an_alert(2, revision=2, level=1, resolved=True))
    station.ring(an_alert(3, level=5, places=["UA"], group={"place": "UA"}))
    options = ("--min-level", "4", "--place", "Syria", "--topic", "armed-conflict", "--rule", "fighting")
    assert ids(station.subscribe("--since", "0", "--timeout", "1", "--json", *options).stdout) == wanted


def test_only_new_alerts_come_by_default(station: Station, tmp_path: Path) -> None:
    station.ring(an_alert(1))
    output = tmp_path / "out"
    process = station.start(output, "--count", "1")
    wait_until(lambda: b"Waiting" in output.with_suffix(".err").read_bytes())
    new = station.ring(an_alert(2))
    assert process.wait(_PATIENCE_S) == 0
    assert written(output) == new


def test_an_entry_that_is_no_alert_is_reported_and_passed_over(station: Station) -> None:
    station.client.xadd(f"{station.prefix}alerts", {"data": "\x1b[31mnonsense"})
    station.client.xadd(f"{station.prefix}alerts", {"other": "1"})
    good = station.ring(an_alert())
    result = station.subscribe("--since", "0", "--count", "1", "--json")
    assert ids(result.stdout) == good
    assert result.stderr.count("no alert this version can read") == 2


def test_a_cursor_goes_on_where_it_stopped(station: Station) -> None:
    first = station.ring(*map(an_alert, range(1, 4)))
    begun = station.subscribe("--cursor", "desk", "--since", "0", "--count", "2", "--json")
    later = station.ring(*map(an_alert, range(4, 6)))
    resumed = station.subscribe("--cursor", "desk", "--timeout", "1", "--json")
    again = station.subscribe("--cursor", "desk", "--timeout", "1", "--json")
    assert ids(begun.stdout) + ids(resumed.stdout) == first + later
    assert ids(again.stdout) == []


def test_a_new_cursor_keeps_its_place_before_its_first_alert(station: Station) -> None:
    station.ring(an_alert(1))
    assert station.subscribe("--cursor", "desk", "--timeout", "0.2", "--json").stdout == ""
    missed = station.ring(an_alert(2))
    assert ids(station.subscribe("--cursor", "desk", "--timeout", "1", "--json").stdout) == missed


def test_resuming_knows_the_levels_of_what_fires_already(station: Station) -> None:
    station.ring(an_alert(level=4))
    station.subscribe("--cursor", "desk", "--since", "0", "--count", "1", "--json", "--min-level", "4")
    station.ring(an_alert(revision=2, level=5))
    station.ring(an_alert(revision=3, level=1, resolved=True))
    resumed = station.subscribe("--cursor", "desk", "--count", "2", "--json", "--min-level", "4")
    assert [json.loads(line)["change"] for line in resumed.stdout.splitlines()] == ["raised", "resolved"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_end_amid_many_alerts_leaves_none_out(station: Station, tmp_path: Path, number: int) -> None:
    expected = station.ring(*map(an_alert, range(1, 121)))
    output, rest = tmp_path / "out", tmp_path / "rest"
    process = station.start(output, "--cursor", "desk", "--since", "0")
    wait_until(lambda: output.stat().st_size > 20_000)
    process.send_signal(number)
    exit_code = process.wait(_PATIENCE_S)
    assert station.start(rest, "--cursor", "desk", "--count", str(station.left_after("desk"))).wait(_PATIENCE_S) == 0
    before, after = written(output), written(rest)
    assert 0 < len(before) < len(expected), "it ended before or after the middle"
    if number == signal.SIGINT:
        assert exit_code == 0
        assert before + after == expected
    else:
        # Killed between writing an alert and moving the cursor, it repeats that one.
        assert before + after in (expected, [*before, before[-1], *expected[len(before) :]])


def test_a_cursor_that_somebody_else_moves_is_noticed(station: Station) -> None:
    settings = RedisSettings.model_validate({"redis_url": station.url, "redis_prefix": station.prefix})
    stream = AlertStream(settings, StopRequest(), print)
    stream.move_cursor("desk", "", "5-0")
    stream.move_cursor("desk", "", "5-0")  # a repeat whose reply was lost is no conflict
    station.client.set(f"{station.prefix}cursor:desk", "7-0")
    with pytest.raises(CursorMovedElsewhere, match="7-0"):
        stream.move_cursor("desk", "5-0", "6-0")
    assert stream.cursor("desk") == "7-0"
    stream.close()


def test_a_trimmed_stream_is_reported_as_a_gap(station: Station) -> None:
    station.ring(an_alert(1))
    station.subscribe("--cursor", "desk", "--since", "0", "--count", "1", "--json")
    kept = station.ring(*map(an_alert, range(2, 6)))[-2:]
    station.client.xtrim(f"{station.prefix}alerts", maxlen=2, approximate=False)
    result = station.subscribe("--cursor", "desk", "--timeout", "1", "--json")
    assert ids(result.stdout) == kept
    assert "A gap" in result.stderr
    assert "A gap" not in station.subscribe("--cursor", "desk", "--timeout", "0.5", "--json").stderr


def test_a_count_that_is_not_reached_in_time_is_a_failure(station: Station) -> None:
    result = station.subscribe("--count", "1", "--timeout", "0.3", "--json")
    assert result.exit_code == 1
    assert "0 of 1" in result.stderr


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--since", "yesterday"), "--since"),
        (("--cursor", "a:b"), "--cursor"),
        (("--place", "Atlantis"), "no country"),
        (("--topic", "armd-conflict"), "armed-conflict"),
        (("--status", "gone"), "neither firing nor resolved"),
        (("--min-level", "6"), "--min-level"),
    ],
)
def test_wrong_options_end_with_code_2_and_a_hint(station: Station, options: tuple[str, ...], part: str) -> None:
    result = station.subscribe(*options)
    assert result.exit_code == 2
    assert part in result.stderr


def test_a_refused_password_is_an_error_and_never_shown(station: Station) -> None:
    url = station.url.replace("redis://", "redis://nobody:secret@", 1)
    result = CliRunner().invoke(app, ["subscribe"], env={"TOCSIN_REDIS_URL": url})
    assert result.exit_code == 1
    assert "TOCSIN_REDIS_URL" in result.stderr
    assert "secret" not in result.stderr


def test_redis_may_die_and_come_back_and_no_alert_is_missed_or_doubled(own_redis: OwnRedis, tmp_path: Path) -> None:
    output = tmp_path / "out"
    errors = output.with_suffix(".err")
    station = Station(own_redis.url, "own:")
    subscriber = station.start(output, "--cursor", "desk", "--count", "6")
    try:
        wait_until(lambda: b"Waiting" in errors.read_bytes())
        expected = station.ring(*map(an_alert, range(1, 4)))
        wait_until(lambda: len(written(output)) == 3)
        own_redis.kill()
        wait_until(lambda: b"does not answer" in errors.read_bytes())
        own_redis.start()
        expected += station.ring(*map(an_alert, range(4, 7)))
        assert subscriber.wait(_PATIENCE_S) == 0
    finally:
        station.end()
    assert written(output) == expected
    assert errors.read_text().count("does not answer") == 1
    assert errors.read_text().count("answers again") == 1
