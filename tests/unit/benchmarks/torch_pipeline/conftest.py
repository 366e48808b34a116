"""Keeps pytest from importing these tests where torch is not installed; `make test-train` asks for them by marker."""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]
