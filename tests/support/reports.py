"""Invented reports for tests: unmistakable violence in a country of choice, each template a story of its own."""

from datetime import UTC, datetime
from itertools import count

OUTLETS = ("courier.example", "ledger.example", "signal.example", "heraldo.example")

WAR_REPORTS = (
    (
        "Air strikes kill 64 in {country}",
        (
            "Warplanes bombed three towns in {country} overnight, killing at least 64 people and wounding 130, as the "
            "army pressed on with its offensive against rebels. Hospitals in {country} said they had run out of beds."
        ),
    ),
    (
        "Rebels capture garrison town in {country}",
        (
            "Rebel fighters captured a garrison town in northern {country} on Friday after two days of artillery fire "
            "and street fighting that left 85 soldiers dead. Thousands of people fled the advance across {country}."
        ),
    ),
    (
        "Heavy fighting spreads in {country}",
        (
            "Government troops and insurgents fought with rockets and tanks in 4 provinces of {country}, in the "
            "heaviest battles since the war began. The defence ministry of {country} counted 41 dead among its own men."
        ),
    ),
    (
        "Shelling of a market in {country} leaves 37 dead",
        (
            "Shells fell on a crowded market in {country} on Tuesday, killing 37 civilians. Both sides in the civil "
            "war blamed each other; the bombardment of the city went on until dusk, residents of {country} said."
        ),
    ),
    (
        "Suicide bombers attack barracks in {country}",
        (
            "Two suicide bombers blew themselves up at a barracks in {country} before gunmen stormed the gate. The "
            "attack, claimed by an Islamist militia, killed 23 recruits, the deadliest bombing in {country} this year."
        ),
    ),
)

_numbers = count(1)


def war_reports(country: str, number: int = len(WAR_REPORTS)) -> list[dict[str, object]]:
    """Return articles about violence in `country`, in the form that ingest accepts, each from another outlet."""
    articles: list[dict[str, object]] = []
    for index in range(number):
        title, text = WAR_REPORTS[index % len(WAR_REPORTS)]
        outlet = OUTLETS[index % len(OUTLETS)]
        articles.append(
            {
                "title": title.format(country=country),
                "text": text.format(country=country),
                "url": f"https://{outlet}/world/{next(_numbers)}",
                "source": {"name": outlet.partition(".")[0], "domain": outlet},
                "published_at": datetime.now(UTC).isoformat(),
            }
        )
    return articles


def minor_news(number: int) -> list[dict[str, object]]:
    """Return that many articles about nothing violent, with addresses of their own."""
    articles: list[dict[str, object]] = []
    for _ in range(number):
        serial = next(_numbers)
        articles.append(
            {
                "title": f"Library number {serial} opens its doors",
                "text": f"A new public library was opened in district {serial} on Monday, with {serial * 7} books for "
                "children and a reading room that looks out over the river.",
                "url": f"https://courier.example/local/{serial}",
                "source": {"name": "courier", "domain": "courier.example"},
            }
        )
    return articles
