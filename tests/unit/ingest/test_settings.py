"""The service refuses to start in a way that would expose it."""

import subprocess
import sys

import pytest
from pydantic import SecretStr, ValidationError

from tocsin_ingest.settings import IngestSettings, is_loopback

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "ingest.example"])  # noqa: S104
def test_a_public_address_needs_a_token(host: str) -> None:
    with pytest.raises(ValidationError, match="TOCSIN_INGEST_TOKEN"):
        IngestSettings(ingest_host=host)
    IngestSettings(ingest_host=host, ingest_token=SecretStr("0123456789abcdef"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_needs_none(host: str) -> None:
    assert is_loopback(host)
    assert IngestSettings(ingest_host=host).ingest_token is None


def test_a_short_token_is_refused_and_never_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        IngestSettings(ingest_token=SecretStr("hunter2"))
    assert "hunter2" not in str(caught.value.errors(include_input=False))


def test_the_service_ends_with_2_and_a_line_when_it_would_be_open_to_everybody() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tocsin_ingest"],
        env={"TOCSIN_INGEST_HOST": "0.0.0.0"},  # noqa: S104
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 2
    assert "TOCSIN_INGEST_TOKEN" in run.stderr
    assert "Traceback" not in run.stderr
