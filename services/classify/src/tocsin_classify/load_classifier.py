"""Puts the parts together: the model, the gazetteer and the clock."""

from datetime import UTC, datetime
from pathlib import Path

from tocsin_classify.classify_batch import Classifier
from tocsin_classify.gazetteer.search import load_gazetteer
from tocsin_classify.onnx_backend import load_onnx_backend


def load_classifier(directory: Path, threads: int) -> Classifier:
    """Load everything that classifying needs; takes seconds.

    Raises ModelDirectoryError when the directory is not a usable model.
    """
    backend = load_onnx_backend(directory, threads)
    return Classifier(backend, load_gazetteer(), lambda: datetime.now(UTC))
