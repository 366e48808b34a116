"""Text becomes the countries it names, with how often, their role, and how surely it happens there."""

from tocsin_classify.gazetteer.search import Gazetteer
from tocsin_classify.read_mentions import read_candidates
from tocsin_classify.weigh_roles import load_role_weights
from tocsin_contracts.classified import Place

MAX_PLACES = 64
"""The bound of ClassifiedV1; a text with more countries is a list, and the least sure ones say least."""


def find_places(title: str, text: str, gazetteer: Gazetteer) -> list[Place]:
    """Return the countries that title and text name, those surest to be the scene first, then by first mention.

    A name with several meanings counts only while the rest of the article does not speak for another of them.
    """
    candidates, is_brief = read_candidates(title, text, gazetteer)
    brief, article = load_role_weights()
    weights = brief if is_brief else article
    places = []
    for candidate in candidates:
        # Rounded first, so that role and score of a message never contradict each other.
        score = round(weights.score(candidate.features), 4)
        places.append(
            Place(
                country=candidate.country,
                name=gazetteer.shown[candidate.country],
                count=min(candidate.count, 100_000),
                role=weights.role(score),
                score=score,
            )
        )
    return sorted(places, key=lambda place: -place.score)[:MAX_PLACES]
