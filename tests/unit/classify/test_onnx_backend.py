"""The ONNX backend on a real, tiny model; and what it says of directories that are none."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tocsin_classify.model_directory import ModelDirectoryError
from tocsin_classify.onnx_backend import OnnxBackend, load_onnx_backend

pytestmark = pytest.mark.unit

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-model"


@pytest.fixture(scope="module")
def backend() -> Iterator[OnnxBackend]:
    loaded = load_onnx_backend(TINY, threads=2)
    yield loaded
    loaded.close()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tiny model to break."""
    return Path(shutil.copytree(TINY, tmp_path / "model"))


def change(directory: Path, **changes: Any) -> None:
    path = directory / "config.json"
    config = json.loads(path.read_text())
    config["tocsin"] |= changes
    path.write_text(json.dumps(config))


def test_logits_come_in_the_order_of_the_windows(backend: OnnxBackend) -> None:
    texts = ["war", "football " * 12, "ambush now", "", "dispute"]
    logits = backend.infer([backend.tokenizer.encode(text, add_special_tokens=True) for text in texts])
    assert logits.level.argmax(axis=1).tolist() == [5, 0, 3, 0, 1]
    assert (logits.level.shape, logits.direction.shape, logits.topics.shape) == ((5, 6), (5, 3), (5, 35))
    assert logits.level.dtype == np.float32


def test_a_window_gets_the_same_logits_whatever_its_neighbours(backend: OnnxBackend) -> None:
    window = backend.tokenizer.encode("an ambush", add_special_tokens=True)
    neighbour = backend.tokenizer.encode("war and war and war and war", add_special_tokens=True)
    alone = backend.infer([window])
    together = backend.infer([neighbour, window, neighbour])
    assert np.array_equal(alone.level[0], together.level[1])


def test_news_and_token_levels_come_with_their_windows(backend: OnnxBackend) -> None:
    texts = ["war and peace", "cookies", "football " * 12]
    windows = [backend.tokenizer.encode(text, add_special_tokens=True) for text in texts]
    logits = backend.infer(windows)
    assert logits.news is not None
    assert logits.token_level is not None
    assert (logits.news[:, 0] > 0).tolist() == [True, False, True]
    assert [rows.shape for rows in logits.token_level] == [(len(window), 6) for window in windows]
    assert logits.token_level[0].argmax(axis=1).tolist() == [0, 5, 0, 0, 0]
    own = logits.of(1, 3)
    assert own.news is not None
    assert own.token_level is not None
    assert (own.news.shape, len(own.token_level)) == ((2, 1), 2)


def test_a_model_without_news_and_token_levels_is_run_all_the_same(copy: Path) -> None:
    (copy / "model-three-outputs.onnx").replace(copy / "model.onnx")
    loaded = load_onnx_backend(copy, 1)
    logits = loaded.infer([loaded.tokenizer.encode("war", add_special_tokens=True)])
    loaded.close()
    assert logits.level.argmax() == 5
    assert logits.news is None
    assert logits.token_level is None


def test_one_thread_and_many_give_the_same() -> None:
    windows = [[0, 4 + number % 7, 2] for number in range(20)]
    backends = [load_onnx_backend(TINY, threads) for threads in (1, 3)]
    one, many = (backend.infer(windows).topics for backend in backends)
    assert np.array_equal(one, many)
    for loaded in backends:
        loaded.close()


def test_a_window_that_cannot_be_computed_raises(backend: OnnxBackend) -> None:
    with pytest.raises(Exception, match="out of data bounds"):
        backend.infer([backend.tokenizer.encode("unembeddable", add_special_tokens=True)])


def test_loading_needs_no_torch() -> None:
    program = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from tocsin_classify.onnx_backend import load_onnx_backend\n"
        f"load_onnx_backend(Path({str(TINY)!r}), 1).close()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_directory_without_weights_is_named(copy: Path) -> None:
    (copy / "model.onnx").unlink()
    with pytest.raises(ModelDirectoryError, match=r"lacks model\.onnx"):
        load_onnx_backend(copy, 1)


def test_weights_that_are_no_onnx_are_refused(copy: Path) -> None:
    (copy / "model.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ModelDirectoryError, match="ONNX Runtime cannot read it"):
        load_onnx_backend(copy, 1)


def test_a_tokenizer_that_is_none_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelDirectoryError, match="transformers cannot read it"):
        load_onnx_backend(copy, 1)


def test_a_model_whose_outputs_do_not_fit_its_configuration_is_refused(copy: Path) -> None:
    change(copy, topics=["medtop:16000000"], topic_thresholds=[0.5])
    with pytest.raises(ModelDirectoryError, match=r"config\.json says"):
        load_onnx_backend(copy, 1)


def test_topics_that_no_message_could_carry_are_refused(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    change(copy, topics=["war!", *config["tocsin"]["topics"][1:]])
    with pytest.raises(ModelDirectoryError, match="war!"):
        load_onnx_backend(copy, 1)


def test_windows_longer_than_the_model_reads_are_refused(copy: Path) -> None:
    change(copy, window_tokens=60, window_stride=60)
    with pytest.raises(ModelDirectoryError, match="do not fit the model's 64 positions"):
        load_onnx_backend(copy, 1)
