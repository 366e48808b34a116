"""Runs any Hugging Face model for sequence classification with torch, on a CPU or a GPU. Needs the extra `torch`."""

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from tocsin_classify.aggregate_labels import DIRECTIONS, Floats
from tocsin_classify.backend import WindowLogits
from tocsin_classify.find_model import FoundModel, check_name, check_weights, find_model
from tocsin_classify.fit_labels import FittedLabels, choose_mapping, fit_labels
from tocsin_classify.label_mapping import LabelMapping, read_label_mapping
from tocsin_classify.model_directory import ModelDirectoryError, ModelSettings
from tocsin_classify.read_windows import TITLE_TOKENS, Tokenizer
from tocsin_classify.settings import InferenceSettings
from tocsin_contracts.classified import ModelIdentity
from tocsin_contracts.scale import SCALE_VERSION

WINDOW_TOKENS = 256
"""Twice as many as the shipped model's: foreign models are larger, and a zero-shot one repeats every window."""
LEAST_WINDOW = 16
MAX_WINDOW = 8192
MAX_MODEL_LENGTH = 1_000_000
"""Tokenizers of unlimited length say so with a number of thirty digits."""
CPU_BATCH_TOKENS = 4_096
"""Padding included. More brings no more speed there, and costs memory."""
GPU_BATCH_TOKENS = 32_768


@dataclass(frozen=True)
class Frame:
    """The special tokens around a text, or around a text and its hypothesis, and the type of each part's tokens."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    types: tuple[int, int, int, int, int] | None
    """Of before, text, between, hypothesis and after; None where the model has no types."""

    @property
    def length(self) -> int:
        """How many special tokens there are."""
        return len(self.before) + len(self.between) + len(self.after)

    def fill(self, text: Sequence[int], hypothesis: Sequence[int]) -> tuple[list[int], list[int] | None]:
        """Return token ids and, where the model has them, token types."""
        parts = (self.before, text, self.between, hypothesis, self.after)
        ids = [token for part in parts for token in part]
        if self.types is None:
            return ids, None
        return ids, [kind for part, kind in zip(parts, self.types, strict=True) for _ in part]


class PlainTokenizer:
    """A tokenizer of transformers without its special tokens: the backend frames a window itself.

    Special tokens that stand in a text, such as [SEP], are left out: a text must not be able to end itself.
    """

    cls_token_id: int | None = None
    sep_token_id: int | None = None

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.all_special_ids) - {tokenizer.unk_token_id}

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Return the text's token ids."""
        ids = self._tokenizer.encode(text, add_special_tokens=add_special_tokens)
        return [token for token in ids if token not in self._special]


class TorchBackend:
    """A model of transformers; windows of like length go through it together, padded.

    Computed in single precision, so that a window's logits depend on its neighbours by rounding only (below 1e-4).
    """

    def __init__(
        self, settings: ModelSettings, tokenizer: Tokenizer, model: Any, device: str, frame: Frame, labels: FittedLabels
    ) -> None:
        self._settings = settings
        self._tokenizer = tokenizer
        self._model = model
        self._device = device
        self._frame = frame
        self._labels = labels
        self._hypotheses = [tokenizer.encode(phrase, add_special_tokens=False) for phrase in labels.hypotheses] or [[]]
        self._batch_tokens = CPU_BATCH_TOKENS if device == "cpu" else GPU_BATCH_TOKENS
        self._closed = False

    @property
    def settings(self) -> ModelSettings:
        """What is known of the model and its mapping."""
        return self._settings

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer, without special tokens."""
        return self._tokenizer

    @property
    def device(self) -> str:
        """Where it computes: cpu or cuda."""
        return self._device

    def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
        """Return the logits of the windows, which carry no special tokens, in their order; see `aggregate_labels`."""
        count = len(self._hypotheses)
        lengths = [len(window) + len(hypothesis) for window in windows for hypothesis in self._hypotheses]
        rows: list[Floats] = [np.empty(0, dtype=np.float32)] * len(lengths)
        for places in self._batches(lengths):
            if self._closed:
                raise RuntimeError("the model was closed")
            filled = [self._frame.fill(windows[place // count], self._hypotheses[place % count]) for place in places]
            for place, row in zip(places, self.compute(filled), strict=True):
                rows[place] = row
        logits = np.stack(rows)
        if self._labels.hypotheses:
            logits = logits.reshape(len(windows), count, -1)
        return self._labels.aggregate(logits)

    def compute(self, filled: Sequence[tuple[list[int], list[int] | None]]) -> Floats:
        """Return the model's logits [N, K] for N sequences of tokens and their types."""
        import torch

        longest = max(len(ids) for ids, _ in filled)
        pad = self._model.config.pad_token_id or 0
        given = {
            "input_ids": torch.full((len(filled), longest), pad, dtype=torch.long),
            "attention_mask": torch.zeros((len(filled), longest), dtype=torch.long),
        }
        if self._frame.types is not None:
            given["token_type_ids"] = torch.zeros((len(filled), longest), dtype=torch.long)
        for row, (ids, types) in enumerate(filled):
            given["input_ids"][row, : len(ids)] = torch.tensor(ids)
            given["attention_mask"][row, : len(ids)] = 1
            if types is not None:
                given["token_type_ids"][row, : len(ids)] = torch.tensor(types)
        with torch.inference_mode():
            said = self._model(**{name: tensor.to(self._device) for name, tensor in given.items()}).logits
        logits: Floats = said.float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise ValueError("the model computed what is no number")
        return logits

    def close(self) -> None:
        """End a batch under way after the windows that are being computed."""
        self._closed = True

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Places of the longest first, as many as fit the bound of padded tokens."""
        order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
        start = 0
        while start < len(order):
            longest = lengths[order[start]] + self._frame.length
            # Without a token to pad with, models that look for the last one cannot tell where a text ends.
            size = 1 if self._model.config.pad_token_id is None else max(1, self._batch_tokens // longest)
            yield order[start : start + size]
            start += size


def check_torch_settings(settings: InferenceSettings) -> None:
    """Raise ModelDirectoryError for settings that cannot work, before libraries that take seconds are loaded."""
    if importlib.util.find_spec("torch") is None:
        raise ModelDirectoryError(
            "the backend torch needs torch, which is not installed: pip install 'tocsin-classify[torch]'"
        )
    check_name(_named(settings), settings.classify_revision)
    if settings.classify_labels:
        read_label_mapping(settings.classify_labels)


def load_torch_backend(settings: InferenceSettings) -> TorchBackend:
    """Load the model that the settings name; takes seconds to minutes.

    Raises ModelDirectoryError, which says what is wrong, when there is none or it does not fit.
    """
    check_torch_settings(settings)
    mapping = read_label_mapping(settings.classify_labels) if settings.classify_labels else None
    # Read at import.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    found = find_model(
        _named(settings),
        revision=settings.classify_revision,
        download=settings.classify_download,
        pickled_weights=settings.classify_pickled_weights,
        say=lambda message: print(message, file=sys.stderr, flush=True),
    )
    check_weights(found, pickled_weights=settings.classify_pickled_weights)
    device = _choose_device(settings)
    try:
        return _load(found, mapping, settings, device)
    except ModelDirectoryError as error:
        raise ModelDirectoryError(f"{found.name}: {error}") from error


def _named(settings: InferenceSettings) -> str:
    if not settings.classify_model:
        raise ModelDirectoryError(
            "the backend torch needs a model: name a directory or an id with TOCSIN_CLASSIFY_MODEL or --model"
        )
    return settings.classify_model


def _choose_device(settings: InferenceSettings) -> str:
    import torch

    torch.set_num_threads(settings.threads())
    if settings.classify_device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if settings.classify_device == "cuda" and not torch.cuda.is_available():
        raise ModelDirectoryError("torch finds no GPU here: set TOCSIN_CLASSIFY_DEVICE to cpu or auto")
    return settings.classify_device


def _load(found: FoundModel, mapping: LabelMapping | None, settings: InferenceSettings, device: str) -> TorchBackend:
    config = _read_config(found.directory)
    names = getattr(config, "id2label", None) or {}
    labels = [str(names[place]) for place in sorted(names)]
    mapping = mapping or choose_mapping(labels)
    try:
        fitted = fit_labels(
            mapping, labels, independent=getattr(config, "problem_type", None) == "multi_label_classification"
        )
    except ModelDirectoryError as error:
        where = f"{settings.classify_labels}: " if settings.classify_labels else ""
        raise ModelDirectoryError(f"{where}{error}") from error
    tokenizer = _read_tokenizer(found.directory, config)
    model = _read_weights(found.directory, config, pickled_weights=settings.classify_pickled_weights)
    _check_vocabulary(tokenizer, model)
    frame = _find_frame(tokenizer, pair=bool(fitted.hypotheses))
    plain = PlainTokenizer(tokenizer)
    longest = max((plain.encode(phrase, add_special_tokens=False) for phrase in fitted.hypotheses), key=len, default=[])
    positions = _count_positions(model, tokenizer)
    window = _choose_window(mapping, positions, frame.length + len(longest))
    backend = TorchBackend(_describe(found, mapping, fitted, window), plain, model, "cpu", frame, fitted)
    filler = plain.encode("a", add_special_tokens=False)[:1] * (TITLE_TOKENS + window)
    _check_computation(backend, frame.fill(filler, longest), len(labels))
    if device == "cpu":
        return backend
    return TorchBackend(backend.settings, plain, model.to(device), device, frame, fitted)


def _read_config(directory: Path) -> Any:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise ModelDirectoryError(f"transformers cannot read its configuration: {_first_line(error)}") from error
    heads = getattr(config, "architectures", None) or []
    if heads and not any("ForSequenceClassification" in head for head in heads):
        raise ModelDirectoryError(
            f"it has no classification head: it is a {', '.join(heads)}. Fine-tune it, or name a model made for "
            "sequence classification"
        )
    return config


def _read_tokenizer(directory: Path, config: Any) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            directory, config=config, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ModelDirectoryError(f"transformers cannot read its tokenizer: {_first_line(error)}") from error
    if not tokenizer.is_fast:
        raise ModelDirectoryError("its tokenizer is a slow one: save it as a fast one, which has a tokenizer.json")
    return tokenizer


def _read_weights(directory: Path, config: Any, *, pickled_weights: bool) -> Any:
    import torch
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            directory,
            config=config,
            dtype=torch.float32,
            use_safetensors=None if pickled_weights else True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:
        raise ModelDirectoryError(f"transformers cannot load it: {_first_line(error)}") from error
    if missing := sorted(info["missing_keys"]):
        raise ModelDirectoryError(
            f"its weights lack {', '.join(missing[:5])}, which would be left to chance: it was not trained to classify"
        )
    return model.eval()


def _check_vocabulary(tokenizer: Any, model: Any) -> None:
    """A token that the model has no embedding for would fail the article that has it, perhaps years later."""
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ModelDirectoryError(
            f"its tokenizer knows {len(tokenizer)} tokens and the model {rows}: they do not belong together"
        )


def _find_frame(tokenizer: Any, *, pair: bool) -> Frame:
    """Learn from an example how the tokenizer frames a text, or a text and a hypothesis."""
    encoded = tokenizer("a", "a") if pair else tokenizer("a")
    ids: list[int] = encoded["input_ids"]
    parts: list[int | None] = encoded.sequence_ids(0)
    last = 1 if pair else 0
    if 0 not in parts or last not in parts:
        raise ModelDirectoryError("its tokenizer makes nothing of a letter")
    text = (parts.index(0), len(parts) - parts[::-1].index(0))
    second = (parts.index(1), len(parts) - parts[::-1].index(1)) if pair else (text[1], text[1])
    types = None
    if "token_type_ids" in encoded:
        given: list[int] = encoded["token_type_ids"]
        between = given[text[1]] if second[0] > text[1] else 0
        types = (given[0], given[text[0]], between, given[second[0] - (not pair)], given[-1])
    return Frame(tuple(ids[: text[0]]), tuple(ids[text[1] : second[0]]), tuple(ids[second[1] :]), types)


def _count_positions(model: Any, tokenizer: Any) -> int:
    """How many tokens the model reads at a time."""
    known = [MAX_WINDOW]
    if tokenizer.model_max_length < MAX_MODEL_LENGTH:
        known.append(tokenizer.model_max_length)
    if positions := getattr(model.config, "max_position_embeddings", None):
        # RoBERTa and its kin count from behind the padding's position.
        padding = max(
            (
                module.padding_idx + 1
                for name, module in model.named_modules()
                if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
            ),
            default=0,
        )
        known.append(positions - padding)
    return int(min(known))


def _choose_window(mapping: LabelMapping, positions: int, others: int) -> int:
    """How many tokens of a text one window takes, beside the title and `others`: special tokens and hypothesis."""
    room = positions - TITLE_TOKENS - others
    taken = f"a title takes up to {TITLE_TOKENS}, special tokens and the longest hypothesis {others}"
    if room < LEAST_WINDOW:
        raise ModelDirectoryError(f"it reads {positions} tokens at a time, and {taken}: no room is left for a text")
    if mapping.window_tokens and mapping.window_tokens > room:
        raise ModelDirectoryError(
            f"window_tokens: windows of {mapping.window_tokens} tokens need "
            f"{mapping.window_tokens + TITLE_TOKENS + others} positions, the model has {positions}: {taken}. "
            f"State {room} at most"
        )
    return mapping.window_tokens or min(WINDOW_TOKENS, room)


def _describe(found: FoundModel, mapping: LabelMapping, fitted: FittedLabels, window: int) -> ModelSettings:
    try:
        identity = ModelIdentity(name=found.name, version=found.version, scale_version=SCALE_VERSION)
        return ModelSettings(
            model_name=identity.name,
            model_version=identity.version,
            scale_version=identity.scale_version,
            directions=tuple(direction.value for direction in DIRECTIONS),
            topics=fitted.topics,
            topic_thresholds=fitted.topic_thresholds,
            always_a_topic=False,
            window_tokens=window,
            # An eighth is read twice, as with the shipped model.
            window_stride=mapping.window_stride or max(1, window - window // 8),
            level_temperature=mapping.level_temperature,
            abstain_below=mapping.abstain_below,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelDirectoryError(f"{first['loc'][0] if first['loc'] else 'mapping'}: {first['msg']}") from error


def _check_computation(backend: TorchBackend, longest: tuple[list[int], list[int] | None], labels: int) -> None:
    """The longest window through the model, on the CPU: a GPU that reads out of bounds is lost for the process."""
    try:
        logits = backend.compute([longest])
    except Exception as error:
        raise ModelDirectoryError(
            f"it cannot compute a window of {len(longest[0])} tokens: {_first_line(error)}. State lower "
            "window_tokens in the mapping file"
        ) from error
    if logits.shape != (1, labels):
        raise ModelDirectoryError(f"it gives {logits.shape[-1]} logits, but names {labels} labels")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
