"""Puts the parts together: the model, the gazetteer and the clock."""

import contextlib
import ctypes
from datetime import UTC, datetime
from pathlib import Path

from tocsin_classify.classify_batch import Classifier
from tocsin_classify.gazetteer.search import load_gazetteer
from tocsin_classify.model_directory import read_model_directory
from tocsin_classify.onnx_backend import load_onnx_backend


def load_classifier(directory: Path, threads: int) -> Classifier:
    """Load everything that classifying needs; takes seconds.

    Raises ModelDirectoryError when the directory is not a usable model.
    """
    read_model_directory(directory)
    # First, because reading GeoNames takes much memory for a moment, which the model then uses: 80 MB less in all.
    gazetteer = load_gazetteer()
    backend = load_onnx_backend(directory, threads)
    _return_freed_memory()
    return Classifier(backend, gazetteer, lambda: datetime.now(UTC))


def _return_freed_memory() -> None:
    """Hand back what loading used for a moment (80 MB, mostly the tokenizer's); glibc would keep it for ever."""
    # Only glibc has it, and Windows has no library to look in.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
