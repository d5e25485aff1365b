"""DataVersion rows: what is known of one version of a dataset, and how the database keeps it.

All functions take a connection: where transactions begin and end, the store says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

import sqlalchemy as sa
from pydantic import JsonValue

from cmcore.datasets.names import Reference
from cmcore.datasets.tables import STORE, VERSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """An artifact of the lineage that says something about a version, by its name and digest."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version: versions of a dataset count from 1 without gaps. `digest` is that of a payload with these files,
    `manifest` the name of the list of its chunks, `store` the folder that they were kept in, `source` the URI that it
    was taken from."""

    dataset: str
    version: int
    span: int | None
    digest: str
    manifest: str
    store: str
    files: int
    size: int
    rows: int | None
    message: str
    actor: str
    created_at: float
    source: str
    attached: Mapping[str, Attached] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """`flights@3`."""
        return f"{self.dataset}@{self.version}"

    def document(self) -> dict[str, JsonValue]:
        """The version as JSON."""
        plain: dict[str, JsonValue] = asdict(self)
        return plain


_FIELDS = [each.name for each in fields(Version)]
_COLUMNS = [VERSIONS.c[name] for name in _FIELDS]


def store_name(connection: sa.Connection, *, lock: bool = False) -> str:
    """The name of the store; with `lock`, until the transaction ends nobody else adds a version or deletes chunks.

    SQLite's write transactions exclude each other anyway, and the lock says nothing there.
    """
    query = sa.select(STORE.c.name)
    return str(connection.execute(query.with_for_update() if lock else query).scalar_one())


def named(connection: sa.Connection, reference: Reference) -> Version | None:
    """The version that a reference means."""
    query = sa.select(*_COLUMNS).where(VERSIONS.c.dataset == reference.dataset)
    if reference.version is not None:
        query = query.where(VERSIONS.c.version == reference.version)
    if reference.span is not None:
        query = query.where(VERSIONS.c.span == reference.span)
    return _first(connection, query.order_by(VERSIONS.c.version.desc()).limit(1))


def newest(connection: sa.Connection, dataset: str, span: int | None) -> Version | None:
    """The newest version of a span, or of those without one."""
    same = VERSIONS.c.span.is_(None) if span is None else VERSIONS.c.span == span
    query = sa.select(*_COLUMNS).where(VERSIONS.c.dataset == dataset, same)
    return _first(connection, query.order_by(VERSIONS.c.version.desc()).limit(1))


def listed(connection: sa.Connection, *, dataset: str = "", digest: str = "") -> list[Version]:
    """Versions of one dataset or of all, of one digest or of any; by name, the newest first."""
    query = sa.select(*_COLUMNS).order_by(VERSIONS.c.dataset, VERSIONS.c.version.desc())
    if dataset:
        query = query.where(VERSIONS.c.dataset == dataset)
    if digest:
        query = query.where(VERSIONS.c.digest == digest)
    return [_version(row) for row in connection.execute(query).mappings()]


def unrecorded(connection: sa.Connection, store: str) -> list[Version]:
    """Versions of a store that the lineage was not told of yet, the oldest first."""
    query = sa.select(*_COLUMNS).where(VERSIONS.c.in_lineage.is_(False), VERSIONS.c.store == store)
    query = query.order_by(VERSIONS.c.number)
    return [_version(row) for row in connection.execute(query).mappings()]


def manifests(connection: sa.Connection) -> list[tuple[str, str]]:
    """The stores and names of the manifests of all versions."""
    query = sa.select(VERSIONS.c.store, VERSIONS.c.manifest).distinct()
    return [(str(store), str(name)) for store, name in connection.execute(query)]


def insert(connection: sa.Connection, version: Version) -> None:
    """Add a row; the lineage is not told of it yet."""
    row = {**asdict(version), "attached": _written(version), "in_lineage": False}
    connection.execute(sa.insert(VERSIONS).values(row))


def attach(connection: sa.Connection, version: Version) -> None:
    """Replace what is attached to a version by what it now has."""
    connection.execute(sa.update(VERSIONS).where(*_is(version)).values(attached=_written(version)))


def mark_recorded(connection: sa.Connection, version: Version) -> None:
    """The lineage has been told."""
    connection.execute(sa.update(VERSIONS).where(*_is(version)).values(in_lineage=True))


def _is(version: Version) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return VERSIONS.c.dataset == version.dataset, VERSIONS.c.version == version.version


def _written(version: Version) -> str:
    return json.dumps({kind: asdict(artifact) for kind, artifact in version.attached.items()})


def _first(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> Version | None:
    row = connection.execute(query).mappings().first()
    return _version(row) if row else None


def _version(row: sa.RowMapping) -> Version:
    attached = {kind: Attached(**artifact) for kind, artifact in json.loads(row["attached"]).items()}
    return Version(**{**row, "attached": attached})
