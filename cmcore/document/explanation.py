"""What a reader is told about one place where a document does not fit its model: found, expected, perhaps meant.

Which errors belong to one place is `cmcore.document.model`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue
from pydantic_core import ErrorDetails

from cmcore.document.place import JsonPath, PathPart
from cmcore.document.scalar import resolve
from cmcore.document.schema import Spot, choices, fields
from cmcore.document.text import Document
from cmcore.document.wording import alternatives, closest, described, quoted
from cmcore.errors import Problem

LISTED_MAX = 12

_EXPECTED: Mapping[str, str] = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "none_required": "nothing (null)",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "finite_number": "a finite number",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "too_short": "at least {min_length} items",
    "too_long": "at most {max_length} items",
}
_OWN_WORDS = ("Value error, ", "Assertion failed, ")
_OTHER_READERS_BOOLEANS = frozenset(["yes", "no", "on", "off", "y", "n"])


@dataclass(frozen=True, slots=True)
class Fault:
    """One of pydantic's errors and where it is."""

    error: ErrorDetails
    spot: Spot

    @property
    def kind(self) -> str:
        return self.error["type"]


def explained(faults: Sequence[Fault], document: Document) -> Problem:
    """The problem at one spot; several faults are the members of a union that all wanted something else."""
    fault = faults[0]
    path, of_key = fault.spot.path, fault.spot.of_key
    match fault.kind:
        case "missing":
            return document.problem(path, _missing(path[-1]))
        case "extra_forbidden":
            names = [name for schema in fault.spot.around for name in fields(schema)]
            return document.problem(path, f"unknown key {_shown(path[-1])}", _suggestion(path[-1], names), of_key=True)
        case "union_tag_not_found" | "union_tag_invalid":
            return _wrong_tag(fault, document)
    found = path[-1] if of_key else _value_at(document, path)
    expected = [phrase for each in faults if (phrase := _expected(each))]
    if not expected:
        return document.problem(path, _own_words(fault, found), of_key=of_key)
    message = f"expected {alternatives(list(dict.fromkeys(expected)))}, found {described(found)}"
    return document.problem(path, message, _hint(faults, found), of_key=of_key)


def _missing(part: PathPart) -> str:
    return f"the list has no item {part + 1}" if isinstance(part, int) else f"the key {quoted(part)} is missing"


def _wrong_tag(fault: Fault, document: Document) -> Problem:
    """The key that tells the members of a union apart is missing or says what none of them is."""
    named: str = fault.error["ctx"]["discriminator"]
    known = _words(fault.spot)
    if not named.startswith("'"):  # a function tells them apart, not a key
        found = described(_value_at(document, fault.spot.path))
        return document.problem(fault.spot.path, f"expected one of {_listed(known)}, found {found}")
    key = named.strip("'")
    path = (*fault.spot.path, key)
    if fault.kind == "union_tag_not_found":
        return document.problem(path, _missing(key), f"one of {_listed(known)}")
    tag = _value_at(document, path)
    return document.problem(path, f"unknown {key} {_shown(tag)}", _suggestion(tag, known))


def _expected(fault: Fault) -> str:
    """What was expected, as a noun phrase; nothing, where only pydantic's or the model's own words say it."""
    if fault.kind in {"literal_error", "enum"}:
        allowed = [repr(choice) for schema in fault.spot.schemas for choice in choices(schema)]
        return f"one of {_listed(allowed)}" if len(allowed) > LISTED_MAX else alternatives(allowed)
    if fault.kind in _EXPECTED:
        return _EXPECTED[fault.kind].format(**fault.error.get("ctx", {}))
    message = fault.error["msg"]
    return message.removeprefix("Input should be ") if message.startswith("Input should be ") else ""


def _own_words(fault: Fault, found: JsonValue) -> str:
    message = fault.error["msg"]
    for prefix in _OWN_WORDS:
        if message.startswith(prefix):
            return message.removeprefix(prefix)
    return f"{message}, found {described(found)}"


def _hint(faults: Sequence[Fault], found: JsonValue) -> str:
    """What was probably meant."""
    kinds = {fault.kind for fault in faults}
    if "string_type" in kinds and isinstance(found, bool | int | float):
        return "quote it"
    if not isinstance(found, str):
        return ""
    if kinds & {"int_type", "float_type"} and isinstance(_unquoted(found), int | float):
        return "remove the quotes"
    if "bool_type" in kinds and found.casefold() in _OTHER_READERS_BOOLEANS:
        return "write true or false"
    return closest(found, [word for fault in faults for word in _words(fault.spot)])


def _unquoted(text: str) -> object:
    try:
        return resolve(text)
    except ValueError:
        return text


def _suggestion(found: JsonValue, known: Sequence[str]) -> str:
    """The known word that was probably meant, or all of them."""
    return closest(f"{found}", known) or (f"known here: {_listed(known)}" if known else "")


def _words(spot: Spot) -> list[str]:
    return [choice for schema in spot.schemas for choice in choices(schema) if isinstance(choice, str)]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED_MAX} more" if len(names) > LISTED_MAX else ""
    return ", ".join(dict.fromkeys(names[:LISTED_MAX])) + more


def _shown(value: JsonValue) -> str:
    return quoted(value) if isinstance(value, str) else described(value)


def _value_at(document: Document, path: JsonPath) -> JsonValue:
    value: JsonValue = dict(document.value)
    for part in path:
        match value, part:
            case dict(), str():
                value = value.get(part)
            case list(), int() if part < len(value):
                value = value[part]
            case _:
                return None
    return value
