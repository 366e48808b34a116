"""What the model and the gazetteer found becomes the message that is sent."""

from collections.abc import Sequence
from datetime import datetime

from tocsin_classify.model_directory import ModelSettings
from tocsin_classify.pool_windows import Prediction
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import (
    Abstention,
    ClassifiedV1,
    Escalation,
    EvidenceSentence,
    ModelIdentity,
    Place,
    TaggedTopic,
)
from tocsin_contracts.cut_line import cut_line
from tocsin_contracts.fields import MAX_LEAD_CHARS, Language
from tocsin_contracts.media_topics import TOPIC_NAMES
from tocsin_contracts.scale import Direction

MAX_TOPICS = 64
"""The bound of ClassifiedV1."""


def tag_article(
    article: ArticleV1,
    prediction: Prediction,
    places: Sequence[Place],
    *,
    language: Language,
    abstained_because: Abstention | None,
    evidence: Sequence[EvidenceSentence],
    model: ModelSettings,
    classified_at: datetime,
) -> ClassifiedV1:
    """Return the article's identity with its tags; `language` is the article's own, or the one that was detected."""
    return ClassifiedV1(
        article_id=article.article_id,
        revision=article.revision,
        content_hash=article.content_hash,
        story_id=article.story_id,
        url=article.url,
        title=article.title,
        lead=cut_lead(article.text),
        language=language,
        source=article.source,
        feed=article.feed,
        published_at=article.published_at,
        fetched_at=article.fetched_at,
        classified_at=classified_at,
        escalation=Escalation(
            level=prediction.level,
            probabilities=[_score(share) for share in prediction.probabilities],
            confidence=_score(prediction.confidence),
            direction=Direction(model.directions[prediction.direction]),
            direction_confidence=_score(prediction.direction_confidence),
            abstained=abstained_because is not None,
            abstained_because=abstained_because,
        ),
        topics=[
            TaggedTopic(
                code=model.topics[index],
                name=TOPIC_NAMES.get(model.topics[index], model.topics[index]),
                score=_score(score),
            )
            for index, score in prediction.topics[:MAX_TOPICS]
        ],
        places=list(places),
        evidence=list(evidence),
        model=ModelIdentity(
            name=model.model_name,
            version=model.model_version,
            scale_version=model.scale_version,
        ),
    )


def cut_lead(text: str) -> str:
    """Return how the text begins, in one line of at most MAX_LEAD_CHARS characters, cut between words."""
    return cut_line(text, MAX_LEAD_CHARS)


def _score(share: float) -> float:
    """Four decimals say all there is, and float32 sums may stand a hair above one."""
    return round(min(max(float(share), 0.0), 1.0), 4)
