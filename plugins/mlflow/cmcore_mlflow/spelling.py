"""Names and values as MLflow takes them: escaped where it refuses a character, shortened where they are too long."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import sys
from urllib.parse import quote

from pydantic import JsonValue

REFUSED = re.compile(r"[^/\w.\- ]")  # the colon is allowed, and what escapes are made of
ESCAPE = re.compile(r":([0-9a-f]{1,6}):")
NAME_LENGTH = 250
PARAM_LENGTH, TAG_LENGTH = 6000, 5000
RESERVED = ("mlflow.", "cmcore.")
REFUSED_ALIAS = re.compile(r"[vV]\d+|latest")
LARGEST_STEP = 2**63 - 1


def name(given: str) -> str:
    """A name of a metric, parameter or tag; `original` is the inverse for names of up to 250 characters."""
    escaped = REFUSED.sub(lambda match: escape(match[0]), given)
    if posixpath.normpath(escaped) != escaped or escaped.startswith("/"):
        escaped = escaped.replace("/", escape("/"))
    if escaped in ("", ".") or escaped.startswith(".."):
        escaped = escaped.replace(".", escape("."))
    if len(escaped) <= NAME_LENGTH:
        return escaped
    digest = hashlib.sha256(given.encode()).hexdigest()[:16]
    return f"{escaped[: NAME_LENGTH - 20]}...{digest}"


def escape(letter: str) -> str:
    """One character as its code point between colons."""
    return f":{ord(letter):x}:"


def original(escaped: str) -> str:
    """The name that `name` made this of."""
    return ESCAPE.sub(lambda match: chr(int(match[1], 16)), escaped)


def tag_name(given: str) -> str:
    """The name of a tag that people give: what MLflow or this plugin means something by is moved out of the way."""
    return name(f"user.{given}" if given.startswith(RESERVED) else given)


def value(given: JsonValue) -> str:
    """A parameter's value: texts as they are, everything else as JSON."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def shortened(text: str, length: int) -> str:
    """The text as every database takes it; a longer one ends in its digest."""
    clean = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if len(clean) <= length:
        return clean
    digest = hashlib.sha256(clean.encode()).hexdigest()
    end = f"... ({len(text)} characters, sha256:{digest})"
    return clean[: length - len(end)] + end


def number(given: JsonValue) -> float:
    """A number as events hold it; NaN and infinities are texts there, and infinities MLflow's largest numbers."""
    found = float(given)  # type: ignore[arg-type] # a number or the name of one
    return max(-sys.float_info.max, min(sys.float_info.max, found)) if found == found else found  # noqa: PLR0124 # NaN


def step(given: int) -> int:
    """A step as databases can hold it."""
    return max(-LARGEST_STEP, min(LARGEST_STEP, given))


def alias(given: str) -> str:
    """An alias; MLflow keeps `latest` and `v1` for itself."""
    return f"alias-{given}" if REFUSED_ALIAS.fullmatch(given) else given


def key(*parts: str) -> str:
    """The name under which something is remembered, its parts apart for good."""
    return "/".join(quote(part, safe="") for part in parts)


def spelled_number(given: float) -> str:
    """A number so that NaN equals itself."""
    return repr(float(given))
