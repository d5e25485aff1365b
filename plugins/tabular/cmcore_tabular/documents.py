"""JSON documents with stable bytes: sorted keys, no NaN, one newline at the end. What they mean lives elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from pydantic import BaseModel, JsonValue


def stable_json(value: object) -> str:
    """The one text of a JSON-like value; raises ValueError on NaN and infinities."""
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def write_json(path: Path, value: object) -> None:
    """Write a document as its one text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stable_json(value), encoding="utf-8")


def read_json(path: Path) -> JsonValue:
    """Read a JSON document."""
    value: JsonValue = json.loads(path.read_text(encoding="utf-8"))
    return value


def write_yaml(path: Path, value: object) -> None:
    """Write a YAML document, keys in the order given."""
    path.write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), encoding="utf-8")
