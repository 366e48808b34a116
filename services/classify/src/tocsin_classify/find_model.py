"""A path or the id of a Hugging Face model becomes a directory with its files.

An id is looked up in the local cache only, unless the user allows a download: a service that reads news should talk
to nobody it was not told to talk to.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin_classify.model_directory import ModelDirectoryError

LOCAL = "local"
"""The version of a model that lies in a directory: nobody numbered it."""

_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_REVISION = re.compile(r"[A-Za-z0-9][\w./-]{0,99}")
_READ = (".json", ".txt", ".model", ".jinja")
_SAFE = ".safetensors"
_PICKLED = ".bin"
_MAX_NAME = 100


@dataclass(frozen=True)
class FoundModel:
    """Where a model lies, and what messages call it: its id and the hash of its revision, or "local"."""

    directory: Path
    name: str
    version: str


def check_name(named: str, revision: str | None) -> None:
    """Raise ModelDirectoryError for what can be neither a directory here nor an id."""
    if Path(named).expanduser().is_dir():
        return
    if Path(named).expanduser().exists():
        raise ModelDirectoryError(f"{named} is not a directory; name a model directory or an id such as owner/name")
    if not _ID.fullmatch(named) or ".." in named or len(named) > _MAX_NAME:
        raise ModelDirectoryError(f"{named} is neither a directory nor a model's id such as owner/name")
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise ModelDirectoryError(f"{revision} is no revision: name a branch, a tag or a commit")


def find_model(
    named: str, *, revision: str | None, download: bool, pickled_weights: bool, say: Callable[[str], None]
) -> FoundModel:
    """Return the model that `named` (a directory or an id) stands for.

    With `download`, files of an id that the cache lacks are fetched; `say` is told which, before. Raises
    ModelDirectoryError when there is no such model.
    """
    check_name(named, revision)
    directory = Path(named).expanduser()
    if directory.is_dir():
        return FoundModel(directory, directory.resolve().name[:_MAX_NAME] or LOCAL, LOCAL)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if not download:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    snapshot = _download(named, revision, pickled_weights, say) if download else _look_up(named, revision)
    return FoundModel(snapshot, named, snapshot.name[:40])


def _look_up(named: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(named, revision=revision, local_files_only=True))
    except Exception as error:
        raise ModelDirectoryError(
            f"{named} is neither a directory nor in the local cache of models. To fetch it, set "
            "TOCSIN_CLASSIFY_DOWNLOAD=true or give --download"
        ) from error


def _download(named: str, revision: str | None, pickled_weights: bool, say: Callable[[str], None]) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download

    try:
        info = HfApi().model_info(named, revision=revision, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
        files = _choose_files(named, sizes, pickled_weights)
        say(
            f"{named}: fetching revision {info.sha}, {len(files)} files of {sum(sizes[f] for f in files) / 1e6:.0f} MB "
            f"in all, from {constants.ENDPOINT} to {constants.HF_HUB_CACHE}, unless they are there already: "
            + ", ".join(files)
        )
        return Path(snapshot_download(named, revision=info.sha, allow_patterns=files))
    except ModelDirectoryError:
        raise
    except Exception as error:
        raise ModelDirectoryError(f"{named} cannot be fetched: {_first_line(error)}") from error


def _choose_files(named: str, sizes: dict[str, Any], pickled_weights: bool) -> list[str]:
    """What loading needs and no more: models carry the same weights for many libraries."""
    # A pattern that only matches itself.
    plain = sorted(name for name in sizes if re.fullmatch(r"[\w.-]+", name))
    weights = [name for name in plain if name.endswith(_SAFE)]
    if not weights and pickled_weights:
        weights = [name for name in plain if name.endswith(_PICKLED)]
    if not weights:
        raise ModelDirectoryError(no_safe_weights(named))
    return [name for name in plain if name.endswith(_READ)] + weights


def check_weights(found: FoundModel, *, pickled_weights: bool) -> None:
    """Raise ModelDirectoryError unless the directory has weights of an allowed format."""
    if not (found.directory / "config.json").is_file():
        raise ModelDirectoryError(f"{found.directory} is not a model: it lacks config.json")
    allowed = (_SAFE, _PICKLED) if pickled_weights else (_SAFE,)
    if not any(file.suffix in allowed for file in found.directory.iterdir()):
        raise ModelDirectoryError(no_safe_weights(found.name))


def no_safe_weights(named: str) -> str:
    """Say that a model has no weights in the safe format, and what can be done."""
    return (
        f"{named} has no {_SAFE} weights. Others are pickled, and may run code when they are loaded: convert them, or, "
        "if you trust who made them, set TOCSIN_CLASSIFY_PICKLED_WEIGHTS=true"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
