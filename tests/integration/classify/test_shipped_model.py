"""The shipped model through the command: sane answers in several languages, from the default directory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tocsin_classify.onnx_backend import load_onnx_backend
from tocsin_classify.settings import InferenceSettings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

WAR = {
    "en": "Heavy artillery and air strikes killed more than a hundred soldiers as the army opened a major offensive.",
    "fr": "Plus de cent soldats ont été tués dans une vaste offensive appuyée par des frappes aériennes.",
    "es": "Más de cien soldados murieron en una gran ofensiva apoyada por ataques aéreos.",
    "ru": "Более ста солдат погибли в ходе крупного наступления, поддержанного авиаударами.",
    "ar": "قُتل أكثر من مئة جندي في هجوم واسع للجيش مدعوم بغارات جوية.",
    "zh": "军队在空袭支援下发动大规模进攻，一百多名士兵丧生。",
}
QUIET = [
    "The orchestra opened its season with a programme of three symphonies and sold every seat in the hall.",
    "The striker bombarded the goal all evening, and the siege ended with a late header and a place in the final.",
]


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in [*WAR.values(), *QUIET])
    program = "import typer; from tocsin_classify.command import classify; typer.run(classify)"
    done = subprocess.run(
        [sys.executable, "-c", program, "-"], input=lines, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_offensive_is_limited_war_or_war_in_every_language(results: list[dict[str, Any]]) -> None:
    levels = dict(zip(WAR, (result["escalation"]["level"] for result in results), strict=False))
    assert {language: level for language, level in levels.items() if level < 4} == {}


def test_music_and_sport_in_war_words_are_no_conflict(results: list[dict[str, Any]]) -> None:
    assert [result["escalation"]["level"] for result in results[len(WAR) :]] == [0, 0]


def test_the_model_is_as_small_as_promised() -> None:
    directory = InferenceSettings().model_directory()
    sizes = {path.name: path.stat().st_size for path in Path(directory).iterdir()}
    assert sum(sizes.values()) <= 90_000_000
    assert max(sizes.values()) <= 80_000_000
    backend = load_onnx_backend(directory, 1)
    assert len(backend.settings.topics) == 35
    backend.close()
