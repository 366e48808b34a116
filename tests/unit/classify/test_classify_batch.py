"""Articles in, tagged articles out: tags, bounds, and one that fails among others."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tocsin_classify.backend import Backend, WindowLogits
from tocsin_classify.classify_batch import Classifier, Closed, Unclassifiable
from tocsin_classify.gazetteer.search import Gazetteer, load_gazetteer
from tocsin_classify.model_directory import ModelSettings
from tocsin_classify.onnx_backend import load_onnx_backend
from tocsin_classify.read_windows import Tokenizer
from tocsin_classify.tag_article import cut_lead
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import Abstention, ClassifiedV1, Place
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


@dataclass
class Counting:
    """A backend that counts the windows of each inference, and may say other things about its model."""

    backend: Backend
    changes: dict[str, Any] = field(default_factory=dict)
    calls: list[int] = field(default_factory=list)

    @property
    def settings(self) -> ModelSettings:
        return self.backend.settings.model_copy(update=self.changes)

    @property
    def tokenizer(self) -> Tokenizer:
        return self.backend.tokenizer

    def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
        self.calls.append(len(windows))
        return self.backend.infer(windows)

    def close(self) -> None:
        """Nothing to release."""


def test_a_batch_is_one_inference(classifier: Classifier) -> None:
    counting = Counting(classifier.backend)
    replace(classifier, backend=counting).classify_batch([article("war"), article("football")])
    assert counting.calls == [2]


def changed(
    classifier: Classifier, detect: Callable[[str, str], str] = lambda title, text: "und", **model: Any
) -> Classifier:
    """The classifier with other settings of its model."""
    return replace(classifier, backend=Counting(classifier.backend, model), detect=detect)


def reasons(classifier: Classifier, *articles: ArticleV1) -> list[Abstention | None]:
    found = [tagged.escalation for tagged in classified(classifier, *articles)]
    assert all(escalation.abstained == (escalation.abstained_because is not None) for escalation in found)
    return [escalation.abstained_because for escalation in found]


def test_a_judgement_below_the_models_own_bar_is_an_abstention(classifier: Classifier) -> None:
    picky = changed(classifier, abstain_below=0.9)
    # Two levels as sure as each other: neither reaches the bar.
    assert reasons(picky, article("war and offensive"), article("football")) == [Abstention.CONFIDENCE, None]


def test_what_is_no_news_is_abstained_on_and_gives_no_evidence(classifier: Classifier) -> None:
    (tagged,) = classified(classifier, article("We use cookies", "Accept war cookies."))
    assert tagged.escalation.abstained_because is Abstention.NO_NEWS
    assert tagged.evidence == []
    assert reasons(classifier, article("Cookies", "A long text. " * 20 + "war"), article("", "1")) == [
        Abstention.NO_NEWS,
        Abstention.NO_NEWS,
    ]


def test_the_language_is_the_articles_own_and_detected_only_where_it_has_none(classifier: Classifier) -> None:
    asked = []

    def detect(title: str, text: str) -> str:
        asked.append(title)
        return "fi"

    picky = changed(classifier, detect, languages=("en",))
    text = "The shelling of the northern district went on for a third night, officials said on Monday."
    given = [article("One", text, language="en"), article("Two", text), article("Three", "short")]
    assert reasons(picky, *given) == [None, Abstention.LANGUAGE, None]
    assert asked == ["Two"]
    assert [tagged.language for tagged in classified(picky, *given)] == ["en", "fi", "und"]
    assert reasons(changed(classifier, detect), given[1]) == [None]


def test_the_real_detector_tells_a_foreign_language_from_a_known_one(classifier: Classifier) -> None:
    picky = Classifier(changed(classifier, languages=("en",)).backend, classifier.gazetteer, lambda: NOW)
    english = "Shells fell on the northern district of the town for a third night, officials said."
    finnish = "Kranaatit putosivat kaupungin pohjoisosaan kolmantena yönä peräkkäin, viranomaiset kertoivat."
    assert reasons(picky, article("", english), article("", finnish)) == [None, Abstention.LANGUAGE]


def test_an_article_at_a_violent_level_quotes_the_sentences_that_carry_it(classifier: Classifier) -> None:
    text = "Markets opened calmly.\n\nAn ambush killed two. " + "Trade went on as usual. " * 12
    violent, quiet = classified(classifier, article("Notes from Velm", text), article("A dispute", "An ultimatum."))
    (sentence,) = violent.evidence
    assert (sentence.part, sentence.text, sentence.level) == ("text", "An ambush killed two.", 3)
    assert text[sentence.start : sentence.end] == sentence.text
    assert quiet.evidence == []


def test_a_model_without_the_two_outputs_tags_without_evidence(tmp_path: Path, classifier: Classifier) -> None:
    shutil.copytree(TINY, tmp_path / "model")
    (tmp_path / "model" / "model-three-outputs.onnx").replace(tmp_path / "model" / "model.onnx")
    backend = load_onnx_backend(tmp_path / "model", threads=1)
    given = article("War", "The cookies war.")
    (tagged,) = classified(Classifier(backend, classifier.gazetteer, lambda: NOW), given)
    backend.close()
    assert (tagged.escalation.level, tagged.escalation.abstained, tagged.evidence) == (5, False, [])


def test_the_sentences_of_all_articles_are_read_once_more_together(classifier: Classifier) -> None:
    counting = Counting(classifier.backend)
    counted = replace(classifier, backend=counting)
    given = [
        article("War in Velm", "Shops were shut. An offensive began."),
        article("Football", "A match. Another match."),
        article("Ambush", "An ambush killed two. Nobody knew why."),
    ]
    together = classified(counted, *given)
    assert counting.calls == [3, 6]  # A title and two sentences of the articles that report violence.
    assert together == [tagged for one in given for tagged in classified(counted, one)]
    assert [bool(tagged.evidence) for tagged in together] == [True, False, True]


class SecondReadingFails(Counting):
    """Fails where one article's sentences are read once more, by themselves or among others."""

    def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
        logits = super().infer(windows)
        sentence = self.tokenizer.encode("An ambush killed two.", add_special_tokens=True)
        if sentence in map(list, windows):
            raise RuntimeError("no memory")
        return logits


def test_an_article_whose_second_reading_fails_leaves_the_others_alone(classifier: Classifier) -> None:
    failing = SecondReadingFails(classifier.backend)
    given = [
        article("War in Velm", "Shops were shut. An offensive began."),
        article("Ambush", "An ambush killed two. Nobody knew why."),
        article("Football", "A match."),
    ]
    first, second, third = replace(classifier, backend=failing).classify_batch(given)
    assert second == Unclassifiable("RuntimeError: no memory")
    assert [first, third] == classified(classifier, given[0], given[2])
    # Both readings of the three together, both of the first and of the second alone, one of the third.
    assert failing.calls == [3, 6, 1, 3, 1, 3, 1]


def test_a_classifier_closed_between_the_two_readings_says_so_and_tags_nothing(classifier: Classifier) -> None:
    class ClosedAfterOne(Counting):
        def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
            if self.calls:
                raise RuntimeError("closed")
            logits = super().infer(windows)
            closing.close()
            return logits

    counting = ClosedAfterOne(classifier.backend)
    closing = replace(classifier, backend=counting)
    with pytest.raises(Closed):
        closing.classify_batch([article("War in Velm", "An offensive began."), article("Football")])
    assert counting.calls == [2]


def test_a_failed_batch_does_not_wait_for_all_its_places(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, go_on = [], Event()

    def wait_for_places(title: str, text: str, gazetteer: Gazetteer) -> list[Place]:
        looked.append(title)
        go_on.wait(60)
        return []

    class Failing(Counting):
        def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
            raise RuntimeError("no memory")

    monkeypatch.setattr("tocsin_classify.classify_batch.find_places", wait_for_places)
    with pytest.raises(RuntimeError, match="no memory"):
        replace(classifier, backend=Failing(classifier.backend)).read([article(str(number)) for number in range(50)])
    go_on.set()
    assert len(looked) <= 1


@pytest.mark.parametrize("text", ["", "One line.", "Two\n\n lines\tand tabs. ", "word " * 400, "x" * 5_000, "字" * 900])
def test_a_lead_is_one_line_within_bounds_and_begins_the_text(text: str) -> None:
    lead = cut_lead(text)
    assert len(lead) <= MAX_LEAD_CHARS
    assert lead == " ".join(lead.split())
    assert " ".join(text.split()).startswith(lead.removesuffix("…"))
