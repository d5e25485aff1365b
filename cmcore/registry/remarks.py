"""What people say about models and versions: properties, notes, links. Rows and the shapes that they may have."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

import sqlalchemy as sa
from pydantic import JsonValue

from cmcore.errors import UsageError
from cmcore.registry.names import VersionNumber
from cmcore.registry.tables import LINKS, NOTES, PROPERTIES
from cmcore.registry.values import Link, Note

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
VALUE_MAX = 20_000
SEARCHED_MAX = 500  # characters of a property's text that a search sees


def checked_name(what: str, name: str) -> str:
    """The name of a property or the `rel` of a link; raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!a} cannot name {what}: write a letter, then up to 62 letters, digits, '_', '-' or '.'"
        )
    return name


def checked_value(name: str, value: JsonValue) -> JsonValue:
    """The value of a property; raises UsageError for what is no JSON or too long to be a property."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()  # halves of surrogate pairs are in no text that a database takes
    except (ValueError, TypeError) as error:
        raise UsageError(f"the property {name!r} has a value that JSON cannot hold: {error}") from error
    if len(text) > VALUE_MAX:
        raise UsageError(f"the property {name!r} has {len(text):,} characters; at most {VALUE_MAX:,} are kept")
    return value


def checked_properties(properties: Mapping[str, JsonValue | None]) -> dict[str, JsonValue | None]:
    """Properties by name, None for those to be taken away; raises UsageError."""
    return {checked_name("a property", name): checked_value(name, value) for name, value in properties.items()}


def set_properties(connection: sa.Connection, version_id: int, properties: Mapping[str, JsonValue | None]) -> None:
    """Give a version properties; None takes one away."""
    own = (PROPERTIES.c.version_id == version_id, PROPERTIES.c.name.in_(list(properties)))
    connection.execute(sa.delete(PROPERTIES).where(*own))
    rows = [property_row(version_id, name, value) for name, value in properties.items() if value is not None]
    if rows:
        connection.execute(sa.insert(PROPERTIES), rows)


def property_row(version_id: int, name: str, value: JsonValue) -> dict[str, object]:
    """A property as a row, with the text and the number by which it is found."""
    written = json.dumps(value, sort_keys=True)
    text = value if isinstance(value, str) else written
    searched = text.replace("\0", " ")[:SEARCHED_MAX]
    return {"version_id": version_id, "name": name, "value": written, "text": searched, "number": number_of(value)}


def number_of(value: JsonValue) -> float | None:
    """The number that a property is, if it is one that a database can compare."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def add_note(connection: sa.Connection, note: Note) -> None:
    """Add a note."""
    own = {"model": note.model, "version": str(note.version or ""), "actor": note.actor, "at": note.at}
    connection.execute(sa.insert(NOTES).values(**own, text=note.text))


def notes_in(connection: sa.Connection, model: str, version: VersionNumber | None) -> list[Note]:
    """The notes on one version, or on the model itself, the oldest first."""
    own = (NOTES.c.model == model, NOTES.c.version == str(version or ""))
    rows = connection.execute(sa.select(NOTES).where(*own).order_by(NOTES.c.number))
    return [Note(model=model, version=version, actor=row.actor, at=row.at, text=row.text) for row in rows]


def set_link(connection: sa.Connection, model: str, version: VersionNumber | None, link: Link) -> None:
    """Let a link of this `rel` be the only one; an empty URL takes it away."""
    own = {"model": model, "version": str(version or ""), "rel": link.rel}
    connection.execute(sa.delete(LINKS).where(*(LINKS.c[name] == value for name, value in own.items())))
    if link.url:
        connection.execute(sa.insert(LINKS).values(**own, url=link.url))


def links_in(connection: sa.Connection, model: str, version: VersionNumber | None) -> list[Link]:
    """The links of one version, or of the model itself, in the order of their `rel`."""
    own = (LINKS.c.model == model, LINKS.c.version == str(version or ""))
    rows = connection.execute(sa.select(LINKS).where(*own).order_by(LINKS.c.rel))
    return [Link(rel=row.rel, url=row.url) for row in rows]
