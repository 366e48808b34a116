"""The commands load heavy libraries only when they run."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

_COMMANDS = ("tocsin_cli.subscribe.command", "tocsin_cli.inspect.command", "tocsin_cli.dead_letters.command")


@pytest.mark.parametrize("module", _COMMANDS)
def test_a_command_is_described_without_its_clients(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{'kafka', 'redis', 'pydantic', 'rich.console'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
