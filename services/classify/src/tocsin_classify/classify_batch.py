"""Articles become tagged articles, a batch at a time."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin_classify.abstain import asks_for_language, why_abstain
from tocsin_classify.backend import Backend, WindowLogits
from tocsin_classify.find_places import find_places
from tocsin_classify.gazetteer.search import Gazetteer
from tocsin_classify.pool_windows import pool_article
from tocsin_classify.read_on import must_read_on
from tocsin_classify.read_windows import ReadArticle, read_article
from tocsin_classify.tag_article import tag_article
from tocsin_classify.weigh_sentences import weigh_sentences
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import EVIDENCE_FROM_LEVEL, ClassifiedV1
from tocsin_contracts.detect_language import UNDETERMINED, detect_language
from tocsin_contracts.fields import Language


@dataclass(frozen=True)
class Unclassifiable:
    """An article that the model failed on, and why."""

    reason: str


Outcome = ClassifiedV1 | Unclassifiable


@dataclass(frozen=True)
class Reading:
    """An article, its windows, and the model's logits for them or, with the short-cut, for the first of them."""

    article: ArticleV1
    read: ReadArticle
    logits: WindowLogits


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
            return [self.tag(reading) for reading in self.read(articles)]
        except Exception as error:
            if self._closed:
                raise Closed from error
            if len(articles) == 1:
                return [Unclassifiable(f"{type(error).__name__}: {error}")]
        return [outcome for article in articles for outcome in self.classify_batch([article])]

    def read(self, articles: Sequence[ArticleV1]) -> list[Reading]:
        """Return what the model computes for the articles, in their order; raises what the model raises."""
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
        logits = self._infer([one.windows for one in read])
        return [Reading(*parts) for parts in zip(articles, read, logits, strict=True)]

    def _infer(self, articles: Sequence[Sequence[Sequence[int]]]) -> list[WindowLogits]:
        """One inference over the windows of all articles; with a short-cut a second one over what it leaves open."""
        model = self.backend.settings
        if not model.lead_windows:
            return self._infer_together(articles)
        leads = self._infer_together([windows[: model.lead_windows] for windows in articles])
        open_ones = [
            index
            for index, (windows, lead) in enumerate(zip(articles, leads, strict=True))
            if len(windows) > model.lead_windows and must_read_on(lead.level, model)
        ]
        if open_ones:
            rest = self._infer_together([articles[index][model.lead_windows :] for index in open_ones])
            for index, more in zip(open_ones, rest, strict=True):
                leads[index] = leads[index].followed_by(more)
        return leads

    def _infer_together(self, articles: Sequence[Sequence[Sequence[int]]]) -> list[WindowLogits]:
        logits = self.backend.infer([window for windows in articles for window in windows])
        ends = list(itertools.accumulate(map(len, articles)))
        return [logits.of(end - len(windows), end) for windows, end in zip(articles, ends, strict=True)]

    def tag(self, reading: Reading) -> ClassifiedV1:
        """Return the article with its tags; raises what the model raises."""
        article, read, logits = reading.article, reading.read, reading.logits
        model = self.backend.settings
        prediction = pool_article(logits.level, logits.direction, logits.topics, model)
        content = f"{article.title}\n{article.text}"
        language = article.language
        if language == UNDETERMINED and asks_for_language(content, model):
            language = self.detect(article.title, article.text)
        because = why_abstain(content, language, logits.news, prediction.confidence, model)
        evidence = (
            weigh_sentences(
                article.title,
                article.text,
                read,
                logits,
                level=prediction.level,
                temperature=model.level_temperature,
                read_windows=lambda windows: self.backend.infer(windows).level,
            )
            if because is None and prediction.level >= EVIDENCE_FROM_LEVEL
            else []
        )
        return tag_article(
            article,
            prediction,
            find_places(article.title, article.text, self.gazetteer),
            language=language,
            abstained_because=because,
            evidence=evidence,
            model=model,
            classified_at=self.now(),
        )
