"""What differs between two revisions of an endpoint, key by key: shown before a rollback. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.serving.document import Endpoint
from cmcore.serving.values import Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One key of the document (`deployment.instances`), and its values before and after; None where it is not there."""

    key: str
    before: JsonValue
    after: JsonValue


def differences(before: Revision, after: Revision) -> list[Difference]:
    """All keys that differ, with the versions that variants meant, in the order of the keys."""
    return document_differences(before.document, after.document) + [
        Difference(key=f"variants.{name}: version", before=was, after=now)
        for name in {**before.resolved, **after.resolved}
        if (was := before.resolved.get(name)) != (now := after.resolved.get(name))
    ]


def document_differences(before: Endpoint, after: Endpoint) -> list[Difference]:
    """All keys in which two documents differ."""
    was, now = dict(flat(before.model_dump(mode="json"))), dict(flat(after.model_dump(mode="json")))
    return [
        Difference(key=key, before=was.get(key), after=now.get(key))
        for key in sorted({**was, **now})
        if was.get(key) != now.get(key)
    ]


def flat(value: JsonValue, key: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Every leaf by its dotted key; elements of lists by their names where they have any, else by position."""
    match value:
        case dict() if value:
            for name, inner in value.items():
                yield from flat(inner, f"{key}.{name}" if key else name)
        case list() if value:
            for index, inner in enumerate(value):
                own = inner.get("name", index) if isinstance(inner, dict) else index
                yield from flat(inner, f"{key}.{own}")
        case _:
            yield key, value
