"""The broker's jars: downloaded once as the committed lock says, checked against its SHA-256 every time.

This is the only module that uses jgo to start the stack; `lock_kafka_jars` uses it to write the lock.
"""

import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tocsin_cli.stack.errors import StackError, missing_extra

LOCK_NAME: Final = "jgo.lock.toml"
DOWNLOADS_AT_ONCE: Final = 6
TIMEOUT_S: Final = 60


@dataclass(frozen=True)
class LockedJar:
    """One jar of the lock: Maven coordinates and the SHA-256 of the file."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Name of the jar's file; the versions in it keep two locks apart in one cache."""
        return f"{self.artifact}-{self.version}.jar"


def find_lock() -> Path:
    """Return the lock: packaged beside this module when installed from a wheel, else the checkout's deploy/kafka."""
    here = Path(__file__).resolve()
    candidates = [here.with_name(LOCK_NAME)]
    if len(here.parents) > 5:
        candidates.append(here.parents[5] / "deploy" / "kafka" / LOCK_NAME)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise StackError(f"{LOCK_NAME} is not part of this installation: set KAFKA_HOME to a Kafka 4 of your own")


def read_lock(lock: Path) -> list[LockedJar]:
    """Return the jars of `lock`.

    Raises StackError when it cannot be read or an entry has no checksum: nothing is downloaded unchecked.
    """
    try:
        entries = tomllib.loads(lock.read_text(encoding="utf-8"))["dependencies"]
        jars = [
            LockedJar(entry["groupId"], entry["artifactId"], entry["version"], entry["sha256"].lower())
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StackError(f"{lock} is not a lock of jars with checksums: {error!r}") from error
    for jar in jars:
        if any("/" in part or ".." in part for part in (jar.group, jar.artifact, jar.version)):
            raise StackError(f"{lock} names a jar that is no Maven coordinate: {jar.file_name}")
    return jars


def kafka_jars(lock: Path, cache_directory: Path, report: Callable[[str], None]) -> list[Path]:
    """Return the jars' paths under `cache_directory`, having downloaded what is missing and checked everything.

    Raises StackError when a download fails or a checksum is not the locked one.
    """
    jars = read_lock(lock)
    directory = cache_directory / "kafka-jars"
    directory.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in jars if not (directory / jar.file_name).is_file()]
    if missing:
        _download(missing, directory, report)
    for jar in jars:
        check(directory / jar.file_name, jar)
    return [directory / jar.file_name for jar in jars]


def check(path: Path, jar: LockedJar) -> None:
    """Raise StackError unless `path` has the locked checksum."""
    actual = sha256_of(path)
    if actual != jar.sha256:
        raise StackError(
            f"{path} is not the locked file: its SHA-256 is {actual}, the lock says {jar.sha256}. "
            "It is not used. Delete it to have it downloaded again."
        )


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(jars: Iterable[LockedJar], directory: Path, report: Callable[[str], None]) -> None:
    """Fetch into a directory of its own and move each checked file into place: a cache never holds half a jar."""
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.maven import MavenContext
    except ImportError as error:
        raise missing_extra("jgo", "set KAFKA_HOME to a Kafka 4 of your own") from error

    wanted = list(jars)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=directory))
    try:
        # The user's own mirrors first, where jgo's configuration names some.
        remotes = dict(GlobalSettings.load().repositories)
        remotes.setdefault("central", MAVEN_CENTRAL_URL)
        context = MavenContext(repo_cache=partial, remote_repos=remotes, timeout=TIMEOUT_S)

        def fetch(jar: LockedJar) -> None:
            component = context.project(jar.group, jar.artifact).at_version(jar.version)
            path = component.artifact(packaging="jar").resolve()
            actual = sha256_of(path)
            if actual != jar.sha256:
                raise StackError(
                    f"{jar.group}:{jar.artifact}:{jar.version} as downloaded has SHA-256 {actual}, "
                    f"the lock says {jar.sha256}. It is refused."
                )
            path.replace(directory / jar.file_name)

        report(f"downloading Kafka, once: {len(wanted)} files")
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            pending = [pool.submit(fetch, jar) for jar in wanted]
            try:
                for count, done in enumerate(as_completed(pending), start=1):
                    done.result()
                    if count % 10 == 0 or count == len(wanted):
                        report(f"downloading Kafka, once: {count} of {len(wanted)} files")
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    except (OSError, RuntimeError) as error:
        raise StackError(f"Kafka could not be downloaded: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
