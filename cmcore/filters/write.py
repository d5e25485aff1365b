"""From a filter back to text: `parse(written(filter)) == filter` for every filter that `parse` gives."""

from __future__ import annotations

import re

from cmcore.filters.syntax import And, Comparator, Comparison, Field, Filter, Not, Or, Scalar
from cmcore.filters.tokens import KEYWORDS

PLAIN = re.compile(r"[^\W\d][\w/-]*")
ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def written(filter: Filter) -> str:  # noqa: A002 # the word for it, as `Filter` is
    """The filter as people would type it."""
    match filter:
        case Comparison():
            return _comparison(filter)
        case Not(operand=operand):
            return f"not {_inside(operand)}"
        case And(operands=operands):
            return " and ".join(map(_inside, operands))
        case Or(operands=operands):
            return " or ".join(map(_inside, operands))


def field_written(field: Field) -> str:
    """The field with backticks around every part that needs them."""
    return ".".join(_name(part) for part in (field.group, field.name) if part)


def value_written(value: Scalar) -> str:
    """The literal."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.translate(ESCAPED).replace('"', '\\"') + '"'
    return repr(value)


def _inside(operand: Filter) -> str:
    return f"({written(operand)})" if isinstance(operand, And | Or) else written(operand)


def _comparison(comparison: Comparison) -> str:
    field, values = field_written(comparison.field), [value_written(value) for value in comparison.values]
    match comparison.comparator:
        case Comparator.EXISTS:
            return f"{field} exists"
        case Comparator.IN:
            return f"{field} in ({', '.join(values)})"
    return f"{field} {comparison.comparator} {values[0]}"


def _name(part: str) -> str:
    if PLAIN.fullmatch(part) and part.lower() not in KEYWORDS:
        return part
    return "`" + part.translate(ESCAPED).replace("`", "\\`") + "`"
