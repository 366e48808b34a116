"""Puts the parts together: the model, the gazetteer and the clock."""

import contextlib
import ctypes
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tocsin_classify.backend import Backend
from tocsin_classify.classify_batch import Classifier
from tocsin_classify.gazetteer.search import load_gazetteer
from tocsin_classify.model_directory import ModelDirectoryError, read_model_directory
from tocsin_classify.onnx_backend import load_onnx_backend
from tocsin_classify.settings import InferenceSettings
from tocsin_classify.torch_backend import check_torch_settings, load_torch_backend

M_ARENA_MAX = -8
"""The parameter of glibc's mallopt(3) that bounds the number of heaps."""
# Other C libraries lack these functions, and Windows has no library to look in.
_ONLY_GLIBC = contextlib.suppress(AttributeError, OSError, TypeError)


def check_settings(settings: InferenceSettings) -> None:
    """Look at what can be seen before the libraries are loaded, which takes seconds.

    Raises ModelDirectoryError when the settings cannot work.
    """
    if settings.classify_backend == "torch":
        check_torch_settings(settings)
        return
    if settings.classify_labels:
        raise ModelDirectoryError(
            "a mapping of labels belongs to the backend torch: set TOCSIN_CLASSIFY_BACKEND=torch (--backend torch), or "
            "leave TOCSIN_CLASSIFY_LABELS (--labels) out"
        )
    read_model_directory(settings.model_directory())


def load_configured_classifier(settings: InferenceSettings) -> Classifier:
    """Load everything that classifying needs, with the backend that is set; takes seconds, with torch up to minutes.

    Raises ModelDirectoryError when the model cannot be used.
    """
    check_settings(settings)
    if settings.classify_backend == "torch":
        return _load(lambda: load_torch_backend(settings))
    return load_classifier(settings.model_directory(), settings.threads())


def load_classifier(directory: Path, threads: int) -> Classifier:
    """Load everything that classifying needs, with the model in a directory of Tocsin's; takes seconds.

    Raises ModelDirectoryError when the directory is not a usable model.
    """
    read_model_directory(directory)
    return _load(lambda: load_onnx_backend(directory, threads))


def _load(load_backend: Callable[[], Backend]) -> Classifier:
    _share_freed_memory()
    gazetteer = load_gazetteer()
    backend = load_backend()
    _return_freed_memory()
    return Classifier(backend, gazetteer, lambda: datetime.now(UTC))


def _share_freed_memory() -> None:
    """Let all threads allocate from one heap: each of its own would keep what loading in it has freed (27 MB)."""
    with _ONLY_GLIBC:
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def _return_freed_memory() -> None:
    """Hand back what loading used for a moment (80 MB, mostly the tokenizer's); glibc would keep it for ever."""
    with _ONLY_GLIBC:
        ctypes.CDLL(None).malloc_trim(0)
