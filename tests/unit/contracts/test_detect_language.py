"""The language is detected where it can be, and said to be undetermined where it cannot."""

import subprocess
import sys

import pytest

from tocsin_contracts.detect_language import count_letters, detect_language

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The governor said that the bridge would stay closed until the shelling ends.", "en"),
        ("Der Gouverneur sagte, die Brücke bleibe geschlossen, bis der Beschuss ende.", "de"),
        ("El gobernador dijo que el puente seguirá cerrado hasta que cesen los bombardeos.", "es"),
        ("قال المحافظ إن الجسر سيبقى مغلقا حتى ينتهي القصف على المدينة", "ar"),
        ("Губернатор заявил, что мост останется закрытым до прекращения обстрела.", "ru"),
        ("州长表示，在炮击结束之前，这座桥将保持关闭。", "zh"),
        # Taken for Wu, which is Chinese all the same.
        ("当地居民说，炮击从清晨开始，持续了两个小时。", "zh"),
        ("", "und"),
        ("Velm", "und"),
        ("12 345 678 901 234 567 890", "und"),
        ("🔥🔥🔥 🔥🔥🔥 🔥🔥🔥 🔥🔥🔥", "und"),
    ],
)
def test_the_language_is_found_or_undetermined(text: str, language: str) -> None:
    assert detect_language("", text) == language


def test_a_wide_character_counts_as_several_letters() -> None:
    assert [count_letters(text) for text in ("a b", "停火", "12 ?", "")] == [2, 6, 0, 0]


def test_importing_the_service_does_not_load_the_model() -> None:
    code = "import sys, tocsin_ingest.accept; sys.exit('py3langid' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
