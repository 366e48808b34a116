"""`tocsin classify` as a process: pipes, Ctrl-C, and what it imports."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-model"
PROGRAM = (
    "import sys, typer\n"
    "from tocsin_classify.command import classify\n"
    "sys.argv[0] = 'classify'\n"
    "try:\n"
    "    typer.run(classify)\n"
    "finally:\n"
    "    heavy = sorted({'torch', 'faust', 'aiokafka', 'kafka'} & set(sys.modules))\n"
    "    print('imported', heavy, file=sys.stderr)\n"
)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments, "--model", str(TINY)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )


def test_standard_output_carries_json_only_and_neither_kafka_nor_torch_is_loaded() -> None:
    lines = b'{"title": "war in Mali"}\nnope\n{"text": "football"}\n'
    done = start("-").communicate(lines, timeout=120)
    assert [json.loads(line)["escalation"]["level"] for line in done[0].splitlines()] == [5, 0]
    assert done[1].decode().splitlines() == ["line 2: not JSON (expected ident at line 1 column 2)", "imported []"]


def test_a_reader_that_has_had_enough_ends_it_quietly(tmp_path: Path) -> None:
    articles = tmp_path / "articles.jsonl"
    articles.write_bytes(b'{"title": "war"}\n' * 20_000)
    process = start(str(articles))
    assert process.stdout
    assert process.stderr
    assert json.loads(process.stdout.readline())["title"] == "war"
    process.stdout.close()
    assert process.wait(120) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_ctrl_c_ends_it_at_once_and_quietly_with_code_130() -> None:
    process = start("-")
    assert process.stdin
    assert process.stdout
    process.stdin.write(b'{"title": "war"}\n')
    process.stdin.flush()
    # A result for a line that was not followed by another: what trickles in is not held back.
    assert json.loads(process.stdout.readline())["title"] == "war"
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.communicate()[1] == b""
