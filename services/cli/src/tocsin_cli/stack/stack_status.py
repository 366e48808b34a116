"""What a stack is doing right now, for someone who did not start it: the record, checked against what is there."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tocsin_cli.stack.config import PARTS, SERVICES
from tocsin_cli.stack.processes import is_alive
from tocsin_cli.stack.readiness import Probe, http_probe, kafka_probe, redis_probe
from tocsin_cli.stack.state_directory import PartRecord, PartState, StackRecord, StackState, StateDirectory


@dataclass(frozen=True)
class StackStatus:
    """The present state of one state directory."""

    state_directory: Path
    record: StackRecord

    def as_json(self) -> dict[str, object]:
        """Return what `tocsin status --json` prints; `parts` is keyed by name, absent values are null."""
        record = self.record
        return {
            "state": record.state.value,
            "state_directory": str(self.state_directory),
            "launcher_pid": record.launcher.pid if record.launcher else None,
            "message": record.message or None,
            "error": record.error,
            "parts": {
                name: {
                    "state": part.state.value,
                    "pid": part.process.pid if part.process else None,
                    "log": part.log,
                    "address": part.address,
                    "restarts": part.restarts,
                    "detail": part.detail,
                }
                for name, part in in_order(record.parts).items()
            },
        }


def in_order(parts: Mapping[str, PartRecord]) -> dict[str, PartRecord]:
    """Return the parts in the order in which they start."""
    return {name: parts[name] for name in PARTS if name in parts}


def read_status(path: Path, *, redis_url: str | None = None) -> StackStatus:
    """Return the status of the stack in this state directory; every running part is asked.

    `redis_url` is the URL of an existing Redis when its password is needed, which no record holds.
    """
    record = StateDirectory(path).read()
    if record is None:
        return StackStatus(path, StackRecord(state=StackState.STOPPED))
    launched = is_alive(record.launcher)
    parts = {name: _without_the_dead(part) for name, part in record.parts.items()}
    to_ask = {
        name: _probe(name, part, redis_url)
        for name, part in parts.items()
        if part.process is not None or (part.state is PartState.EXTERNAL and launched)
    }
    with ThreadPoolExecutor(max(1, len(to_ask))) as pool:
        answers = dict(zip(to_ask, pool.map(lambda probe: probe(), to_ask.values()), strict=True))
    parts |= {name: _as_answered(parts[name], problem) for name, problem in answers.items()}
    return StackStatus(path, _overall(replace(record, parts=parts), launched=launched))


def _without_the_dead(part: PartRecord) -> PartRecord:
    if part.process is None or is_alive(part.process):
        return part
    state = PartState.RESTARTING if part.state is PartState.RESTARTING else PartState.STOPPED
    return replace(part, state=state, process=None, detail=part.detail or "its process has ended")


def _probe(name: str, part: PartRecord, redis_url: str | None) -> Probe:
    if name == "kafka":
        return kafka_probe(part.address)
    if name == "redis":
        external = part.state is PartState.EXTERNAL and redis_url
        return redis_probe(redis_url if external and redis_url else part.address)
    assert name in SERVICES, name  # noqa: S101
    return http_probe(urlsplit(part.address).port or 0)


def _as_answered(part: PartRecord, problem: str | None) -> PartRecord:
    if part.state is PartState.EXTERNAL:
        return replace(part, detail=problem)
    if problem is None:
        return replace(part, state=PartState.READY, detail=None)
    state = PartState.STARTING if part.state is PartState.STARTING else PartState.NOT_READY
    return replace(part, state=state, detail=problem)


def _overall(record: StackRecord, *, launched: bool) -> StackRecord:
    """Return the record with the state of the whole that follows from the parts as they are."""
    if not launched:
        if any(part.process is not None for part in record.parts.values()):
            message = "the launcher is gone but parts still run: `tocsin down` ends them"
            return replace(record, state=StackState.DEGRADED, launcher=None, message=message)
        if record.state in (StackState.STOPPED, StackState.FAILED):
            return replace(record, launcher=None, message="")
        message = "the launcher ended without `tocsin down`"
        return replace(record, state=StackState.STOPPED, launcher=None, message=message)
    if record.state in (StackState.READY, StackState.DEGRADED):
        well = all(part.state is PartState.READY or _external_well(part) for part in record.parts.values())
        return replace(record, state=StackState.READY if well else StackState.DEGRADED)
    return record


def _external_well(part: PartRecord) -> bool:
    return part.state is PartState.EXTERNAL and part.detail is None
