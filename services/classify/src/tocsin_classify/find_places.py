"""Text becomes the countries it names, with how often."""

from collections import Counter, defaultdict

from tocsin_classify.gazetteer.search import Found, Gazetteer
from tocsin_contracts.classified import Place

MAX_PLACES = 64
"""The bound of ClassifiedV1; a text with more countries is a list, and its rarest ones say least."""


def find_places(title: str, text: str, gazetteer: Gazetteer) -> list[Place]:
    """Return the countries that title and text name, the most frequent first, then in order of first mention.

    A name with several meanings counts only while the rest of the article does not speak for another of them.
    """
    mentions = _settle([*gazetteer.find(title), *gazetteer.find(text)])
    counts = Counter(mention.country for mention in mentions)
    return [
        Place(country=country, name=gazetteer.shown[country], count=min(count, 100_000))
        for country, count in counts.most_common(MAX_PLACES)
    ]


def _settle(mentions: list[Found]) -> list[Found]:
    """Drop ambiguous mentions where a rival is named by another name, and the country itself by no clear one."""
    clear: defaultdict[str, int] = defaultdict(int)
    for mention in mentions:
        if mention.ambiguity is None or not mention.ambiguity.rivals:
            clear[mention.country] += 1
    return [
        mention
        for mention in mentions
        if mention.ambiguity is None or clear[mention.country] or not any(clear[c] for c in mention.ambiguity.rivals)
    ]
