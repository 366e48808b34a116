"""Cutting a vocabulary, on a tiny tokenizer written here."""

import json
from typing import Any

import pytest
from tokenizers import Tokenizer

from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.trim_vocabulary import (
    count_pieces,
    count_word_lists,
    share_unchanged,
    trim,
)

pytestmark = pytest.mark.unit

PIECES = ["▁war", "▁peace", "▁talks", "wa", "ce", "▁w", "▁p", "▁t", "▁", *"acelkprstw"]


def full_tokenizer() -> str:
    vocabulary: list[list[Any]] = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    vocabulary += [[piece, -20.0 - place] for place, piece in enumerate(PIECES)]
    vocabulary.append(["<mask>", 0.0])
    specials = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": len(vocabulary) - 1}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    template = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    template.append({"SpecialToken": {"id": "</s>", "type_id": 0}})
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [{"id": place, "content": text, **flags} for text, place in specials.items()],
            "normalizer": None,
            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": template,
                "pair": [*template, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {
                    text: {"id": text, "ids": [specials[text]], "tokens": [text]} for text in ("<s>", "</s>")
                },
            },
            "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            "model": {"type": "Unigram", "unk_id": 3, "vocab": vocabulary, "byte_fallback": False},
        }
    )


def singles() -> int:
    return sum(len(piece.removeprefix("▁")) <= 1 for piece in PIECES)


def test_pieces_are_counted_on_text() -> None:
    counts = count_pieces(full_tokenizer(), ["war war", "peace"])
    assert counts == {4: 2, 5: 1}


def test_word_lists_count_by_frequency_and_capitals_too() -> None:
    counts = count_word_lists(full_tokenizer(), {"en": [("war", 0.5), ("peace", 0.1)]})
    assert counts[4] == 500_000
    assert counts[5] == 100_000
    # "War" is unknown to this vocabulary and leaves its known rest.
    assert counts[3] > 0


def test_the_most_frequent_pieces_stay_beside_specials_and_single_characters() -> None:
    full = full_tokenizer()
    trimmed = trim(full, count_pieces(full, ["peace"] * 9 + ["war"] * 5), rows=5 + singles() + 2)
    model = json.loads(trimmed.tokenizer_json)["model"]
    kept = [piece for piece, _ in model["vocab"]]
    assert kept[:4] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert kept[-1] == "<mask>"
    assert {"▁peace", "▁war"} <= set(kept)
    assert "▁talks" not in kept
    assert len(kept) == len(trimmed.rows) == 5 + singles() + 2


def test_ids_and_rows_of_the_smaller_vocabulary_agree_with_the_full_one() -> None:
    full = full_tokenizer()
    trimmed = trim(full, {5: 9}, rows=5 + singles() + 1)
    before, after = Tokenizer.from_str(full), Tokenizer.from_str(trimmed.tokenizer_json)
    for new, old in enumerate(trimmed.rows):
        assert after.id_to_token(new) == before.id_to_token(old)
    encoded = after.encode("peace")
    assert encoded.tokens == ["<s>", "▁peace", "</s>"]
    assert [trimmed.rows[place] for place in encoded.ids] == before.encode("peace").ids
    assert after.token_to_id("<mask>") == len(trimmed.rows) - 1


def test_a_word_whose_piece_is_gone_falls_into_smaller_ones_not_into_unknown() -> None:
    full = full_tokenizer()
    trimmed = trim(full, {5: 9}, rows=5 + singles() + 1)
    tokens = Tokenizer.from_str(trimmed.tokenizer_json).encode("talks", add_special_tokens=False).tokens
    assert "".join(tokens) == "▁talks"
    assert len(tokens) > 1
    assert "<unk>" not in tokens


def test_the_share_of_unchanged_texts_is_counted() -> None:
    full = full_tokenizer()
    trimmed = trim(full, {4: 9, 5: 9}, rows=5 + singles() + 2)
    unchanged, ratio = share_unchanged(full, trimmed.tokenizer_json, ["war peace", "talks"])
    assert unchanged == 0.5
    # One piece for "talks" became "▁t", "a", "l", "k", "s".
    assert ratio == (2 + 5) / (2 + 1)


def test_too_few_rows_are_refused_with_the_least_number() -> None:
    with pytest.raises(TrainingError, match=f"at least {5 + singles()}"):
        trim(full_tokenizer(), {}, rows=5)


def test_another_kind_of_vocabulary_is_refused() -> None:
    content = json.loads(full_tokenizer())
    content["model"] = {"type": "WordPiece", "vocab": {}}
    with pytest.raises(TrainingError, match="--vocabulary 0"):
        trim(json.dumps(content), {}, rows=100)
