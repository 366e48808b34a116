"""The committed schemas and examples against the models."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tocsin_contracts.codec import EVENT_TYPES, decode, encode
from tocsin_contracts.fields import Message
from tocsin_contracts.schemas import render_schema, schema_name, write_schemas

pytestmark = pytest.mark.unit

CONTRACTS = Path(__file__).parents[3] / "services" / "contracts"
MESSAGES = {schema_name(message).removesuffix(".schema.json"): message for message in EVENT_TYPES}
EXAMPLES = sorted(file for file in (CONTRACTS / "examples").rglob("*") if file.is_file())


@pytest.mark.parametrize("message", EVENT_TYPES, ids=lambda message: message.__name__)
def test_the_committed_schema_is_that_of_the_model(message: type[Message]) -> None:
    committed = (CONTRACTS / "schemas" / schema_name(message)).read_text(encoding="utf-8")
    assert committed == render_schema(message), "run `make schemas` and say in the changelog what changed"


def test_no_schema_is_left_without_a_message(tmp_path: Path) -> None:
    assert {file.name for file in (CONTRACTS / "schemas").iterdir()} == {f.name for f in write_schemas(tmp_path)}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_example_fits_its_model_and_its_schema(file: Path) -> None:
    message = MESSAGES[file.parent.name]
    payload = file.read_bytes()
    model = decode(message, payload)
    assert decode(message, encode(model)) == model
    validator = Draft202012Validator(json.loads(render_schema(message)))
    assert list(validator.iter_errors(json.loads(payload))) == []
    assert list(validator.iter_errors(json.loads(encode(model)))) == []


def test_every_message_has_an_example() -> None:
    assert {file.parent.name for file in EXAMPLES} == set(MESSAGES)
