"""An article, and an article as classify tagged it, in two or three lines."""

from typing import Final

from rich.console import Console
from rich.text import Text

from tocsin_cli.show.lines import print_beside_level, print_indented, print_link, quote
from tocsin_cli.show.moments import show_moment
from tocsin_cli.show.printable import one_line
from tocsin_cli.show.scale import direction_text, level_text
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import EVIDENCE_FROM_LEVEL, Abstention, ClassifiedV1, Escalation, PlaceRole
from tocsin_contracts.media_topics import topic_slug

_SHOWN_TAGS: Final = 4
_REASONS: Final = {
    Abstention.CONFIDENCE: "too unsure",
    Abstention.LANGUAGE: "not in a language the model knows",
    Abstention.NO_NEWS: "no news",
}


def print_article(console: Console, article: ArticleV1, note: str) -> None:
    """Print when, where from and what; `note` names its position on the topic."""
    heading = Text.assemble(
        (show_moment(article.published_at or article.fetched_at), "dim"),
        "  ",
        (one_line(article.source.domain or article.source.name, 60), "cyan"),
        f"  {article.language}",
        (f"  revision {article.revision}" if article.revision > 1 else "", "yellow"),
    )
    console.print(heading)
    print_indented(console, one_line(article.title, 300) or one_line(article.text, 300))
    print_link(console, article.url)
    _print_note(console, f"{len(article.text)} characters, article {article.article_id}", note)


def print_classified(console: Console, classified: ClassifiedV1, note: str) -> None:
    """Print the level, places, topics, what was read and what carries its level; `note` names its position."""
    escalation = classified.escalation
    heading = level_text(escalation.level)
    heading.append(f"  {escalation.confidence:.0%}  {direction_text(escalation.direction)}", style="default not bold")
    if escalation.abstained:
        heading.append(f"  {_explain_abstention(escalation)}", style="yellow")
    scenes, mentions = _named_places(classified, PlaceRole.SCENE), _named_places(classified, PlaceRole.MENTION)
    if scenes or not mentions:
        heading.append(f"  {', '.join(scenes) or 'no place'}", style="bold default")
    if mentions:
        heading.append(f"  mentions {', '.join(mentions)}", style="dim default not bold")
    console.print(heading)
    title = one_line(classified.title, 300) or one_line(classified.lead, 300) or "(no title)"
    print_indented(console, title)
    topics = [topic_slug(topic.code) for topic in classified.topics]
    if topics:
        print_indented(console, ", ".join(_first(topics)), "dim")
    if escalation.level >= EVIDENCE_FROM_LEVEL:
        for sentence in classified.evidence:
            print_beside_level(console, sentence.level, quote(sentence.text))
    print_link(console, classified.url)
    source = one_line(classified.source.domain or classified.source.name, 60)
    when = show_moment(classified.published_at or classified.fetched_at)
    _print_note(console, f"{when}  {source}  {classified.language}", note)


def _explain_abstention(escalation: Escalation) -> str:
    because = escalation.abstained_because
    return f"abstained: {_REASONS[because]}" if because is not None else "abstained"


def _named_places(classified: ClassifiedV1, role: PlaceRole) -> list[str]:
    of_role = [place for place in classified.places if place.role is role]
    ordered = sorted(of_role, key=lambda place: (-place.score, -place.count))
    return _first([f"{one_line(place.name, 60)} ({place.country})" for place in ordered])


def _first(names: list[str]) -> list[str]:
    hidden = len(names) - _SHOWN_TAGS
    return [*names[:_SHOWN_TAGS], f"{hidden} more"] if hidden > 0 else names


def _print_note(console: Console, text: str, note: str) -> None:
    print_indented(console, f"{text}  {note}", "dim")
    console.print()
