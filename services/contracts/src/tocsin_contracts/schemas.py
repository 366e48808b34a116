"""Writes the JSON Schema of every message: `python -m tocsin_contracts.schemas [DIRECTORY]`.

The schemas are committed, so that a change of a contract shows in a review; a test compares them with the models.
"""

import json
import sys
from pathlib import Path

from tocsin_contracts.codec import EVENT_TYPES
from tocsin_contracts.fields import Message


def schema_name(message: type[Message]) -> str:
    """Return the schema's file name, such as `article.v1.schema.json`."""
    return EVENT_TYPES[message].removeprefix("org.tocsin.") + ".schema.json"


def render_schema(message: type[Message]) -> str:
    """Return the JSON Schema (draft 2020-12) of what is on the wire, as text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:tocsin:{EVENT_TYPES[message]}",
        **message.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def write_schemas(directory: Path) -> list[Path]:
    """Write the schema of every message into `directory` and return the files."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for message in EVENT_TYPES:
        file = directory / schema_name(message)
        file.write_text(render_schema(message), encoding="utf-8")
        written.append(file)
    return written


def main() -> int:
    """Write the schemas to the directory named, by default the one in this checkout."""
    default = Path(__file__).resolve().parents[2] / "schemas"
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for file in write_schemas(directory):
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
