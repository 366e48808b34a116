"""Near-identical texts, such as one agency report in many papers, share a story.

Pure part: a text becomes a MinHash signature over its word triples, and the signature is cut into bands; texts whose
triples overlap by 60 % share a band with a probability of 0.96, of 70 % 0.999 (24 bands of 4 rows).
Redis part: one call looks the bands up, compares whole signatures, and books the bands for a new story, so that two
workers that meet the same report at once still find one story.

The bands are booked before Kafka has the article. That loses nothing: they only say which story a text belongs to, and
an article that is sent again after a crash finds its own.
"""

import re
import struct
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, cast

from rensa import RMinHash

from tocsin_contracts.ids import digest_id
from tocsin_ingest.connect_redis import RedisClient, redis_errors

BANDS: Final = 24
ROWS: Final = 4
SEED: Final = 20_260_101
"""Any number does; changing it makes every text of the last days a new story once."""
MIN_SIMILARITY: Final = 0.6
SHINGLE_WORDS: Final = 3
MIN_WORDS: Final = 20
"""Shorter texts have too few triples to be told apart; of them only identical ones share a story."""
MIN_EXACT_WORDS: Final = 5
"""Shorter still (`Breaking news`), equal words do not mean the same event."""
MAX_WORDS: Final = 5_000

# Scripts that write without spaces count each character as a word.
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")

# KEYS: one per band. ARGV: own story id, own signature, number of positions that must agree, milliseconds to keep.
# Returns the story id of the most similar text, or books every band for the own story and returns that.
_FIND_OR_BOOK: Final = """
local own, signature, wanted, keep = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local best, best_agree, looked_at = nil, wanted - 1, {}
for _, key in ipairs(KEYS) do
  local entry = redis.call('GET', key)
  if entry and not looked_at[entry] then
    looked_at[entry] = true
    local agree, other = 0, string.sub(entry, 33)
    for i = 1, #signature, 4 do
      if string.sub(signature, i, i + 3) == string.sub(other, i, i + 3) then agree = agree + 1 end
    end
    if agree > best_agree then best, best_agree = string.sub(entry, 1, 32), agree end
  end
end
if best then return best end
for _, key in ipairs(KEYS) do redis.call('SET', key, own .. signature, 'PX', keep) end
return own
"""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a text is compared by: the packed signature (4 bytes per position) and one name per band."""

    signature: bytes
    bands: tuple[str, ...]


class Stories(Protocol):
    """Finds the story of a text that is long enough to be compared."""

    def find_or_book(self, story_id: str, fingerprint: Fingerprint) -> str:
        """Return the story of a near-identical text seen lately, else book `story_id` for this one and return it."""
        ...


def words_of(title: str, text: str) -> list[str]:
    """Return the words that identify a story: those of the text, and of the title too where the text is short."""
    words = _WORD.findall(text.casefold())
    if len(words) < MIN_WORDS:
        words = _WORD.findall(title.casefold()) + words
    return words[:MAX_WORDS]


def fingerprint(words: list[str]) -> Fingerprint:
    """Return the fingerprint of at least `SHINGLE_WORDS` words."""
    shingles = {" ".join(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1)}
    minhash = RMinHash(num_perm=BANDS * ROWS, seed=SEED)
    minhash.update(sorted(shingles))
    positions = cast("list[int]", minhash.digest())
    signature = struct.pack(f">{BANDS * ROWS}I", *positions)
    width = 4 * ROWS
    bands = tuple(f"{band}:{signature[band * width : (band + 1) * width].hex()}" for band in range(BANDS))
    return Fingerprint(signature, bands)


def similarity(one: Fingerprint, other: Fingerprint) -> float:
    """Return the estimated share of word triples that two texts have in common."""
    pairs = zip(struct.iter_unpack(">I", one.signature), struct.iter_unpack(">I", other.signature), strict=True)
    return sum(a == b for a, b in pairs) / (BANDS * ROWS)


def find_story(article_id: str, title: str, text: str, stories: Stories) -> str:
    """Return the story id of an article that has none yet. Raises RedisAway."""
    words = words_of(title, text)
    if len(words) < MIN_EXACT_WORDS:
        return digest_id("story", article_id)
    if len(words) < MIN_WORDS:
        return digest_id("story-words", *words)
    return stories.find_or_book(digest_id("story", article_id), fingerprint(words))


class RedisStories:
    """Stories that workers share through Redis; keys `{prefix}story:{band}` expire."""

    def __init__(self, client: RedisClient, prefix: str, keep: timedelta) -> None:
        self._prefix = f"{prefix}story:"
        self._keep_ms = max(1, int(keep.total_seconds() * 1000))
        self._script = client.register_script(_FIND_OR_BOOK)

    def find_or_book(self, story_id: str, fingerprint: Fingerprint) -> str:
        """See Stories. Raises RedisAway."""
        keys = [f"{self._prefix}{band}" for band in fingerprint.bands]
        wanted = round(MIN_SIMILARITY * BANDS * ROWS)
        with redis_errors():
            found = self._script(keys=keys, args=[story_id, fingerprint.signature, wanted, self._keep_ms])
        return cast("bytes", found).decode()
