"""Jars are used only when they have the checksum of the committed lock. A local HTTP server stands for the registry."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.kafka_jars import find_lock, kafka_jars, read_lock

pytestmark = pytest.mark.unit

CONTENT = b"the bytes of a jar"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the overridden parameter
        """Stay silent."""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Directory that is served as the only Maven repository that jgo knows."""
    root = tmp_path / "registry"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings = tmp_path / "jgo.conf"
    settings.write_text(f"[repositories]\ncentral = http://127.0.0.1:{server.server_address[1]}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    yield root
    server.shutdown()
    thread.join()
    server.server_close()


def serve(registry: Path, content: bytes) -> None:
    directory = registry / "org" / "example" / "thing" / "1.0"
    directory.mkdir(parents=True)
    (directory / "thing-1.0.jar").write_bytes(content)
    (directory / "thing-1.0.jar.sha1").write_text(hashlib.sha1(content, usedforsecurity=False).hexdigest())


def write_lock(directory: Path, **changes: str) -> Path:
    entry = {"groupId": "org.example", "artifactId": "thing", "version": "1.0", "packaging": "jar", "sha256": SHA256}
    lock = directory / "jgo.lock.toml"
    lines = [f'{key} = "{value}"' for key, value in {**entry, **changes}.items() if value]
    lock.write_text("\n".join(["[[dependencies]]", *lines]))
    return lock


def ignore(_: str) -> None:
    """Report nothing."""


def test_committed_lock_names_kafka_4_with_checksums_and_no_address() -> None:
    lock = find_lock()
    jars = read_lock(lock)
    assert any(jar.artifact == "kafka_2.13" and jar.version.startswith("4.") for jar in jars)
    assert any(jar.artifact == "slf4j-simple" for jar in jars)
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert "://" not in lock.read_text(encoding="utf-8")


def test_locked_versions_are_those_that_jgo_toml_asks_for() -> None:
    lock = find_lock()
    asked = lock.with_name("jgo.toml").read_text(encoding="utf-8")
    for jar in read_lock(lock):
        if jar.artifact in ("kafka_2.13", "slf4j-simple"):
            assert f'"{jar.group}:{jar.artifact}:{jar.version}"' in asked


def test_missing_jar_is_downloaded_once_with_progress(registry: Path, tmp_path: Path) -> None:
    serve(registry, CONTENT)
    told: list[str] = []
    lock = write_lock(tmp_path)
    paths = kafka_jars(lock, tmp_path / "cache", told.append)
    assert [path.read_bytes() for path in paths] == [CONTENT]
    assert told[-1] == "downloading Kafka, once: 1 of 1 files"
    told.clear()
    assert kafka_jars(lock, tmp_path / "cache", told.append) == paths
    assert told == []
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["thing-1.0.jar"]


def test_download_with_another_checksum_is_refused_and_not_kept(registry: Path, tmp_path: Path) -> None:
    serve(registry, b"something else")
    with pytest.raises(StackError, match="refused"):
        kafka_jars(write_lock(tmp_path), tmp_path / "cache", ignore)
    assert not list((tmp_path / "cache" / "kafka-jars").iterdir())


def test_changed_file_in_the_cache_is_refused_and_named(registry: Path, tmp_path: Path) -> None:
    serve(registry, CONTENT)
    lock = write_lock(tmp_path)
    path = kafka_jars(lock, tmp_path / "cache", ignore)[0]
    path.write_bytes(CONTENT + b"!")
    with pytest.raises(StackError, match="not the locked file") as caught:
        kafka_jars(lock, tmp_path / "cache", ignore)
    assert str(path) in str(caught.value)


@pytest.mark.usefixtures("registry")
def test_registry_that_lacks_a_jar_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="could not be downloaded"):
        kafka_jars(write_lock(tmp_path), tmp_path / "cache", ignore)


@pytest.mark.parametrize(
    "changes", [{"sha256": ""}, {"artifactId": "../../thing"}, {"version": "1/0"}, {"groupId": "a/b"}]
)
def test_lock_without_checksum_or_with_a_path_in_it_is_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(StackError, match=r"jgo\.lock\.toml"):
        read_lock(write_lock(tmp_path, **changes))


@pytest.mark.parametrize("text", ["", "= broken", "dependencies = 3"])
def test_unreadable_lock_is_named(tmp_path: Path, text: str) -> None:
    lock = tmp_path / "jgo.lock.toml"
    lock.write_text(text)
    with pytest.raises(StackError, match=r"jgo\.lock\.toml"):
        read_lock(lock)
