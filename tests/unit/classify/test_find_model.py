"""An id is fetched from a hub (here a small server with the two addresses that are used), and only when allowed."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
FILES = {"config.json": b"{}", "model.safetensors": b"weights", "pytorch_model.bin": b"pickle", "README.md": b"x"}
PROGRAM = """
import sys
from tocsin_classify.find_model import find_model
from tocsin_classify.model_directory import ModelDirectoryError
try:
    found = find_model("owner/name", revision=None, download=sys.argv[1] == "yes", pickled_weights=False,
                       say=lambda text: print(text, file=sys.stderr))
    print(found.name, found.version, sorted(file.name for file in found.directory.iterdir()))
except ModelDirectoryError as error:
    print(error)
"""


class Hub(http.server.BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        path = self.path.partition("?")[0]
        name = path.rpartition("/")[2]
        if path.startswith("/api/models/owner/name"):
            files = [{"rfilename": file, "size": len(content)} for file, content in FILES.items()]
            self.answer(json.dumps({"id": "owner/name", "sha": COMMIT, "siblings": files}).encode())
        elif path.startswith(f"/owner/name/resolve/{COMMIT}/") and name in FILES:
            self.answer(FILES[name])
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815

    def answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is the library's
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def find(hub: str, cache: Path, download: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, download],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(cache), "HF_HUB_OFFLINE": ""},
    )
    return done.stdout.strip(), done.stderr


def test_an_id_is_fetched_only_when_allowed_and_what_is_fetched_is_said(hub: str, tmp_path: Path) -> None:
    said, _ = find(hub, tmp_path, "no")
    assert "TOCSIN_CLASSIFY_DOWNLOAD=true or give --download" in said
    assert Hub.asked == []
    said, told = find(hub, tmp_path, "yes")
    assert said == f"owner/name {COMMIT} ['config.json', 'model.safetensors']"
    assert f"owner/name: fetching revision {COMMIT}, 2 files" in told
    assert not any("bin" in path or "README" in path for path in Hub.asked)
