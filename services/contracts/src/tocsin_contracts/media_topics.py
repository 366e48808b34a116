"""The topics that articles are tagged with: IPTC Media Topics (CC BY 4.0) and two `local:` concepts IPTC lacks."""

from typing import Final

TOPIC_NAMES: Final[dict[str, str]] = {
    "medtop:01000000": "arts, culture, entertainment and media",
    "medtop:16000000": "conflict, war and peace",
    "medtop:02000000": "crime, law and justice",
    "medtop:03000000": "disaster, accident and emergency incident",
    "medtop:04000000": "economy, business and finance",
    "medtop:05000000": "education",
    "medtop:06000000": "environment",
    "medtop:07000000": "health",
    "medtop:08000000": "human interest",
    "medtop:09000000": "labour",
    "medtop:10000000": "lifestyle and leisure",
    "medtop:11000000": "politics and government",
    "medtop:12000000": "religion",
    "medtop:13000000": "science and technology",
    "medtop:14000000": "society",
    "medtop:15000000": "sport",
    "medtop:17000000": "weather",
    "medtop:20000056": "armed conflict",
    "medtop:20000053": "act of terror",
    "medtop:20000065": "civil unrest",
    "medtop:20000066": "protests and demonstrations",
    "medtop:20000069": "riot",
    "medtop:20000070": "coup d'etat",
    "medtop:20000071": "massacre",
    "medtop:20000073": "peace process",
    "medtop:20000058": "international military intervention",
    "medtop:20000639": "diplomacy",
    "medtop:20000642": "economic sanction",
    "medtop:20000643": "foreign aid",
    "medtop:20000645": "refugees and internally displaced people",
    "medtop:20000105": "war crime",
    "medtop:20001361": "cyber warfare",
    "local:humanitarian-crisis": "humanitarian crisis",
    "local:nuclear-weapons": "nuclear weapons",
    "medtop:20000574": "election",
}


def topic_slug(code: str) -> str:
    """Return the topic's name as a channel-safe slug, such as `armed-conflict`; an unknown code gives its own slug."""
    name = TOPIC_NAMES.get(code, code)
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def find_topic(text: str) -> str | None:
    """Return the code that `text` names, given as code, name or slug in any case; None when there is none."""
    wanted = text.strip().lower()
    for code, name in TOPIC_NAMES.items():
        if wanted in (code, name.lower(), topic_slug(code)):
            return code
    return None
