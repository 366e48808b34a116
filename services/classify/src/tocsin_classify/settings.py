"""Settings of the inference, which the service and the command share, and where the model is found."""

import os
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from tocsin_classify.model_directory import ModelDirectoryError
from tocsin_contracts.settings import TocsinSettings

DEFAULT_MODEL: Final = Path("models", "escalation-e5-small")
"""The model this project ships, within a checkout."""


class InferenceSettings(TocsinSettings):
    """Which model judges, and how many cores it may use."""

    classify_backend: Literal["onnx", "torch"] = "onnx"
    """onnx: a model directory of Tocsin's. torch: any Hugging Face model for classification; needs the extra."""
    classify_model: str | None = Field(default=None, min_length=1, max_length=4096)
    """A model directory, by default the shipped model of the checkout that this package runs from; for torch also an
    id."""
    classify_threads: int = Field(default=2, ge=1, le=64)
    """Never more are used than the process has cores."""
    classify_labels: Path | None = None
    """For torch: the file that maps the model's labels. Not needed where they speak for themselves."""
    classify_device: Literal["auto", "cpu", "cuda"] = "auto"
    """For torch: where to compute; auto takes a GPU where there is one."""
    classify_revision: str | None = None
    """For torch: branch, tag or commit of an id; by default its main branch."""
    classify_download: bool = False
    """For torch: whether an id that is not in the local cache may be fetched."""
    classify_pickled_weights: bool = False
    """For torch: whether weights in pickle's format, which may run code, are loaded where there are no safe ones."""

    def threads(self) -> int:
        """Return the number of threads to compute with."""
        return min(self.classify_threads, available_cores())

    def model_directory(self) -> Path:
        """Return the model's directory, not yet checked.

        Raises ModelDirectoryError when none is named and there is no checkout around this package.
        """
        return Path(self.classify_model) if self.classify_model else find_shipped_model(Path(__file__))


def find_shipped_model(package_file: Path) -> Path:
    """Return the shipped model of the checkout that `package_file` lies in.

    Raises ModelDirectoryError when no directory above it has one.
    """
    for parent in package_file.resolve().parents:
        if (parent / DEFAULT_MODEL).is_dir():
            return parent / DEFAULT_MODEL
    raise ModelDirectoryError(
        f"no model: there is no {DEFAULT_MODEL} above {package_file.parent}. "
        "Set TOCSIN_CLASSIFY_MODEL to a model directory"
    )


def available_cores() -> int:
    """Return how many cores this process may use, which in a container is fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
