"""`tocsin demo` as a newcomer runs it: it ends well, shows what it promises, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tocsin_cli.demo.scenario import load_scenario

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

TOCSIN = Path(sys.executable).with_name("tocsin")


def environment(tmp_path: Path) -> dict[str, str]:
    """Settings that would break the demo if it heeded them, and a directory by which its processes are known."""
    return {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "COLUMNS": "100",
        "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "TOCSIN_REDIS_URL": "redis://127.0.0.1:1/0",
        "TOCSIN_TOPIC_PREFIX": "production.",
        "TOCSIN_RULES_FILE": "/nowhere",
    }


def processes_of(tmp_path: Path) -> list[str]:
    """The processes that were started with this temporary directory, or one within, and so by this test's demo."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get("TMPDIR", "").startswith(str(tmp_path))
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def start(tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(TOCSIN), "demo", *options],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_demo_plays_the_scenario_to_its_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    scenario = load_scenario()
    demo = start(tmp_path, "--json")
    out, told = demo.communicate(timeout=400)
    assert demo.returncode == 0, told
    summary = json.loads(out)
    assert summary["ok"]
    assert summary["problems"] == []
    assert summary["articles"] == summary["classified"] == scenario.readable
    assert sum(summary["classified_per_level"]) == scenario.readable
    assert len(summary["dead_letters"]) == scenario.expected.dead_letters
    assert summary["edits"] == 1
    assert summary["syndicated_copies"] == 5
    assert summary["repeated_messages"] == 0
    assert {alert["place"] for alert in summary["alerts"]} == {alert.place for alert in scenario.expected.alerts}
    assert summary["alerts_fired"] == summary["alerts_resolved"] == len(scenario.expected.alerts)
    assert 0 < summary["seconds_to_alert_median"] < 30
    # What a person is shown: each change with its place and links, and the figures.
    for shown in ("FIRING", "RAISED", "RESOLVED", "Bolivia (BO)", "why", "http://127.0.0.1:", "Summary", "Next, try:"):
        assert shown in told
    assert "Traceback" not in told
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_ends_everything_it_started(tmp_path: Path, number: signal.Signals) -> None:
    demo = start(tmp_path)
    assert demo.stdout is not None
    while "✓" not in demo.stdout.readline():
        assert demo.poll() is None
    assert processes_of(tmp_path)
    demo.send_signal(number)
    out, told = demo.communicate(timeout=60)
    assert demo.returncode == 128 + number
    assert "nothing is left running" in told
    assert "Traceback" not in out + told
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_outlives_a_demo_that_was_killed(tmp_path: Path) -> None:
    demo = start(tmp_path)
    assert demo.stdout is not None
    while "✓" not in demo.stdout.readline():
        assert demo.poll() is None
    demo.kill()
    demo.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while (left := processes_of(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []
