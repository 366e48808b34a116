"""Plays the scenario: a stack of its own, the clock started when all answers, alerts as they come, the outcome."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from tocsin_cli.demo.check import all_has_come, find_problems
from tocsin_cli.demo.feed_server import FeedServer
from tocsin_cli.demo.narrate import Narrator
from tocsin_cli.demo.prepare_state import find_rules, write_feeds_file
from tocsin_cli.demo.scenario import Scenario
from tocsin_cli.demo.stop_signals import StopSignals
from tocsin_cli.demo.summary import Summary, summarise
from tocsin_cli.demo.tally import Tally
from tocsin_cli.demo.timeline import Timeline
from tocsin_cli.stack.config import StackConfig
from tocsin_cli.stack.local_stack import LocalStack
from tocsin_contracts.settings import KafkaSettings, RedisSettings

TOPIC_PREFIX: Final = "demo."
REDIS_PREFIX: Final = "demo:"
PARTITIONS: Final = 4
"""A few show that order does not depend on one; twelve would only take longer to start."""
LONGEST_S: Final = 180.0
_CALM_S: Final = 15.0
"""When everything has been classified and nothing fires, no alert can come any more; this much later, none has."""
_LAST_LOOK_S: Final = 2.0
"""Time for an alert that should not come."""
_PASSED_ON: Final = ("TOCSIN_CLASSIFY_MODEL",)
"""Settings of the caller that the demo heeds; all others would tie it to another stack."""


@dataclass
class Played:
    """A demo that has come to its end, its stack still running until the caller closes it."""

    stack: LocalStack
    server: FeedServer
    tally: Tally
    summary: Summary


def play(scenario: Scenario, directory: Path, narrator: Narrator, resources: ExitStack, signals: StopSignals) -> Played:
    """Start a stack in `directory`, play the scenario and return the outcome; `resources` ends what runs.

    Raises StackError, KafkaError, StreamRefused, UnreadableMessage.
    """
    timeline = Timeline(scenario)
    server = resources.enter_context(FeedServer(scenario, timeline))
    scratch = directory / "tmp"
    scratch.mkdir(mode=0o700)
    feeds_file = directory / "feeds.yaml"
    write_feeds_file(feeds_file, scenario, server)
    stack = LocalStack(
        StackConfig.isolated(
            directory,
            topic_prefix=TOPIC_PREFIX,
            redis_prefix=REDIS_PREFIX,
            topic_partitions=PARTITIONS,
            environment={
                **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                # What the services' libraries leave in their temporary directory goes with the demo's own.
                "TMPDIR": str(scratch),
            },
            service_environment={
                "ingest": {"TOCSIN_INGEST_FEEDS_FILE": str(feeds_file)},
                "alert": {"TOCSIN_RULES_FILE": str(find_rules())},
            },
        ),
        report=narrator.step,
        on_change=narrator.parts_changed,
    )
    signals.hurry = stack.kill_all
    with narrator.waiting("Starting a Kafka, a Redis and three services of its own"):
        resources.enter_context(stack)
    narrator.begin(server.base_url)
    tally = Tally()
    # A whole second, because feeds carry times to the second.
    started_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    timeline.start(started_at)
    with narrator.waiting(""):
        _watch(scenario, timeline, stack, tally, narrator)
    ended_at = datetime.now(UTC)
    problems = find_problems(scenario, tally, server.base_url)
    summary = summarise(scenario, tally, problems, base_url=server.base_url, started_at=started_at, ended_at=ended_at)
    return Played(stack, server, tally, summary)


def _watch(scenario: Scenario, timeline: Timeline, stack: LocalStack, tally: Tally, narrator: Narrator) -> None:
    """Count what comes and show it, until there is nothing left to wait for or time is up."""
    # The clients take a second to load, in which the introduction can be read and the stack started.
    from tocsin_cli.demo.read_topics import TopicReader
    from tocsin_cli.demo.watch_alerts import AlertWatcher

    kafka = KafkaSettings(
        kafka_bootstrap_servers=stack.kafka_bootstrap_servers,
        topic_prefix=TOPIC_PREFIX,
        topic_partitions=PARTITIONS,
    )
    redis = RedisSettings(redis_url=SecretStr(stack.redis_url), redis_prefix=REDIS_PREFIX)
    ending = Ending(time.monotonic)
    with TopicReader(kafka) as topics, AlertWatcher(redis, at_most_s=2 * LONGEST_S) as alerts:
        while True:
            for message in topics.poll(0.25):
                tally.add(message)
            elapsed_s = timeline.elapsed_s(datetime.now(UTC))
            for seen in alerts.drain():
                tally.alerts.append(seen)
                narrator.alert(seen, elapsed_s)
            narrator.progress(scenario, tally, elapsed_s=elapsed_s, appeared=timeline.appeared(datetime.now(UTC)))
            if elapsed_s >= LONGEST_S or ending.reached(scenario, tally):
                return


class Ending:
    """Decides when there is nothing left to wait for, by a monotonic clock in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._complete_since: float | None = None
        self._calm_since: float | None = None

    def reached(self, scenario: Scenario, tally: Tally) -> bool:
        """Return whether all has come, or whether nothing more can come, for long enough to be sure."""
        now = self._clock()
        calm = tally.settled >= len(scenario.articles) and not tally.firing
        self._calm_since = _since(self._calm_since, now) if calm else None
        complete = calm and all_has_come(scenario, tally)
        self._complete_since = _since(self._complete_since, now) if complete else None
        return _lasted(self._complete_since, now, _LAST_LOOK_S) or _lasted(self._calm_since, now, _CALM_S)


def _since(before: float | None, now: float) -> float:
    return now if before is None else before


def _lasted(since: float | None, now: float, seconds: float) -> bool:
    return since is not None and now - since >= seconds
