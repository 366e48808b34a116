"""Every command in the README, run in the README's order."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin_cli.stack.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
TESTED_ELSEWHERE = {"make demo": "test_demo.py", "make test": "this very run"}


class Reader:
    """Somebody who follows the README, with ports and a state of their own."""

    def __init__(self, state: Path) -> None:
        names = ("KAFKA", "KAFKA_CONTROLLER", "REDIS", "INGEST", "CLASSIFY_HEALTH", "ALERT_HEALTH")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TOCSIN_")}
        self.environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TOCSIN_STATE_DIR": str(state),
            **{f"TOCSIN_{name}_PORT": str(port) for name, port in ports.items()},
        }
        # The stack's ports are not the README's, so commands that look at it must be told where it is.
        self.addresses = {
            "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{ports['KAFKA']}",
            "TOCSIN_REDIS_URL": f"redis://127.0.0.1:{ports['REDIS']}/0",
        }

    def run(self, block: str) -> subprocess.CompletedProcess[str]:
        about_the_stack = re.match(r"tocsin (up|down|status)\b", block)
        environment = self.environment if about_the_stack else {**self.environment, **self.addresses}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    state = tmp_path_factory.mktemp("readme")
    somebody = Reader(state)
    yield somebody
    somebody.run("tocsin down --volumes")
    shutil.rmtree(state, ignore_errors=True)


def test_the_two_commands_of_the_first_block_are_tested_elsewhere() -> None:
    assert set(BLOCKS[0].splitlines()) == set(TESTED_ELSEWHERE)
    assert "tocsin demo" in subprocess.run(
        ["make", "--dry-run", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.replace(".venv/bin/", "")


@pytest.mark.parametrize("number", range(1, len(BLOCKS)), ids=lambda number: BLOCKS[number].splitlines()[0][:60])
def test_every_other_block_works(reader: Reader, number: int) -> None:
    done = reader.run(BLOCKS[number])
    assert done.returncode == 0, f"{BLOCKS[number]}\n{done.stdout}\n{done.stderr}"
    if "tocsin classify" in BLOCKS[number]:
        assert json.loads(done.stdout)["escalation"]["level"] >= 3
    if "--count 1" in BLOCKS[number]:
        assert "Bolivia" in done.stdout
    if "XREAD" in BLOCKS[number]:
        assert '"status":"firing"' in done.stdout
