"""The locks in requirements/: whole, hashed, and light where a service must be light."""

import re
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
DISTRIBUTIONS = ("contracts", "ingest", "classify", "alert", "cli")
MODEL_LIBRARIES = {"torch", "transformers", "onnxruntime", "onnx", "tokenizers", "safetensors", "huggingface-hub"}


def locked(name: str) -> dict[str, str]:
    """Return the versions in a lock, by distribution name."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", text, re.MULTILINE))


def test_every_distribution_has_a_lock() -> None:
    assert {*DISTRIBUTIONS, "dev"} <= {file.stem for file in LOCKS}


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.stem)
def test_every_requirement_is_pinned_and_hashed_and_no_address_is_recorded(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "://" not in text
    logical_lines = text.replace("\\\n", " ").splitlines()
    requirements = [line for line in logical_lines if line.strip() and not line.lstrip().startswith("#")]
    assert requirements
    for line in requirements:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==\S+", line), line
        assert "--hash=sha256:" in line, line


def test_ingest_installs_no_model_library_and_no_faust() -> None:
    assert not (MODEL_LIBRARIES | {"faust-streaming", "aiokafka"}) & set(locked("ingest"))


def test_alert_and_cli_install_no_model_library() -> None:
    assert not MODEL_LIBRARIES & set(locked("alert"))
    assert not MODEL_LIBRARIES & set(locked("cli"))


def test_classify_runs_without_torch() -> None:
    assert "torch" not in locked("classify")
    assert "torch" not in locked("dev")
    assert "torch" in locked("train")


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_lock_holds_what_its_distribution_asks_for(name: str) -> None:
    project = tomllib.loads((ROOT / "services" / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {
        re.split(r"[\[<>=! ;]", requirement)[0]
        for requirement in project["dependencies"]
        if not requirement.startswith("tocsin-")
    }
    assert wanted <= set(locked(name)), "run `make lock`"


@pytest.mark.parametrize("name", [file.stem for file in LOCKS if file.stem not in {"dev", "uv", "build"}])
def test_services_are_tested_with_the_versions_they_are_deployed_with(name: str) -> None:
    developed = locked("dev")
    own = locked(name)
    if name in {"train", "torch"}:
        # torch and what comes with it are tested in an environment of their own.
        assert "torch" in own
        own = {key: version for key, version in own.items() if key in developed}
    assert {key: version for key, version in own.items() if developed.get(key) != version} == {}


def test_the_language_detector_comes_with_those_who_call_it() -> None:
    assert all("py3langid" in locked(name) for name in ("ingest", "classify"))
    assert "py3langid" not in locked("alert")
