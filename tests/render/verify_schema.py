"""What every report of ``verify`` must be."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA: dict[str, Any] = json.loads((files("rawshake.render") / "verify.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def validated(text: str) -> dict[str, Any]:
    """The report, which fits its schema. Raises ``ValidationError`` where it does not."""
    document: dict[str, Any] = json.loads(text)
    VALIDATOR.validate(document)
    return document
