"""Value artifacts: one int, float, str, bool, bytes or JSON value in a file named `value`."""

from __future__ import annotations

import json
import math
from typing import ClassVar

from pydantic import JsonValue

from cmcore.artifacts.artifact import Artifact
from cmcore.errors import StorageError

VALUE_FILE = "value"
Value = JsonValue | bytes


class ValueArtifact(Artifact):
    """One value; its file is readable text (bytes: the bytes themselves)."""

    python_type: ClassVar[type] = object

    def read(self) -> Value:
        """The value; raises StorageError where the file does not hold one of this type."""
        with self.open(VALUE_FILE, "rb") as stream:
            raw: bytes = stream.read()
        try:
            return self.decode(raw)
        except ValueError as error:
            raise StorageError(f"{self.uri}/{VALUE_FILE} holds no {type(self).__name__}: {error}") from error

    def write(self, value: Value) -> None:
        """Store the value as this type's file."""
        encoded = self.encode(value)
        with self.open(VALUE_FILE, "wb") as stream:
            stream.write(encoded)

    @classmethod
    def encode(cls, value: Value) -> bytes:
        """The file's bytes: JSON, with NaN and infinities as metrics write them."""
        return json.dumps(value, sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Value:
        """The inverse of `encode`; raises ValueError."""
        value: Value = json.loads(raw)
        return value


class Integer(ValueArtifact):
    """One int."""

    python_type = int


class Float(ValueArtifact):
    """One float; NaN and infinities are kept."""

    python_type = float


class String(ValueArtifact):
    """One str, as its UTF-8 text."""

    python_type = str

    @classmethod
    def encode(cls, value: Value) -> bytes:
        return str(value).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Value:
        return raw.decode()


class Boolean(ValueArtifact):
    """One bool."""

    python_type = bool


class Bytes(ValueArtifact):
    """Some bytes."""

    python_type = bytes

    @classmethod
    def encode(cls, value: Value) -> bytes:
        if not isinstance(value, bytes):
            raise StorageError(f"a Bytes artifact holds bytes, not {type(value).__name__}")
        return value

    @classmethod
    def decode(cls, raw: bytes) -> Value:
        return raw


class JsonValueArtifact(ValueArtifact, type_name="JsonValue"):
    """Any JSON value: None, bool, number, str, list, dict."""


VALUE_TYPES: dict[type, type[ValueArtifact]] = {
    int: Integer, float: Float, str: String, bool: Boolean, bytes: Bytes,
}  # fmt: skip


def value_type(python_type: object) -> type[ValueArtifact]:
    """The value artifact that holds values of a Python type; JSON for everything structured."""
    if isinstance(python_type, type) and python_type in VALUE_TYPES:
        return VALUE_TYPES[python_type]
    return JsonValueArtifact


def has_nan(value: object) -> bool:
    """Whether NaN or an infinity stands anywhere in a JSON-like value."""
    match value:
        case float():
            return not math.isfinite(value)
        case list() | tuple():
            return any(has_nan(item) for item in value)
        case dict():
            return any(has_nan(item) for item in value.values())
        case _:
            return False
