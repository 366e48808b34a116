"""From a push to a subscriber on real parts, while services, Kafka and Redis are killed or away."""

import base64
import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.line import Line, eventually, logs_of
from support.reports import minor_news, war_reports
from tocsin_cli.stack.config import StackConfig
from tocsin_cli.stack.local_stack import LocalStack
from tocsin_contracts.alert import AlertV1, Status

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

RULES = """\
version: 1
rules:
  - name: violence-by-country
    group_by: place
    window: 24h
    fire_when: {stories: 2, sources: 2, level: 3}
    resolve_when: {hold: 2h}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    directory = tmp_path_factory.mktemp("line")
    rules = directory / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    config = StackConfig.isolated(
        directory / "state",
        topic_prefix="line.",
        redis_prefix="line:",
        topic_partitions=3,
        environment={"TOCSIN_RULES_FILE": str(rules), "TOCSIN_WORKER_SESSION_TIMEOUT_S": "6"},
    )
    with LocalStack(config) as running:
        yield running


@pytest.fixture
def line(stack: LocalStack, request: pytest.FixtureRequest) -> Iterator[Line]:
    failed_before = request.session.testsfailed
    yield Line(stack)
    if request.session.testsfailed > failed_before:
        print(logs_of(stack))


def ids_of(body: dict[str, object]) -> list[str]:
    items = body["articles"]
    assert isinstance(items, list)
    return [item["article_id"] for item in items]


def firing(alerts: list[AlertV1]) -> list[AlertV1]:
    return [alert for alert in alerts if alert.status is Status.FIRING]


def test_pushed_articles_ring_once_and_neither_copies_nor_a_replay_ring_again(line: Line) -> None:
    reports = war_reports("Namibia")
    ids = ids_of(line.push_until_accepted(reports).body)
    alerts = eventually(lambda: line.alerts("NA"), lambda got: bool(firing(got)))
    assert firing(alerts), "no alert came"
    assert alerts[0].counts.stories >= 2
    assert {evidence.article_id for evidence in alerts[0].evidence} <= set(ids)
    assert eventually(line.classified_ids, lambda got: set(ids) <= set(got))
    assert line.idle()
    before = line.alerts("NA")
    assert len({alert.alert_id for alert in before}) == 1

    line.push_until_accepted(reports)
    line.produce("articles", line.read("articles"))
    line.produce("classified", line.read("classified"))
    assert line.idle()
    assert line.alerts("NA") == before


def test_each_article_ends_in_exactly_one_of_classified_or_dead_letter(line: Line) -> None:
    unreadable = [b"not json", b"", b'{"article_id": "1"}', b"\xff" * 5_000]
    letters_before = len(line.read("dead-letters"))
    accepted = ids_of(line.push_until_accepted(minor_news(20)).body)
    line.produce("articles", unreadable)
    letters = eventually(lambda: line.read("dead-letters")[letters_before:], lambda got: len(got) >= len(unreadable))
    assert Counter(base64.b64decode(json.loads(letter)["payload"]) for letter in letters) == Counter(unreadable)
    assert {json.loads(letter)["stage"] for letter in letters} == {"classify"}
    classified = eventually(line.classified_ids, lambda got: set(accepted) <= set(got))
    assert set(accepted) <= set(classified)
    assert not {json.loads(letter)["article_id"] for letter in line.read("dead-letters")} & set(classified)


def test_kill_9_of_every_service_loses_nothing_and_doubles_nothing_for_a_resuming_subscriber(line: Line) -> None:
    pushed = minor_news(60) + war_reports("Laos") + minor_news(60) + war_reports("Gabon") + minor_news(60)
    batches = [pushed[start : start + 10] for start in range(0, len(pushed), 10)]
    accepted: list[str] = []

    def push_all() -> None:
        for batch in batches:
            accepted.extend(ids_of(line.push_until_accepted(batch).body))

    follow = ("subscribe", "--json", "--since", "0", "--cursor", "desk", "--timeout")
    subscriber = line.tocsin(*follow, "300")
    pusher = threading.Thread(target=push_all)
    pusher.start()
    for round_number in range(2):
        for service in ("ingest", "classify", "alert"):
            assert eventually(lambda: len(accepted), lambda n: n >= 20 * (round_number + 1)) >= 20  # noqa: B023
            line.stack.kill(service)
            line.stack.wait_ready(service, timeout_s=60)
        if round_number == 0:
            subscriber.send_signal(signal.SIGTERM)
            first_lines = subscriber.communicate(timeout=30)[0].splitlines()
    pusher.join(180)
    assert not pusher.is_alive()
    assert len(set(accepted)) == len(pushed)

    classified = eventually(line.classified_ids, lambda got: set(accepted) <= set(got), within_s=120)
    assert set(accepted) - set(classified) == set()
    for place in ("LA", "GA"):
        assert firing(eventually(lambda: line.alerts(place), lambda got: bool(firing(got))))  # noqa: B023
    assert line.idle(within_s=90)

    second = line.tocsin(*follow, "10")
    lines = first_lines + second.communicate(timeout=60)[0].splitlines()
    received = [AlertV1.model_validate(json.loads(text)["alert"]) for text in lines]
    for place in ("LA", "GA"):
        on_stream = line.alerts(place)
        assert len({alert.alert_id for alert in on_stream}) == 1
        assert [alert.revision for alert in on_stream] == list(range(1, len(on_stream) + 1))
        assert [alert for alert in received if alert.group.place == place] == on_stream


def test_while_kafka_is_away_pushes_are_told_to_come_back_and_later_go_through(line: Line) -> None:
    reports = war_reports("Paraguay")
    line.stack.stop_part("kafka")
    refused = line.push(reports)
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    line.stack.start_part("kafka")
    accepted = ids_of(line.push_until_accepted(reports).body)
    assert set(accepted) <= set(eventually(line.classified_ids, lambda got: set(accepted) <= set(got), within_s=120))
    assert len({alert.alert_id for alert in eventually(lambda: line.alerts("PY"), lambda got: bool(got))}) == 1


def test_while_redis_is_away_alerts_wait_and_come_when_it_is_back(line: Line, tmp_path: Path) -> None:
    reports = war_reports("Suriname")
    copy = {**reports[0]}
    line.stack.stop_part("redis")
    assert line.push([copy]).status == 503
    line.stack.start_part("redis")
    accepted = ids_of(line.push_until_accepted(reports).body)
    line.stack.kill("redis")
    line.stack.wait_ready("redis")
    assert firing(eventually(lambda: line.alerts("SR"), lambda got: bool(firing(got))))
    assert line.idle()
    alerts = line.alerts("SR")
    assert len({alert.alert_id for alert in alerts}) == 1
    assert [alert.revision for alert in alerts] == list(range(1, len(alerts) + 1))
    assert set(accepted) <= set(line.classified_ids())


def test_the_alerts_reach_kafka_too(line: Line) -> None:
    def revisions() -> set[tuple[str, int]]:
        return {(alert["alert_id"], alert["revision"]) for alert in map(json.loads, line.read("alerts"))}

    place_alerts = [alert for place in ("NA", "LA", "GA", "PY", "SR") for alert in line.alerts(place)]
    wanted = {(alert.alert_id, alert.revision) for alert in place_alerts}
    assert wanted
    assert wanted <= eventually(revisions, lambda got: wanted <= got, within_s=30)
