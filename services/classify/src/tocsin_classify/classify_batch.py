"""Articles become tagged articles, a batch at a time."""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from tocsin_classify.abstain import asks_for_language, why_abstain
from tocsin_classify.backend import Backend, WindowLogits
from tocsin_classify.find_places import find_places
from tocsin_classify.gazetteer.search import Gazetteer
from tocsin_classify.pool_windows import Prediction, pool_article
from tocsin_classify.read_windows import ReadArticle, read_article
from tocsin_classify.tag_article import tag_article
from tocsin_classify.weigh_sentences import NO_CANDIDATES, Candidates, find_candidates, weigh_sentences
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import EVIDENCE_FROM_LEVEL, Abstention, ClassifiedV1, Place
from tocsin_contracts.detect_language import UNDETERMINED, detect_language
from tocsin_contracts.fields import Language


@dataclass(frozen=True)
class Unclassifiable:
    """An article that the model failed on, and why."""

    reason: str


Outcome = ClassifiedV1 | Unclassifiable


@dataclass(frozen=True)
class Reading:
    """An article, its windows, the model's logits for them, and the places it names."""

    article: ArticleV1
    read: ReadArticle
    logits: WindowLogits
    places: list[Place]


@dataclass(frozen=True)
class Verdict:
    """What the model says of an article, why that is not to be counted on, and the sentences that may explain it."""

    prediction: Prediction
    language: Language
    abstained_because: Abstention | None
    candidates: Candidates


class Closed(Exception):
    """The classifier was closed meanwhile: nothing is known about the articles."""


@dataclass
class Classifier:
    """A model, the names of places, a clock, and a detector of languages.

    Used by one thread at a time; any thread may close it.
    """

    backend: Backend
    gazetteer: Gazetteer
    now: Callable[[], datetime]
    detect: Callable[[str, str], Language] = detect_language
    _closed: bool = False

    def close(self) -> None:
        """End a batch under way soon, after the windows that are being computed, and take no more."""
        self._closed = True
        self.backend.close()

    def classify_batch(self, articles: Sequence[ArticleV1]) -> list[Outcome]:
        """Return one outcome per article, in their order; one that fails leaves the others alone.

        Raises Closed after `close`.
        """
        if not articles:
            return []
        try:
            return list[Outcome](self.tag(self.read(articles)))
        except Exception as error:
            if self._closed:
                raise Closed from error
            if len(articles) == 1:
                return [Unclassifiable(f"{type(error).__name__}: {error}")]
        return [outcome for article in articles for outcome in self.classify_batch([article])]

    def read(self, articles: Sequence[ArticleV1]) -> list[Reading]:
        """Return what the model computes for the articles, in their order; raises what the model raises.

        Places are looked for meanwhile, so that no core waits for them.
        """
        model = self.backend.settings
        read = [
            read_article(
                article.title,
                article.text,
                self.backend.tokenizer,
                window_tokens=model.window_tokens,
                window_stride=model.window_stride,
            )
            for article in articles
        ]
        beside = ThreadPoolExecutor(1, thread_name_prefix="places")
        try:
            places = [beside.submit(find_places, article.title, article.text, self.gazetteer) for article in articles]
            logits = self._infer([one.windows for one in read])
            found = (one.result() for one in places)
            return [Reading(*parts) for parts in zip(articles, read, logits, found, strict=True)]
        finally:
            # Whoever closes the classifier or presses Ctrl-C waits for one article's places at most.
            beside.shutdown(wait=False, cancel_futures=True)

    def tag(self, readings: Sequence[Reading]) -> list[ClassifiedV1]:
        """Return the articles with their tags, in their order; raises what the model raises.

        The sentences that may explain a level are read once more, those of all articles together: a few at a time
        would leave threads without work.
        """
        verdicts = [self._judge(reading) for reading in readings]
        asked = [verdict.candidates.alone for verdict in verdicts]
        alone = self._infer(asked) if any(asked) else [None] * len(asked)
        return [self._tag(*parts) for parts in zip(readings, verdicts, alone, strict=True)]

    def _infer(self, articles: Sequence[Sequence[Sequence[int]]]) -> list[WindowLogits]:
        """The logits of each article's windows, from one inference over all of them."""
        logits = self.backend.infer([window for windows in articles for window in windows])
        ends = list(itertools.accumulate(map(len, articles)))
        return [logits.of(end - len(windows), end) for windows, end in zip(articles, ends, strict=True)]

    def _judge(self, reading: Reading) -> Verdict:
        article, logits = reading.article, reading.logits
        model = self.backend.settings
        prediction = pool_article(logits.level, logits.direction, logits.topics, model)
        content = f"{article.title}\n{article.text}"
        language = article.language
        if language == UNDETERMINED and asks_for_language(content, model):
            language = self.detect(article.title, article.text)
        because = why_abstain(content, language, logits.news, prediction.confidence, model)
        candidates = (
            find_candidates(
                article.title,
                article.text,
                reading.read,
                logits,
                level=prediction.level,
                temperature=model.level_temperature,
            )
            if because is None and prediction.level >= EVIDENCE_FROM_LEVEL
            else NO_CANDIDATES
        )
        return Verdict(prediction, language, because, candidates)

    def _tag(self, reading: Reading, verdict: Verdict, alone: WindowLogits | None) -> ClassifiedV1:
        model = self.backend.settings
        return tag_article(
            reading.article,
            verdict.prediction,
            reading.places,
            language=verdict.language,
            abstained_because=verdict.abstained_because,
            evidence=weigh_sentences(
                verdict.candidates,
                alone.level if alone is not None and verdict.candidates.alone else None,
                level=verdict.prediction.level,
                temperature=model.level_temperature,
            ),
            model=model,
            classified_at=self.now(),
        )
