"""How values are spelled as ML-Metadata properties: strings, 32-bit ints, finite doubles and bools only.

Suffixes of the property's name tell what was spelled: `__json` (lists, dicts, null, ints over 32 bits), `__nonfinite`
("nan", "inf", "-inf"), `__exact` (beside a double: its digits, because ML-Metadata keeps six decimals, and 15 digits in
all, on SQLite) and, last, `__blob` (the digest of a text that is too long or that a store would cut).
Which properties a record has is in `rows.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from cmcore.errors import LineageError
from cmcore.lineage.blobs import Blobs

Scalar = str | int | float | bool

JSON, NONFINITE, EXACT, BLOB = "__json", "__nonfinite", "__exact", "__blob"
MAX_INLINE_BYTES = 1_000
LARGE = 1e15  # MariaDB rounds the long digits of larger doubles
INT32 = range(-(2**31), 2**31)  # PostgreSQL and MySQL keep ints in four bytes, SQLite in eight


def spelled(values: Mapping[str, JsonValue], blobs: Blobs) -> dict[str, Scalar]:
    """Properties that every store takes and gives back; long texts go to the blobs."""
    row: dict[str, Scalar] = {}
    for key, value in values.items():
        if key.endswith((JSON, NONFINITE, EXACT, BLOB)):
            raise LineageError(f"property {key!r} ends like a spelling of ours; choose another name")
        match value:
            case bool():
                row[key] = value
            case str():
                _spell_text(row, key, value, blobs)
            case int() if value in INT32:
                row[key] = value
            case float() if math.isfinite(value):
                row[key] = value
                if abs(value) >= LARGE or float(f"{value:f}") != value or float(f"{value:.15g}") != value:
                    row[key + EXACT] = repr(value)
            case float():
                row[key + NONFINITE] = str(value)
            case _:
                _spell_text(row, key + JSON, _as_json(key, value), blobs)
    return row


def read(row: Mapping[str, Scalar], blobs: Blobs) -> dict[str, JsonValue]:
    """The inverse of `spelled`."""
    rounded = {key.removesuffix(EXACT) for key in row if key.endswith(EXACT)}
    return dict(_read_one(key, value, blobs) for key, value in row.items() if key not in rounded)


def _read_one(key: str, value: Scalar, blobs: Blobs) -> tuple[str, JsonValue]:
    if key.endswith(BLOB):
        key, value = key.removesuffix(BLOB), blobs.get(str(value)).decode("utf-8", "surrogatepass")
    if key.endswith((NONFINITE, EXACT)):
        return key.removesuffix(NONFINITE).removesuffix(EXACT), float(value)
    if key.endswith(JSON):
        return key.removesuffix(JSON), cast(JsonValue, json.loads(str(value)))
    return key, value


def _spell_text(row: dict[str, Scalar], key: str, text: str, blobs: Blobs) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= MAX_INLINE_BYTES and "\0" not in text and _is_unicode(text):
        row[key] = text
    else:
        row[key + BLOB] = blobs.put(raw)


def _is_unicode(text: str) -> bool:
    """False for lone surrogates, which no store encodes."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _as_json(key: str, value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise LineageError(f"property {key!r} cannot be recorded: {error}; use JSON values") from error
