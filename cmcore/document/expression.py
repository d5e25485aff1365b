"""The one expression language of documents: text with `${...}` references; nothing is computed, ever.

What a reference's head means (params, env, run, a node) is decided by whoever resolves it.

    ${params.lr}          a reference; as the whole text it keeps the type of what it refers to
    run-${run.id}         a template; it gives text
    ${secret:DB_PASSWORD} a secret's name; only the process that uses the secret learns its value
    $${not.this}          the text ${not.this}: before a brace, two dollars stand for one
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.document.place import JsonPath

_DOLLARS = re.compile(r"\$+(?=\{)")
_REFERENCE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*")
_SECRET = re.compile(r"secret:[A-Za-z0-9_][A-Za-z0-9_./-]*")


@dataclass(frozen=True, slots=True)
class Reference:
    """`${head.path...}`."""

    head: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"${{{'.'.join((self.head, *self.path))}}}"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """`${secret:NAME}`."""

    name: str

    def __str__(self) -> str:
        return f"${{secret:{self.name}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """Text around at least one reference; texts are never empty and never stand side by side."""

    parts: tuple[str | Reference | SecretReference, ...]


Expression = str | Reference | SecretReference | Template


def parse_expression(text: str) -> Expression:
    """What a text says; raises ValueError with the column (from 1) of the first fault."""
    parts: list[str | Reference | SecretReference] = []
    literal, position = "", 0
    while found := _DOLLARS.search(text, position):
        dollars = len(found[0])
        literal += text[position : found.start()] + "$" * (dollars // 2)
        position = found.end()
        if dollars % 2:
            reference, position = _reference(text, position)
            parts += [literal, reference]
            literal = ""
    return _joined([*parts, literal + text[position:]])


def _reference(text: str, brace: int) -> tuple[Reference | SecretReference, int]:
    """The reference whose brace stands at an index, and the index behind it."""
    end = text.find("}", brace)
    if end < 0:
        raise ValueError(f"column {brace}: this '${{' is never closed; write '$${{' if the text is meant")
    inner = text[brace + 1 : end].strip()
    if not inner:
        raise ValueError(f"column {brace}: '${{}}' names nothing; expected a name such as ${{params.x}}")
    if _SECRET.fullmatch(inner):
        return SecretReference(inner.removeprefix("secret:")), end + 1
    if not _REFERENCE.fullmatch(inner):
        raise ValueError(
            f"column {brace}: {inner[:60]!r} is not a reference; expected names joined by dots, as in ${{params.x}}, "
            "or ${secret:NAME}; nothing is computed here"
        )
    head, *path = inner.split(".")
    return Reference(head, tuple(path)), end + 1


def render(expression: Expression) -> str:
    """The text that `parse_expression` reads as this expression."""
    match expression:
        case str():
            return _escaped(expression)
        case Template():
            return "".join(
                _escaped(part, before_reference=index + 1 < len(expression.parts))
                if isinstance(part, str)
                else str(part)
                for index, part in enumerate(expression.parts)
            )
        case _:
            return str(expression)


def _escaped(text: str, *, before_reference: bool = False) -> str:
    doubled = _DOLLARS.sub(lambda dollars: dollars[0] * 2, text)
    trailing = len(text) - len(text.rstrip("$")) if before_reference else 0
    return doubled + "$" * trailing


def references(value: JsonValue) -> list[tuple[JsonPath, Reference | SecretReference]]:
    """All references inside a JSON-like value with the paths of the texts they stand in; raises ValueError."""
    match value:
        case str():
            return [((), part) for part in _parts(parse_expression(value)) if not isinstance(part, str)]
        case list():
            return [((i, *path), found) for i, item in enumerate(value) for path, found in references(item)]
        case dict():
            return [((key, *path), found) for key, item in value.items() for path, found in references(item)]
        case _:
            return []


def _parts(expression: Expression) -> tuple[str | Reference | SecretReference, ...]:
    return expression.parts if isinstance(expression, Template) else (expression,)


def substitute(value: JsonValue, resolve: Callable[[Reference], JsonValue | Reference]) -> JsonValue:
    """The value with every reference replaced, except secrets and those that `resolve` gives back.

    The result is still in this language: what was resolved is escaped, secrets are as they were. So data that looks
    like a reference never becomes one, however often substitution is repeated; `plain` is the last step.
    """
    match value:
        case str():
            return _substituted(parse_expression(value), resolve)
        case list():
            return [substitute(item, resolve) for item in value]
        case dict():
            return {key: substitute(item, resolve) for key, item in value.items()}
        case _:
            return value


def _substituted(expression: Expression, resolve: Callable[[Reference], JsonValue | Reference]) -> JsonValue:
    match expression:
        case Reference():
            found = resolve(expression)
            return str(found) if isinstance(found, Reference) else escaped(found)
        case Template(parts):
            return render(_joined([_text(resolve(part)) if isinstance(part, Reference) else part for part in parts]))
        case _:
            return render(expression)


def escaped(value: JsonValue) -> JsonValue:
    """The value as it is written in this language: what looks like a reference is text again."""
    match value:
        case str():
            return render(value)
        case list():
            return [escaped(item) for item in value]
        case dict():
            return {key: escaped(item) for key, item in value.items()}
        case _:
            return value


def plain(value: JsonValue, secret: Callable[[SecretReference], str]) -> JsonValue:
    """What a substituted value finally is, secrets included; raises ValueError for a reference that is left."""
    match value:
        case str():
            return "".join(_plain_part(part, secret) for part in _parts(parse_expression(value)))
        case list():
            return [plain(item, secret) for item in value]
        case dict():
            return {key: plain(item, secret) for key, item in value.items()}
        case _:
            return value


def _plain_part(part: str | Reference | SecretReference, secret: Callable[[SecretReference], str]) -> str:
    match part:
        case SecretReference():
            return secret(part)
        case Reference():
            raise ValueError(f"{part} has not been resolved")
        case _:
            return part


def _text(value: JsonValue | Reference) -> str | Reference:
    """What a value is inside a template: text as it is, anything else as JSON."""
    if isinstance(value, str | Reference):
        return value
    return json.dumps(value, ensure_ascii=False)


def _joined(parts: list[str | Reference | SecretReference]) -> Expression:
    """A template's parts after some became text: neighbouring texts are one."""
    merged: list[str | Reference | SecretReference] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    match merged:
        case []:
            return ""
        case [only]:
            return only
        case _:
            return Template(tuple(merged))
