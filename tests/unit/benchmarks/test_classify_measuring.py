"""The parts of the benchmark that measure: its texts, its clock, its processes, on the tiny model."""

import json
import sys
import time
from pathlib import Path

import pytest

from benchmarks.classify import limit_worker, profile_stages, stage_clock
from benchmarks.classify.__main__ import without_directories
from benchmarks.classify.child import Child, ChildError
from benchmarks.classify.measure_start import read_import_times
from benchmarks.classify.stage_clock import Stage, StageClock, find_owner
from benchmarks.classify.texts import KINDS, LONG, LONG_CHARS, SHORT, Text, read_joined, read_texts, write_joined
from benchmarks.classify.time_command import time_command

pytestmark = pytest.mark.unit

TINY_MODEL = Path(__file__).parents[2] / "fixtures/tiny-model"


@pytest.mark.parametrize("kind", KINDS)
def test_the_texts_are_always_the_same_ones(kind: str) -> None:
    assert read_texts(kind, 50) == read_texts(kind, 50)
    assert len(read_texts(kind, 10_000)) == 10_000


def test_short_texts_come_in_many_languages() -> None:
    assert len({text.language for text in read_texts(SHORT, 100)}) >= 12


def test_full_length_texts_reach_the_lengths_wanted() -> None:
    lengths = [len(text.text) for text in read_texts(LONG, 40)]
    assert max(lengths) == max(LONG_CHARS)
    assert min(lengths) >= min(LONG_CHARS) / 2


def test_the_pipeline_reads_what_was_written_for_it(tmp_path: Path) -> None:
    write_joined([Text("War in\n Bolivia", "It began.", "en"), Text("Stop!", "", "en")], tmp_path / "texts")
    assert read_joined(tmp_path / "texts") == ["War in Bolivia. It began.", "Stop!"]


def test_the_windows_of_the_limit_are_those_that_the_classifier_computes(tmp_path: Path) -> None:
    file = tmp_path / "articles.jsonl"
    articles = [{"title": "War", "text": "football " * 40}, {"title": "", "text": "ambush"}]
    file.write_text("\n".join(map(json.dumps, articles)), encoding="utf-8")
    windows = limit_worker.record_windows(TINY_MODEL, 1, {SHORT: file})[SHORT]
    # Windows of 16 tokens, one every 12, of the first; then the second with its two special tokens.
    assert [len(window) for window in windows] == [20, 20, 20, 3]


def test_a_batch_is_padded_and_masked() -> None:
    (feed,) = limit_worker.batched_feeds([[7, 8], [4, 5, 6]], pad=1)
    assert feed["input_ids"].tolist() == [[4, 5, 6], [7, 8, 1]]
    assert feed["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert [one["input_ids"].shape for one in limit_worker.single_feeds([[7, 8], [4, 5, 6]])] == [(1, 3), (1, 2)]


@pytest.mark.parametrize("stage", [*profile_stages.COMMAND, *profile_stages.SERVICE], ids=lambda stage: stage.function)
def test_every_function_of_the_profile_is_there(stage: Stage) -> None:
    assert callable(getattr(*find_owner(stage.function)))


def test_a_function_with_another_name_ends_the_profile() -> None:
    with pytest.raises(AttributeError, match="another name"):
        find_owner("tocsin_classify.classify_batch:Classifier.guess")


def outer_stage() -> None:
    time.sleep(0.02)
    inner_stage()


def inner_stage() -> None:
    time.sleep(0.05)


def test_time_counts_once_and_only_from_the_first_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[__name__]
    for name in ("outer_stage", "inner_stage"):
        monkeypatch.setattr(module, name, getattr(module, name))
    stages = (Stage("outer", f"{__name__}:outer_stage"), Stage("inner", f"{__name__}:inner_stage"))
    clock = StageClock(stages[0].function)
    clock.install(stages)
    module.inner_stage()
    assert clock.wall_s == 0.0
    module.outer_stage()
    shares = clock.shares(stages, "rest")
    assert shares["inner"] >= 0.05
    assert 0.02 <= shares["outer"] <= clock.wall_s - 0.05
    assert sum(shares.values()) == pytest.approx(clock.wall_s)
    assert shares["rest"] == pytest.approx(0.0, abs=0.01)
    assert stage_clock.StageClock is StageClock


def test_import_times_are_added_up_by_package() -> None:
    report = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       100 |        100 |   numpy.core\n"
        "import time:       300 |        400 | numpy\n"
        "import time:       150 |        550 | faust\n"
    )
    assert read_import_times(report, 5) == [("numpy", 0.0004), ("faust", 0.00015)]
    assert read_import_times(report, 1) == [("numpy", 0.0004)]


ECHO = (
    "from benchmarks.classify.child import answer_questions;"
    "answer_questions({'loaded': 1}, lambda kind: {'kind': kind} if kind != 'bad' else 1 / 0)"
)


def test_a_child_stays_loaded_between_questions(tmp_path: Path) -> None:
    with Child([sys.executable, "-c", ECHO], tmp_path / "log") as child:
        assert child.ready == {"loaded": 1}
        assert [child.ask(kind=kind)["kind"] for kind in ("x", "y")] == ["x", "y"]


def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    with Child([sys.executable, "-c", ECHO], tmp_path / "log") as child, pytest.raises(ChildError, match="division"):
        child.ask(kind="bad")
    with pytest.raises(ChildError, match="no_such_module"):
        Child([sys.executable, "-c", "import no_such_module"], tmp_path / "log")


def test_the_command_is_timed_and_profiled_as_a_process(tmp_path: Path) -> None:
    file = tmp_path / "articles.jsonl"
    file.write_text(json.dumps({"title": "War", "text": "A war."}) + "\n", encoding="utf-8")
    profile = tmp_path / "profile.json"
    prefix = ("-m", "benchmarks.classify.profile_stages", str(profile), "command")
    run = time_command(file, TINY_MODEL, 1, tmp_path / "log", prefix)
    assert json.loads(run.lines[0])["escalation"]["level"] == 5
    assert 0 < run.first_s <= run.total_s
    assert run.peak_bytes > 50_000_000
    found = json.loads(profile.read_text(encoding="utf-8"))
    assert found["seconds"]["inference"] > 0
    assert sum(found["seconds"].values()) >= found["wall_s"] > 0


def test_a_command_that_fails_is_reported_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="nowhere"):
        time_command(tmp_path / "nowhere", TINY_MODEL, 1, tmp_path / "log")


def test_a_report_names_no_directory_of_the_machine_it_was_made_on() -> None:
    given = ["--rounds", "3", "--torch-python", "/opt/torch/bin/python", "--model=/srv/models/own", "models/own"]
    assert list(map(without_directories, given)) == [
        "--rounds",
        "3",
        "--torch-python",
        "python",
        "--model=own",
        "models/own",
    ]
