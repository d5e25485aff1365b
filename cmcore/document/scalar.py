"""What a plain scalar means: YAML 1.2's core schema, within 64 bits and finite.

So `no`, `1:30` and `2020-01-01` are text, `010` is ten, `1e3` is a float. Reading the text is not done here.
"""

from __future__ import annotations

import math
import re

Scalar = None | bool | int | float | str

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_START = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER_DIGITS = 64  # more than any 64-bit number needs in any base; int() is slow on very long ones


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar; raises ValueError for a number that cannot be kept."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text, 10)
    if _BASED.fullmatch(text):
        return _integer(text, 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text):
        return _finite(text)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number; quote it if text is meant")
    return text


def _integer(text: str, base: int) -> int:
    digits = text.lstrip("+-").removeprefix("0o").removeprefix("0x").lstrip("0") or "0"
    if len(digits) <= _INTEGER_DIGITS:
        value = int(digits, base) * (-1 if text[0] == "-" else 1)
        if INTEGER_MIN <= value <= INTEGER_MAX:
            return value
    raise ValueError(f"the integer {text[:40]}{'...' if len(text) > 40 else ''} does not fit into 64 bits")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:40]}{'...' if len(text) > 40 else ''} is too large for a float")
    return value
