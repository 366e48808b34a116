"""Makes the message of an alert from what the engine announces."""

from typing import Final

from tocsin_alert.contribution import as_evidence
from tocsin_alert.durations import format_duration, readable_duration
from tocsin_alert.engine import Kind, Transition
from tocsin_alert.fingerprint import fingerprint_of
from tocsin_alert.moments import from_micros, span
from tocsin_alert.rule import Rule
from tocsin_alert.state import GroupState
from tocsin_contracts.alert import AlertV1, Counts, Group, RuleIdentity, Status, Threshold, Window
from tocsin_contracts.media_topics import TOPIC_NAMES
from tocsin_contracts.scale import LEVEL_NAMES

MAX_SUMMARY: Final = 500


def build_alert(rule: Rule, state: GroupState, transition: Transition) -> AlertV1:
    """Return the alert message of one transition of the group whose state is `state`.

    `window` and `counts` are those of the moment that was measured: for a firing alert one at which the threshold was
    met, so that the evidence shows it; for a resolved one the end of the hold. The evidence of a resolved alert is what
    it was last announced with.
    """
    measured_at = transition.measured_at
    return AlertV1(
        alert_id=transition.alert_id,
        fingerprint=fingerprint_of(rule.name, state.group),
        revision=transition.revision,
        status=Status.FIRING if transition.ends_at is None else Status.RESOLVED,
        severity=rule.severity,
        rule=RuleIdentity(name=rule.name, version=rule.version),
        group=state.group,
        level=transition.level,
        direction=transition.direction,
        counts=Counts(articles=transition.articles, stories=transition.stories, sources=transition.sources),
        threshold=Threshold(level=rule.fire_when.level, stories=rule.fire_when.stories, sources=rule.fire_when.sources),
        window=Window(
            starts_at=from_micros(measured_at - span(rule.window)),
            ends_at=from_micros(measured_at),
        ),
        topics=list(transition.topics),
        places=list(transition.places),
        starts_at=from_micros(transition.starts_at),
        updated_at=from_micros(transition.told_at),
        ends_at=None if transition.ends_at is None else from_micros(transition.ends_at),
        evidence=[as_evidence(item) for item in transition.evidence],
        summary=summarise(rule, state, transition)[:MAX_SUMMARY],
    )


def summarise(rule: Rule, state: GroupState, transition: Transition) -> str:
    """Return one readable line, such as `Syria: war (level 5), 4 stories from 3 sources in 24 h`."""
    who = name_group(rule, state.group, state.place_name)
    level = f"{LEVEL_NAMES[transition.level]} (level {transition.level})"
    if transition.ends_at is not None:
        below = _count(rule.exit_stories, "story", "stories")
        at_level = f" at level {rule.exit_level} or above" if rule.exit_level else ""
        hold = readable_duration(rule.resolve_when.hold)
        return f"{who}: resolved, was {level}; fewer than {below}{at_level} for {hold}"
    stories = _count(transition.stories, "story", "stories")
    sources = _count(transition.sources, "source", "sources")
    risen = "risen to " if transition.kind is Kind.RAISED else ""
    return f"{who}: {risen}{level}, {stories} from {sources} in {readable_duration(rule.window)}"


def name_group(rule: Rule, group: Group, place_name: str | None) -> str:
    """Return the group's name for people: `Syria`, `Syria, armed conflict`, or the rule's name when it has none."""
    place = None if group.place is None else (place_name or group.place)
    topic = None if group.topic is None else TOPIC_NAMES.get(group.topic, group.topic)
    return ", ".join(name for name in (place, topic) if name) or rule.name


def describe_threshold(rule: Rule) -> str:
    """Return when the rule fires, such as `3 stories from 2 sources at level 3+ in 24h`."""
    fire = rule.fire_when
    stories, sources = _count(fire.stories, "story", "stories"), _count(fire.sources, "source", "sources")
    return f"{stories} from {sources} at level {fire.level}+ in {format_duration(rule.window)}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
