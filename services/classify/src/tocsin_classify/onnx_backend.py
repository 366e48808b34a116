"""Runs a model directory with ONNX Runtime; transformers reads its tokenizer and its configuration, without torch."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from tocsin_classify.backend import Floats, WindowLogits
from tocsin_classify.model_directory import LEVELS, WEIGHTS, ModelDirectoryError, ModelSettings, read_model_directory
from tocsin_classify.read_windows import TITLE_TOKENS, Tokenizer
from tocsin_contracts.classified import ModelIdentity, TaggedTopic

INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("level", "direction", "topics")
OPTIONAL_OUTPUTS = ("news", "token_level")
SPECIAL_TOKENS = 2


class OnnxBackend:
    """One window at a time per thread, and as many threads as cores are given.

    Padding several windows into one batch would be the usual way. With int8 weights it is not: activations are
    quantised by the range found in the whole batch, so that an article's tags would depend on its neighbours. A
    window of its own is exact, wastes nothing on padding, and threads keep the cores as busy.
    """

    def __init__(
        self, settings: ModelSettings, tokenizer: Tokenizer, session: Any, run_options: Any, threads: int
    ) -> None:
        self._settings = settings
        self._tokenizer = tokenizer
        self._session = session
        self._run_options = run_options
        given = {tensor.name for tensor in session.get_outputs()}
        self._outputs = [*OUTPUTS, *(name for name in OPTIONAL_OUTPUTS if name in given)]
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="inference")

    @property
    def settings(self) -> ModelSettings:
        """What the model says about itself."""
        return self._settings

    @property
    def tokenizer(self) -> Tokenizer:
        """transformers' tokenizer of the model."""
        return self._tokenizer

    def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
        """Return the logits of the windows in their order; raises what ONNX Runtime raises."""
        # The longest first, so that no thread is left with a long one at the end.
        order = sorted(range(len(windows)), key=lambda index: -len(windows[index]))
        rows: list[dict[str, Floats]] = [{}] * len(windows)
        for index, row in zip(order, self._pool.map(self._run, (windows[index] for index in order)), strict=True):
            rows[index] = row
        level, direction, topics = (np.concatenate([row[name] for row in rows]) for name in OUTPUTS)
        news = np.concatenate([row["news"] for row in rows]) if "news" in self._outputs else None
        token_level = tuple(row["token_level"][0] for row in rows) if "token_level" in self._outputs else None
        return WindowLogits(level, direction, topics, news, token_level)

    def close(self) -> None:
        """Stop the threads; windows not begun are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, window: Sequence[int]) -> dict[str, Floats]:
        ids = np.asarray([window], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return dict(zip(self._outputs, self._session.run(self._outputs, given, self._run_options), strict=True))


def load_onnx_backend(directory: Path, threads: int) -> OnnxBackend:
    """Load the model in `directory`. Takes seconds: transformers alone needs two to be imported.

    Raises ModelDirectoryError, which says what is wrong, when it cannot be used.
    """
    settings = read_model_directory(directory)
    _check_contract(directory, settings)
    with ThreadPoolExecutor(1, thread_name_prefix="open-session") as opener:
        # ONNX Runtime reads the weights while transformers, which takes longer, is imported.
        opening = opener.submit(_open_session, directory / WEIGHTS)
        tokenizer, config = _load_with_transformers(directory)
        session, run_options = opening.result()
    longest = TITLE_TOKENS + settings.window_tokens + SPECIAL_TOKENS
    positions = getattr(config, "max_position_embeddings", longest)
    if longest > positions:
        raise ModelDirectoryError(
            f"{directory}: windows of {longest} tokens do not fit the model's {positions} positions; "
            "lower window_tokens in config.json"
        )
    backend = OnnxBackend(settings, tokenizer, session, run_options, threads)
    _check_outputs(directory, backend)
    return backend


def _check_contract(directory: Path, settings: ModelSettings) -> None:
    """What the model says about itself must fit the messages it is to appear in."""
    try:
        ModelIdentity(name=settings.model_name, version=settings.model_version, scale_version=settings.scale_version)
        for code in settings.topics:
            TaggedTopic(code=code, name=code, score=0.0)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelDirectoryError(f"{directory}/config.json: tocsin: {first['input']!r}: {first['msg']}") from error


def _load_with_transformers(directory: Path) -> tuple[Any, Any]:
    # Read at import: no advice about torch, which is left out on purpose, and never a look at a model hub.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoConfig, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(directory, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(directory, config=config, local_files_only=True)
    except Exception as error:
        raise ModelDirectoryError(f"{directory}: transformers cannot read it: {_first_line(error)}") from error
    return tokenizer, config


def _open_session(weights: Path) -> tuple[Any, Any]:
    import onnxruntime

    # On by default. What people read and classify here is nobody else's business.
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    # Its errors reach us as exceptions; written to stderr as well they would stand between a user's own lines.
    options.log_severity_level = 4
    # Threads run windows side by side (see OnnxBackend); within one window a second thread gains less.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Spinning threads take the cores from Kafka's client and from everybody else on the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelDirectoryError(f"{weights}: ONNX Runtime cannot read it: {_first_line(error)}") from error
    found = {tensor.name for tensor in session.get_inputs()}
    given = {tensor.name for tensor in session.get_outputs()}
    if found != set(INPUTS) or not set(OUTPUTS) <= given:
        raise ModelDirectoryError(
            f"{weights} takes {', '.join(sorted(found))} and gives {', '.join(sorted(given))}; "
            f"it must take {', '.join(INPUTS)} and give {', '.join(OUTPUTS)}"
        )
    run_options = onnxruntime.RunOptions()
    run_options.log_severity_level = options.log_severity_level
    return session, run_options


def _check_outputs(directory: Path, backend: OnnxBackend) -> None:
    """One window through the whole model shows whether its parts belong together, before the first article does."""
    ids = backend.tokenizer.encode("a", add_special_tokens=True)
    try:
        logits = backend.infer([ids])
    except Exception as error:
        backend.close()
        raise ModelDirectoryError(f"{directory}: the model cannot compute a text: {_first_line(error)}") from error
    shapes = [logits.level.shape, logits.direction.shape, logits.topics.shape]
    expected = [(1, LEVELS), (1, len(backend.settings.directions)), (1, len(backend.settings.topics))]
    if logits.news is not None:
        shapes.append(logits.news.shape)
        expected.append((1, 1))
    if logits.token_level is not None:
        shapes.append(logits.token_level[0].shape)
        expected.append((len(ids), LEVELS))
    if shapes != expected:
        backend.close()
        raise ModelDirectoryError(f"{directory}: the model gives {shapes}, config.json says {expected}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
