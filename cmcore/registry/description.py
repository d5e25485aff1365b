"""Describing: properties, notes and links of a model or of a version. A reference without a version means the model."""

from __future__ import annotations

import json
from collections.abc import Mapping

import sqlalchemy as sa
from pydantic import JsonValue

from cmcore.errors import UsageError
from cmcore.events import EventKind
from cmcore.registry import catalogue, remarks
from cmcore.registry.names import Reference, VersionNumber
from cmcore.registry.texts import checked_prose, checked_url
from cmcore.registry.transaction import Transaction
from cmcore.registry.values import Link, Note


def described(transaction: Transaction, reference: Reference, properties: Mapping[str, JsonValue | None]) -> None:
    """Set properties, and take away those that are None; what is so already is no change."""
    connection, wanted = transaction.connection, remarks.checked_properties(properties)
    model = catalogue.model_in(connection, reference.model, lock=True)
    if is_model(reference):
        changed = differing(model.properties, wanted)
        kept = {name: value for name, value in {**model.properties, **changed}.items() if value is not None}
        catalogue.set_model_properties(connection, model.name, kept)
        number: object = ""
    else:
        version = catalogue.version_in(connection, reference)
        changed, number = differing(version.properties, wanted), version.number
        remarks.set_properties(connection, catalogue.id_of(connection, version), changed)
    if changed:
        transaction.tell(kind_of(reference), model.name, number, properties=changed)


def noted(transaction: Transaction, reference: Reference, text: str) -> Note:
    """Add a note; notes are never changed or taken away."""
    text = checked_prose("the note", text)
    if not text:
        raise UsageError(f"the note on {reference} is empty; write something")
    number = locked_number(transaction.connection, reference)
    note = Note(model=reference.model, version=number, actor=transaction.actor, at=transaction.at, text=text)
    remarks.add_note(transaction.connection, note)
    transaction.tell(kind_of(reference), reference.model, number or "", note=text)
    return note


def linked(transaction: Transaction, reference: Reference, rel: str, url: str) -> None:
    """Let `rel` link to a URL, or to nothing if it is empty."""
    link = Link(rel=remarks.checked_name("a link", rel), url=checked_url(url) if url else "")
    number = locked_number(transaction.connection, reference)
    if link in remarks.links_in(transaction.connection, reference.model, number):
        return
    remarks.set_link(transaction.connection, reference.model, number, link)
    transaction.tell(kind_of(reference), reference.model, number or "", link={"rel": rel, "url": url})


def locked_number(connection: sa.Connection, reference: Reference) -> VersionNumber | None:
    """The version that is meant, or None for the model itself, while nobody else changes the model."""
    catalogue.model_in(connection, reference.model, lock=True)
    return number_meant(connection, reference)


def number_meant(connection: sa.Connection, reference: Reference) -> VersionNumber | None:
    """The version that is meant, or None for the model itself; raises NotFoundError."""
    if is_model(reference):
        catalogue.model_in(connection, reference.model)
        return None
    return catalogue.version_in(connection, reference).number


def is_model(reference: Reference) -> bool:
    """Whether the model itself is meant."""
    return reference.version is None and not reference.alias


def kind_of(reference: Reference) -> EventKind:
    """What the event is called."""
    return EventKind.MODEL_DESCRIBED if is_model(reference) else EventKind.VERSION_DESCRIBED


def differing(known: Mapping[str, JsonValue], wanted: Mapping[str, JsonValue | None]) -> dict[str, JsonValue | None]:
    """What is wanted otherwise than it is; 1 and true differ, as JSON has them."""
    return {name: value for name, value in wanted.items() if json.dumps(known.get(name)) != json.dumps(value)}
