"""Articles become tagged articles, a batch at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin_classify.backend import Backend
from tocsin_classify.find_places import find_places
from tocsin_classify.gazetteer.search import Gazetteer
from tocsin_classify.pool_windows import pool_windows
from tocsin_classify.read_windows import read_windows
from tocsin_classify.tag_article import tag_article
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1


@dataclass(frozen=True)
class Unclassifiable:
    """An article that the model failed on, and why."""

    reason: str


Outcome = ClassifiedV1 | Unclassifiable


class Closed(Exception):
    """The classifier was closed meanwhile: nothing is known about the articles."""


@dataclass
class Classifier:
    """A model, the names of places, and a clock. Used by one thread at a time; any thread may close it."""

    backend: Backend
    gazetteer: Gazetteer
    now: Callable[[], datetime]
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
            return list(self._classify(articles))
        except Exception as error:
            if self._closed:
                raise Closed from error
            if len(articles) == 1:
                return [Unclassifiable(f"{type(error).__name__}: {error}")]
        return [outcome for article in articles for outcome in self.classify_batch([article])]

    def _classify(self, articles: Sequence[ArticleV1]) -> list[ClassifiedV1]:
        """One inference over the windows of all articles."""
        model = self.backend.settings
        windows: list[list[int]] = []
        spans = []
        for article in articles:
            read = read_windows(
                article.title,
                article.text,
                self.backend.tokenizer,
                window_tokens=model.window_tokens,
                window_stride=model.window_stride,
            )
            spans.append((len(windows), len(windows) + len(read)))
            windows.extend(read)
        logits = self.backend.infer(windows)
        tagged = []
        for article, (start, end) in zip(articles, spans, strict=True):
            own = logits.of(start, end)
            prediction = pool_windows(
                own.level,
                own.direction,
                own.topics,
                topic_thresholds=model.topic_thresholds,
                level_temperature=model.level_temperature,
            )
            places = find_places(article.title, article.text, self.gazetteer)
            tagged.append(tag_article(article, prediction, places, model=model, classified_at=self.now()))
        return tagged
