"""Which groups of a rule an article belongs to."""

from tocsin_alert.contribution import Contribution
from tocsin_alert.rule import GroupBy, Rule
from tocsin_contracts.alert import Group

EVERYTHING = "all"
"""Key of the one group of a rule that groups by nothing. No country code and no topic code looks like it."""


def groups_of(rule: Rule, contribution: Contribution) -> list[Group]:
    """Return the groups that the contribution counts in, none when it does not count; bounded by its tags."""
    if not contribution.counts:
        return []
    filters = rule.filters
    places = [place for place in contribution.places if not filters.places or place in filters.places]
    topics = [topic for topic in contribution.topics if not filters.topics or topic in filters.topics]
    match rule.group_by:
        case GroupBy.NONE:
            return [Group()]
        case GroupBy.PLACE:
            return [Group(place=place) for place in places]
        case GroupBy.TOPIC:
            return [Group(topic=topic) for topic in topics]
        case GroupBy.BOTH:
            return [Group(place=place, topic=topic) for place in places for topic in topics]


def group_key(rule_name: str, group: Group) -> str:
    """Return the key of a rule's group: `war/SY`, `war/medtop:20000056`, `war/SY/medtop:20000056` or `war/all`."""
    values = [value for value in (group.place, group.topic) if value is not None]
    return "/".join([rule_name, *(values or [EVERYTHING])])


def read_group_key(key: str) -> tuple[str, Group]:
    """Return the rule's name and the group in `key`.

    Raises ValueError (pydantic's ValidationError is one) when it is no such key.
    """
    rule_name, *values = key.split("/")
    if not rule_name or not 1 <= len(values) <= 2:
        raise ValueError("is no key of a group")
    if values == [EVERYTHING]:
        return rule_name, Group()
    place = next((value for value in values if ":" not in value), None)
    topic = next((value for value in values if ":" in value), None)
    return rule_name, Group(place=place, topic=topic)
