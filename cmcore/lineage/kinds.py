"""Which version of an ML-Metadata type takes a record: the type as it is, extended, or a new version.

How types are listed and registered is the store's work, handed in as a TypeTable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from cmcore.errors import LineageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One version of an execution or artifact type; `fields` are ML-Metadata's property types by name.

    `id` is 0 until it is registered; `system_type` is ML-Metadata's base type, which can never be changed.
    """

    name: str
    version: str = ""
    system_type: str = ""
    fields: Mapping[str, int] = field(default_factory=dict)
    id: int = 0

    def takes(self, fields: Mapping[str, int]) -> bool:
        """Whether it has these fields, or could be extended by those that it lacks."""
        return all(self.fields.get(key, kind) == kind for key, kind in fields.items())

    def has(self, fields: Mapping[str, int]) -> bool:
        """Whether records with these fields can be written as it is."""
        return fields.items() <= self.fields.items()


def fitting(versions: Sequence[Kind], wanted: Kind) -> Kind:
    """The first version that takes the wanted fields, extended by them; a new version where none does."""
    for version in versions:
        if version.takes(wanted.fields):
            return replace(version, fields={**version.fields, **wanted.fields})
    taken = {version.version for version in versions}
    free = next(name for name in ["", *(str(number) for number in range(2, len(taken) + 3))] if name not in taken)
    return replace(wanted, version=free, id=0)


class TypeTable(Protocol):
    """The execution types or the artifact types of a store."""

    def listed(self) -> Iterable[Kind]:
        """All of them, in all versions."""
        ...

    def register(self, kind: Kind) -> None:
        """Insert or extend one; changes nothing where another process has registered something else meanwhile."""
        ...


class Kinds:
    """What is known of a table of types; each shape is registered at most once and read rarely."""

    def __init__(self, table: TypeTable) -> None:
        self._table = table
        self._by_name: dict[str, list[Kind]] = {}
        self._by_id: dict[int, Kind] = {}

    def versions(self, name: str) -> list[Kind]:
        """The versions of one type that are known by now."""
        return self._by_name.get(name, [])

    def all(self) -> list[Kind]:
        """All types, in all versions, that any process has registered."""
        self._reload()
        return [kind for versions in self._by_name.values() for kind in versions]

    def system_type(self, type_id: int) -> str:
        """The base type of the type with this id; empty where it has none."""
        if type_id not in self._by_id:
            self._reload()
        return self._by_id[type_id].system_type

    def id(self, wanted: Kind) -> int:
        """The id of a version that has the wanted fields, registered if need be."""
        for _ in range(10):
            for kind in self.versions(wanted.name):
                if kind.has(wanted.fields):
                    return kind.id
            self._reload()
            chosen = fitting(self.versions(wanted.name), wanted)
            if not chosen.id or not self._by_id[chosen.id].has(wanted.fields):
                self._table.register(chosen)
                self._reload()
        raise LineageError(f"type {wanted.name!r} is changed by others all the time; wanted: {sorted(wanted.fields)}")

    def _reload(self) -> None:
        self._by_name.clear()
        for kind in self._table.listed():
            self._by_name.setdefault(kind.name, []).append(kind)
            self._by_id[kind.id] = kind
