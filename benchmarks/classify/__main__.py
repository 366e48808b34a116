"""Measures five ways of classifying the same texts, interleaved: see README.md."""

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.classify.child import ROOT, Child, ChildError, read_end
from benchmarks.classify.figures import (
    BATCHED,
    COMMAND,
    LIMIT,
    LIMIT_BATCHED,
    PIPELINE,
    SERVICE,
    Round,
    judge,
    same_levels,
)
from benchmarks.classify.machine import describe_machine, load_average
from benchmarks.classify.measure_start import read_import_times
from benchmarks.classify.report import Profile, Results, TextFacts, summarise, write_report
from benchmarks.classify.texts import KINDS, LONG, SHORT, read_texts, write_articles, write_joined
from benchmarks.classify.time_command import time_command
from benchmarks.classify.time_service import time_service
from tocsin_classify.model_directory import ModelDirectoryError, read_model_directory
from tocsin_classify.settings import InferenceSettings
from tocsin_cli.stack.config import StackConfig
from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.local_stack import LocalStack

REPORT = Path(__file__).parent / "REPORT.md"
TRAIN_PYTHON = ROOT / ".venv-train/bin/python"
QUICK = {SHORT: 12, LONG: 2}
MOST_IMPORTS = 12
LOCAL_PARTS = ("kafka",)


@dataclass(frozen=True)
class Bench:
    """What all contenders share: files by kind, the model, a place for logs, where Kafka is."""

    model: Path
    threads: int
    directory: Path
    servers: str | None

    def articles(self, kind: str) -> Path:
        """The texts as `tocsin classify` reads them."""
        return self.directory / f"{kind}.jsonl"

    def joined(self, kind: str) -> Path:
        """The texts as the pipeline reads them."""
        return self.directory / f"{kind}-joined.jsonl"

    def log(self, name: str) -> Path:
        """Where a process writes what it has to say."""
        return self.directory / f"{name}.log"


def without_directories(argument: str) -> str:
    """An argument without the directories of an absolute path, which mean nothing on another machine."""
    option, equals, value = argument.rpartition("=")
    return f"{option}{equals}{Path(value).name if Path(value).is_absolute() else value}"


def main() -> int:
    """Measure, write the report, print; exit code 1 when something could not be measured."""
    options = _options()
    # As Ctrl-C does, so that nothing is left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        results = run(options)
    except KeyboardInterrupt:
        return 130
    except (ChildError, StackError, ModelDirectoryError) as error:
        print(error, file=sys.stderr)
        return 1
    report = options.report or (None if options.quick else REPORT)
    if report:
        report.write_text(write_report(results), encoding="utf-8")
    if options.json:
        targets = [verdict.as_json() for verdict in judge(results.rounds)]
        print(json.dumps({**asdict(results), "targets": targets}, ensure_ascii=False))
    else:
        print("\n".join(summarise(results)))
        if report:
            print(f"written to {report}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classify", description=__doc__)
    parser.add_argument("--model", type=Path, help="model directory; the shipped one by default")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="for (a) and (b): a Hugging Face directory; by default the model's own int8 weights as float32",
    )
    parser.add_argument("--threads", type=int, help="TOCSIN_CLASSIFY_THREADS by default")
    parser.add_argument("--short", type=int, default=608, help="short texts")
    parser.add_argument("--long", type=int, default=96, help="full-length texts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--torch-python", type=Path, default=TRAIN_PYTHON, help="a Python with torch and onnx")
    parser.add_argument("--no-torch", action="store_true", help="leave (a) and (b) out")
    parser.add_argument("--no-service", action="store_true", help="leave (d) out")
    parser.add_argument("--report", type=Path, help=f"where the report goes; {REPORT.relative_to(ROOT)} by default")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.add_argument("--quick", action="store_true", help="a smoke run: a handful of texts, one round, no report")
    options = parser.parse_args()
    if not options.no_torch and not options.torch_python.exists():
        parser.error(
            f"{options.torch_python} is not there: `make bench-classify` makes it, --torch-python names another "
            "Python with torch and onnx, --no-torch leaves the pipeline out"
        )
    return options


def run(options: argparse.Namespace) -> Results:
    """Measure everything. Raises ChildError or StackError."""
    settings = InferenceSettings()
    model = (options.model or settings.model_directory()).resolve()
    facts = read_model_directory(model)
    numbers = QUICK if options.quick else {SHORT: options.short, LONG: options.long}
    with contextlib.ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-bench-")))
        servers = None if options.no_service else opened.enter_context(_kafka(directory))
        bench = Bench(model, options.threads or settings.threads(), directory, servers)
        characters = _write_texts(bench, numbers)
        results = Results(
            started=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            took_s=0.0,
            command=shlex.join(["python", "-m", "benchmarks.classify", *map(without_directories, sys.argv[1:])]),
            model=f"{facts.model_name} {facts.model_version}",
            threads=bench.threads,
            machine=describe_machine(),
            load_before=load_average(),
            texts={},
            rounds=[],
            quick=options.quick,
        )
        began = time.monotonic()
        _say("loading what stays loaded")
        limit = opened.enter_context(_limit_child(bench))
        pipeline = None if options.no_torch else opened.enter_context(_pipeline_child(bench, options))
        results.texts = {
            kind: TextFacts(
                articles=numbers[kind],
                characters=characters[kind],
                pipeline_tokens=pipeline.ready["tokens"][kind] if pipeline else None,
                windows=limit.ready["windows"][kind],
                window_tokens=limit.ready["tokens"][kind],
            )
            for kind in KINDS
        }
        if pipeline:
            results.pipeline_weights = pipeline.ready["weights"]
            results.machine = {
                **results.machine,
                **pipeline.ready["versions"],
                "threads of torch": str(pipeline.ready["threads"]),
            }
        _run_rounds(bench, results, 1 if options.quick else options.rounds, pipeline, limit)
        # What follows is measured alone: their memory is no longer needed.
        limit.close()
        if pipeline:
            pipeline.close()
        _say("profiles")
        results.profiles = list(_profile(bench))
        _say("start")
        results.start_steps = _measure_start(bench)
        results.imports = _measure_imports()
        results.took_s = time.monotonic() - began
    return results


@contextlib.contextmanager
def _kafka(directory: Path) -> Iterator[str]:
    """A Kafka of its own, or the one that TOCSIN_KAFKA_BOOTSTRAP_SERVERS names."""
    named = os.environ.get("TOCSIN_KAFKA_BOOTSTRAP_SERVERS")
    if named:
        yield named
        return
    config = StackConfig.isolated(directory / "stack", parts=LOCAL_PARTS, create_topics=False)
    with LocalStack(config, report=_say) as stack:
        yield stack.kafka_bootstrap_servers


def _write_texts(bench: Bench, numbers: dict[str, int]) -> dict[str, int]:
    """Write the files and return how many characters they hold."""
    characters = {}
    for kind in KINDS:
        texts = read_texts(kind, numbers[kind])
        write_articles(texts, kind, bench.articles(kind))
        write_joined(texts, bench.joined(kind))
        characters[kind] = sum(len(text.title) + len(text.text) for text in texts)
    return characters


def _limit_child(bench: Bench) -> Child:
    command = [sys.executable, "-m", "benchmarks.classify.limit_worker", "--model", str(bench.model)]
    command += ["--threads", str(bench.threads)]
    for kind in KINDS:
        command += ["--articles", kind, str(bench.articles(kind))]
    return Child(command, bench.log("limit"))


def _pipeline_child(bench: Bench, options: argparse.Namespace) -> Child:
    # Not resolved: a virtual environment's python is a link.
    command = [str(options.torch_python.absolute()), "-m", "benchmarks.classify.pipeline_worker"]
    command += ["--model", str(bench.model)]
    if options.checkpoint:
        command += ["--checkpoint", str(options.checkpoint.resolve())]
    for kind in KINDS:
        command += ["--texts", kind, str(bench.joined(kind))]
    return Child(command, bench.log("pipeline"))


def _run_rounds(bench: Bench, results: Results, number: int, pipeline: Child | None, limit: Child) -> None:
    rounds: list[Round] = []
    agreement: dict[str, float] = {}
    for turn in range(1, number + 1):
        for kind, facts in results.texts.items():
            _say(f"round {turn} of {number}, {kind} texts")
            likeliest: dict[int, int] = {}
            for contender, way in ((PIPELINE, "single"), (BATCHED, "batched")) if pipeline else ():
                assert pipeline is not None
                answer = pipeline.ask(kind=kind, way=way)
                per_s = facts.articles / answer["seconds"]
                rounds.append(Round(turn, kind, contender, per_s, peak_bytes=answer["peak_bytes"]))
                likeliest = dict(enumerate(answer["levels"]))
            command = time_command(bench.articles(kind), bench.model, bench.threads, bench.log("command"))
            overall = len(command.lines) / command.total_s
            rounds.append(
                Round(turn, kind, COMMAND, command.per_s, command.first_s, overall, peak_bytes=command.peak_bytes)
            )
            if likeliest:
                agreement[kind] = same_levels(likeliest, _likeliest(command.lines))
            if bench.servers:
                service = time_service(
                    bench.servers, bench.articles(kind), bench.model, bench.threads, bench.log("service")
                )
                rounds.append(
                    Round(
                        turn,
                        kind,
                        SERVICE,
                        service.per_s,
                        service.first_s,
                        peak_bytes=service.peak_bytes,
                        resident_bytes=service.resident_bytes,
                    )
                )
            for contender, way in ((LIMIT, "single"), (LIMIT_BATCHED, "batched")):
                per_s = facts.articles / limit.ask(kind=kind, way=way)["seconds"]
                rounds.append(Round(turn, kind, contender, per_s))
    results.rounds, results.agreement = rounds, agreement


def _likeliest(lines: list[bytes]) -> dict[int, int]:
    shares = [json.loads(line)["escalation"]["probabilities"] for line in lines]
    return {place: own.index(max(own)) for place, own in enumerate(shares)}


def _profile(bench: Bench) -> Iterator[Profile]:
    target = bench.directory / "profile.json"
    timed = ("-m", "benchmarks.classify.profile_stages", str(target))
    for kind in KINDS:
        time_command(bench.articles(kind), bench.model, bench.threads, bench.log("profile"), (*timed, "command"))
        yield _read_profile(target, COMMAND, kind)
    for kind in KINDS if bench.servers else ():
        assert bench.servers is not None
        time_service(
            bench.servers, bench.articles(kind), bench.model, bench.threads, bench.log("profile"), (*timed, "service")
        )
        yield _read_profile(target, SERVICE, kind)


def _read_profile(target: Path, contender: str, kind: str) -> Profile:
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    target.unlink()
    return Profile(contender, kind, found["wall_s"], found["seconds"])


def _measure_start(bench: Bench) -> list[tuple[str, float, int]]:
    command = [sys.executable, "-m", "benchmarks.classify.measure_start", str(bench.model), str(bench.threads)]
    command += [str(bench.articles(kind)) for kind in KINDS]
    with bench.log("start").open("wb") as errors:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, check=False)
    if done.returncode != 0:
        raise ChildError(f"loading ended with {done.returncode}:\n{read_end(bench.log('start'))}")
    return [(step, seconds, resident) for step, seconds, resident in json.loads(done.stdout)]


def _measure_imports() -> list[tuple[str, float]]:
    code = "import tocsin_classify.__main__, onnxruntime; from transformers import AutoConfig, AutoTokenizer"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=True
    )
    return read_import_times(done.stderr, MOST_IMPORTS)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
