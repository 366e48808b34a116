"""Cuts a Unigram vocabulary down to the pieces that the languages served really use.

Four fifths of multilingual-e5-small are word embeddings of about a hundred languages. Pieces are counted on
real text; those never or rarely met go, and words that used them fall apart into smaller pieces that stay.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tocsin_classify.training.errors import TrainingError

# The thirteen languages the labelled items come in.
LANGUAGES = ("ar", "en", "es", "fa", "fr", "hi", "id", "pt", "ru", "sw", "tr", "uk", "zh")
# Words per language taken from wordfreq; beyond these a list holds mostly names and typing errors.
WORDS_PER_LANGUAGE = 60_000
# A word list stands for this many running words of its language.
WORDS_REPRESENTED = 1_000_000
# How often a word stands with a capital letter, roughly, in the news of the languages that have them.
CAPITALISED_SHARE = 0.25
# The tokenizer's own scores are log-probabilities over the text of a hundred languages. Read as counts of so
# many tokens they rank pieces that no counted text holds (Swahili has no word list).
PRIOR_TOKENS = 2_000_000
BATCH = 2_000


@dataclass(frozen=True)
class Trimmed:
    """A smaller tokenizer.json and, for each of its ids, the row of the full embedding it stands for."""

    tokenizer_json: str
    rows: list[int]


def count_pieces(tokenizer_json: str, texts: Iterable[str]) -> Counter[int]:
    """How often each id of the full tokenizer occurs in `texts`."""
    tokenizer = _load(tokenizer_json)
    counts: Counter[int] = Counter()
    waiting = iter(texts)
    while batch := list(islice(waiting, BATCH)):
        for encoding in tokenizer.encode_batch(batch, add_special_tokens=False):
            counts.update(encoding.ids)
    return counts


def count_word_lists(tokenizer_json: str, word_lists: Mapping[str, Sequence[tuple[str, float]]]) -> Counter[int]:
    """The same for word lists: language -> (word, share of running text)."""
    tokenizer = _load(tokenizer_json)
    counts: dict[int, float] = {}
    for words in word_lists.values():
        # The lists are in lower case; names and first words of sentences are not.
        spelled = [*words, *((word.capitalize(), share * CAPITALISED_SHARE) for word, share in words)]
        encodings = tokenizer.encode_batch([word for word, _ in spelled], add_special_tokens=False)
        for encoding, (_, share) in zip(encodings, spelled, strict=True):
            for piece in encoding.ids:
                counts[piece] = counts.get(piece, 0.0) + share * WORDS_REPRESENTED
    return Counter({piece: math.ceil(count) for piece, count in counts.items()})


def read_word_lists(languages: Iterable[str] = LANGUAGES) -> dict[str, list[tuple[str, float]]]:
    """wordfreq's most frequent words of each language it has; the others are left out."""
    import wordfreq

    have = wordfreq.available_languages("best")
    return {
        language: list(islice(wordfreq.get_frequency_dict(language, wordlist="best").items(), WORDS_PER_LANGUAGE))
        for language in languages
        if language in have
    }


def trim(tokenizer_json: str, counts: Mapping[int, int], rows: int) -> Trimmed:
    """A tokenizer of at most `rows` pieces: specials, single characters, then the most frequent pieces.

    Ids keep their order, so that specials stay where fairseq put them (<s> <pad> </s> <unk> first, <mask>
    last). Raises TrainingError when the tokenizer is not Unigram or `rows` is too small for what must stay.
    """
    content: dict[str, Any] = json.loads(tokenizer_json)
    model = content["model"]
    if model.get("type") != "Unigram":
        raise TrainingError(
            f"only Unigram vocabularies can be trimmed, this one is {model.get('type')}: use --vocabulary 0"
        )
    vocabulary: list[list[Any]] = model["vocab"]
    specials = {entry["content"] for entry in content["added_tokens"]}
    kept = {index for index, (piece, _) in enumerate(vocabulary) if piece in specials or _is_single(piece)}
    kept.add(model["unk_id"])
    if len(kept) > rows:
        raise TrainingError(f"--vocabulary must be at least {len(kept)}: specials and single characters stay")
    ranked = sorted(
        (index for index in range(len(vocabulary)) if index not in kept),
        key=lambda index: (-(counts.get(index, 0) + PRIOR_TOKENS * math.exp(vocabulary[index][1])), index),
    )
    kept.update(ranked[: rows - len(kept)])
    old_ids = sorted(kept)
    new_ids = {old: new for new, old in enumerate(old_ids)}
    model["vocab"] = [vocabulary[old] for old in old_ids]
    model["unk_id"] = new_ids[model["unk_id"]]
    for entry in content["added_tokens"]:
        entry["id"] = new_ids[entry["id"]]
    for token in content["post_processor"].get("special_tokens", {}).values():
        token["ids"] = [new_ids[old] for old in token["ids"]]
    return Trimmed(json.dumps(content, ensure_ascii=False), old_ids)


def share_unchanged(full_json: str, trimmed_json: str, texts: Sequence[str]) -> tuple[float, float]:
    """(share of texts with the very same pieces, tokens now / tokens before)."""
    before, after = _load(full_json), _load(trimmed_json)
    same = old = new = 0
    for left, right in zip(
        before.encode_batch(list(texts), add_special_tokens=False),
        after.encode_batch(list(texts), add_special_tokens=False),
        strict=True,
    ):
        same += left.tokens == right.tokens
        old += len(left.tokens)
        new += len(right.tokens)
    return same / max(len(texts), 1), new / max(old, 1)


def _is_single(piece: str) -> bool:
    return len(piece.removeprefix("▁")) <= 1 or (piece.startswith("<0x") and piece.endswith(">"))


def _load(tokenizer_json: str) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(tokenizer_json)
