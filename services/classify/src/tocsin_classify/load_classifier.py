"""Puts the parts together: the model, the gazetteer and the clock."""

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
    return Classifier(load_onnx_backend(directory, threads), gazetteer, lambda: datetime.now(UTC))
