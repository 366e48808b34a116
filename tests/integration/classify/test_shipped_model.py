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
    "uk": "Понад сто солдатів загинули під час масштабного наступу, підтриманого авіаударами.",
    "pt": "Mais de cem soldados morreram numa grande ofensiva apoiada por ataques aéreos.",
    "fa": "بیش از صد سرباز در حمله گسترده ارتش با پشتیبانی حملات هوایی کشته شدند.",
    "tr": "Hava saldırılarıyla desteklenen büyük taarruzda yüzden fazla asker öldü.",
    "hi": "हवाई हमलों के साथ सेना के बड़े आक्रमण में सौ से अधिक सैनिक मारे गए।",
    "id": "Lebih dari seratus tentara tewas dalam serangan besar-besaran yang didukung serangan udara.",
    "sw": "Zaidi ya wanajeshi mia moja waliuawa katika mashambulizi makubwa yaliyosaidiwa na ndege za kivita.",
}
QUIET = [
    "The orchestra opened its season with a programme of three symphonies and sold every seat in the hall.",
    "The striker bombarded the goal all evening, and the siege ended with a late header and a place in the final.",
]


HEADLINES = ("Shelling resumes along the border", "Shelling kills twelve in a border town")
NO_NEWS = "We and our partners use cookies. Accept all. Reject all. Manage preferences. Privacy policy. Terms of use."
CZECH = (
    "V Brně bylo dnes otevřeno nové obchodní centrum, kam dorazily stovky lidí a starosta přestřihl pásku před zraky "
    "novinářů a místních podnikatelů."
)
CALM = (
    "The valley is known for its orchards, and the harvest had just begun. Traders from the coast had come for the "
    "autumn fair, as they do each year, and the inns were full. "
)
NEWS = "On Tuesday rebel columns stormed the provincial capital and seized it after fighting that killed 140 people."


def classify(articles: list[dict[str, str]]) -> list[dict[str, Any]]:
    lines = "".join(json.dumps(article) + "\n" for article in articles)
    program = "import typer; from tocsin_classify.command import classify; typer.run(classify)"
    done = subprocess.run(
        [sys.executable, "-c", program, "-"], input=lines, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    return classify([{"text": text} for text in [*WAR.values(), *QUIET]])


@pytest.fixture(scope="module")
def hard() -> list[dict[str, Any]]:
    buried = {"title": "Harvest begins in the valley", "text": CALM * 6 + NEWS + " " + CALM * 2}
    return classify([*({"title": title} for title in HEADLINES), {"text": NO_NEWS}, {"text": CZECH}, buried])


def test_an_offensive_is_limited_war_or_war_in_every_language(results: list[dict[str, Any]]) -> None:
    levels = dict(zip(WAR, (result["escalation"]["level"] for result in results), strict=False))
    assert {language: level for language, level in levels.items() if level < 4} == {}


def test_music_and_sport_in_war_words_are_no_conflict(results: list[dict[str, Any]]) -> None:
    assert [result["escalation"]["level"] for result in results[len(WAR) :]] == [0, 0]


def test_bare_headlines_without_a_place_are_read(hard: list[dict[str, Any]]) -> None:
    assert all(result["escalation"]["level"] in (3, 4) for result in hard[: len(HEADLINES)])


def test_boilerplate_and_an_unknown_language_are_abstained_on(hard: list[dict[str, Any]]) -> None:
    reasons = [result["escalation"]["abstained_because"] for result in hard[len(HEADLINES) :][:2]]
    assert reasons == ["no-news", "language"]


def test_news_buried_in_a_long_article_is_found_and_quoted(hard: list[dict[str, Any]]) -> None:
    assert hard[-1]["escalation"]["level"] == 5
    assert hard[-1]["evidence"][0]["text"] == NEWS


def test_the_model_is_as_small_as_promised() -> None:
    directory = InferenceSettings().model_directory()
    sizes = {path: path.stat().st_size for path in Path(directory).rglob("*")}
    assert sum(sizes.values()) <= 90_000_000
    assert max(sizes.values()) <= 80_000_000
    backend = load_onnx_backend(directory, 1)
    assert len(backend.settings.topics) == 35
    backend.close()
