"""Labelled items through the service's classifier with a tiny real model."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin_classify.backend import WindowLogits
from tocsin_classify.classify_batch import Classifier
from tocsin_classify.gazetteer.search import load_gazetteer
from tocsin_classify.onnx_backend import load_onnx_backend
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.judge import judge
from tocsin_classify.training.labelled import Labelled

pytestmark = pytest.mark.unit

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-model"


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    backend = load_onnx_backend(TINY, threads=1)
    yield Classifier(backend, load_gazetteer(), lambda: datetime(2026, 5, 1, tzinfo=UTC))
    backend.close()


def item(name: str, title: str, text: str) -> Labelled:
    return Labelled(name, name, "en", title, text, "short")


def test_items_get_what_the_service_would_say(classifier: Classifier) -> None:
    told: list[tuple[int, int]] = []
    items = [item("a", "War in Mali", "The war goes on."), item("b", "Football", "A match.")]
    war, football = judge(classifier, items, lambda done, total: told.append((done, total)))
    assert (war.level, war.item.id) == (5, "a")
    assert "medtop:20000056" in war.topics
    assert war.countries == {"ML"}
    assert (football.level, football.countries) == (0, frozenset())
    # Every topic of the model has a score, not only those that are said.
    assert len(war.topic_scores) == len(classifier.backend.settings.topics) > len(war.topics)
    assert war.topic_scores != football.topic_scores
    assert told == [(1, 2), (2, 2)]


def test_the_sentences_that_are_read_once_more_do_not_count_for_the_topics(classifier: Classifier) -> None:
    calls: list[int] = []

    class SureOfAllTopicsLater:
        settings = classifier.backend.settings
        tokenizer = classifier.backend.tokenizer

        def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
            calls.append(len(windows))
            logits = classifier.backend.infer(windows)
            return logits if len(calls) == 1 else replace(logits, topics=logits.topics + 50.0)

        def close(self) -> None:
            """Nothing to release."""

    war = item("a", "War in Mali", "The war goes on. Offensive today.")
    (plain,) = judge(classifier, [war])
    (judged,) = judge(replace(classifier, backend=SureOfAllTopicsLater()), [war])
    assert len(calls) == 2
    assert judged == plain


def test_an_item_on_which_the_model_fails_is_named(classifier: Classifier) -> None:
    with pytest.raises(TrainingError, match="the model fails on broken-7"):
        judge(classifier, [item("broken-7", "", "unembeddable")])


def test_the_classifier_is_left_as_it_was(classifier: Classifier) -> None:
    before = classifier.backend
    judge(classifier, [item("a", "War", "")])
    assert classifier.backend is before
