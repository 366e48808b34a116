"""Articles in, tagged articles out: tags, bounds, and one that fails among others."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tocsin_classify.backend import WindowLogits
from tocsin_classify.classify_batch import Classifier, Unclassifiable
from tocsin_classify.gazetteer.search import load_gazetteer
from tocsin_classify.onnx_backend import OnnxBackend, load_onnx_backend
from tocsin_classify.tag_article import cut_lead
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import decode, encode
from tocsin_contracts.fields import MAX_LEAD_CHARS, MAX_TEXT_CHARS, Source
from tocsin_contracts.ids import digest_id

pytestmark = pytest.mark.unit

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-model"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    backend = load_onnx_backend(TINY, threads=2)
    yield Classifier(backend, load_gazetteer(), lambda: NOW)
    backend.close()


def article(title: str = "", text: str = "", **more: Any) -> ArticleV1:
    return ArticleV1(
        article_id=digest_id(title, text),
        revision=3,
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        story_id=digest_id("story"),
        title=title,
        text=text,
        source=Source(name="The Copper Gazette", domain="gazette.example"),
        fetched_at=NOW,
        **more,
    )


def classified(classifier: Classifier, *articles: ArticleV1) -> list[ClassifiedV1]:
    outcomes = classifier.classify_batch(articles)
    assert all(isinstance(outcome, ClassifiedV1) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, ClassifiedV1)]


def test_an_article_keeps_its_identity_and_gets_level_direction_topics_and_places(classifier: Classifier) -> None:
    given = article("Offensive in Mali", "Troops near Timbuktu.", language="en", url="https://gazette.example/1")
    (tagged,) = classified(classifier, given)
    assert (tagged.article_id, tagged.revision, tagged.story_id) == (given.article_id, 3, given.story_id)
    assert (tagged.title, tagged.lead, tagged.source) == (given.title, given.text, given.source)
    assert (tagged.classified_at, tagged.fetched_at) == (NOW, NOW)
    assert tagged.escalation.level == 4
    assert tagged.escalation.direction == "escalating"
    assert tagged.escalation.probabilities[4] == tagged.escalation.confidence
    assert [topic.name for topic in tagged.topics] == ["armed conflict"]
    assert [(place.country, place.count) for place in tagged.places] == [("ML", 2)]
    assert (tagged.model.name, tagged.model.version) == ("tiny", "1.0.0")


def test_every_result_survives_the_codec(classifier: Classifier) -> None:
    for tagged in classified(classifier, article("War"), article("Football", "and more")):
        assert decode(ClassifiedV1, encode(tagged)) == tagged


def test_results_come_in_the_order_of_the_articles_whatever_their_length(classifier: Classifier) -> None:
    articles = [article("war", "x " * 200), article("football"), article("ambush", "y " * 30), article("dispute")]
    assert [tagged.escalation.level for tagged in classified(classifier, *articles)] == [5, 0, 3, 1]


def test_the_same_article_gets_the_same_tags_in_any_company(classifier: Classifier) -> None:
    given = article("ambush", "in Kenya " * 20)
    (alone,) = classified(classifier, given)
    assert classified(classifier, article("war"), given, article("football", "z " * 100))[1] == alone


def test_what_stands_at_the_end_of_a_long_article_is_read(classifier: Classifier) -> None:
    (tagged,) = classified(classifier, article("Notes", "nothing " * 150 + "war"))
    assert tagged.escalation.level == 5


def test_a_huge_article_is_classified_within_bounds(classifier: Classifier) -> None:
    (tagged,) = classified(classifier, article("war " * 250, "Peru " * (MAX_TEXT_CHARS // 5)))
    assert tagged.escalation.level == 5
    assert len(tagged.lead) <= MAX_LEAD_CHARS
    assert tagged.places[0].country == "PE"


def test_one_article_that_fails_leaves_the_others_alone(classifier: Classifier) -> None:
    outcomes = classifier.classify_batch([article("war"), article("unembeddable"), article("football")])
    assert isinstance(outcomes[1], Unclassifiable)
    assert "out of data bounds" in outcomes[1].reason
    assert [outcome.escalation.level for outcome in outcomes if isinstance(outcome, ClassifiedV1)] == [5, 0]


def test_no_articles_are_no_work(classifier: Classifier) -> None:
    assert classifier.classify_batch([]) == []


def test_a_batch_is_one_inference(classifier: Classifier) -> None:
    calls = []

    class Counting:
        settings = classifier.backend.settings
        tokenizer = classifier.backend.tokenizer

        def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
            calls.append(len(windows))
            return classifier.backend.infer(windows)

        def close(self) -> None:
            """Nothing to release."""

    Classifier(Counting(), classifier.gazetteer, lambda: NOW).classify_batch([article("war"), article("football")])
    assert calls == [2]


def test_a_judgement_below_the_models_own_bar_is_an_abstention(classifier: Classifier) -> None:
    backend = classifier.backend
    assert isinstance(backend, OnnxBackend)
    strict = OnnxBackend(
        backend.settings.model_copy(update={"abstain_below": 0.9}),
        backend.tokenizer,
        backend._session,
        backend._run_options,
        1,
    )
    picky = Classifier(strict, classifier.gazetteer, lambda: NOW)
    # Two levels as sure as each other: neither reaches the bar.
    unsure, sure = classified(picky, article("war and offensive"), article("football"))
    strict.close()
    assert (unsure.escalation.abstained, sure.escalation.abstained) == (True, False)


@pytest.mark.parametrize("text", ["", "One line.", "Two\n\n lines\tand tabs. ", "word " * 400, "x" * 5_000, "字" * 900])
def test_a_lead_is_one_line_within_bounds_and_begins_the_text(text: str) -> None:
    lead = cut_lead(text)
    assert len(lead) <= MAX_LEAD_CHARS
    assert lead == " ".join(lead.split())
    assert " ".join(text.split()).startswith(lead.removesuffix("…"))
