"""Aliases as rows: each move is a compare-and-set on a generation that only ever grows, through removals too.

Whether a move is allowed is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cmcore.errors import OutdatedError
from cmcore.filters.moment import written
from cmcore.registry.names import VersionNumber
from cmcore.registry.tables import ALIASES, VERSIONS
from cmcore.registry.values import Alias


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an alias points, or pointed until it was removed (no `version`), and by whom it was moved last."""

    model: str
    name: str
    version: VersionNumber | None = None
    generation: int = 0
    at: float = 0.0
    actor: str = ""

    @property
    def alias(self) -> Alias | None:
        """The alias as people know it; None where it is not there."""
        if self.version is None:
            return None
        return Alias(
            model=self.model,
            name=self.name,
            version=self.version,
            generation=self.generation,
            set_at=self.at,
            actor=self.actor,
        )


POINTED = sa.select(ALIASES, VERSIONS.c.major, VERSIONS.c.minor, VERSIONS.c.pipeline).join(
    VERSIONS, VERSIONS.c.id == ALIASES.c.version_id, isouter=True
)


def place_in(connection: sa.Connection, model: str, name: str, *, lock: bool = False) -> Place:
    """Where an alias points now."""
    query = POINTED.where(ALIASES.c.model == model, ALIASES.c.name == name)
    row = connection.execute(query.with_for_update(of=ALIASES) if lock else query).mappings().first()
    return place_of(row) if row else Place(model=model, name=name)


def aliases_in(connection: sa.Connection, model: str) -> list[Alias]:
    """The aliases of a model in the order of their names."""
    query = POINTED.where(ALIASES.c.model == model, ALIASES.c.version_id.is_not(None)).order_by(ALIASES.c.name)
    places = map(place_of, connection.execute(query).mappings())
    return [place.alias for place in places if place.alias is not None]


def place_of(row: sa.RowMapping) -> Place:
    """The row as a place."""
    there = row["version_id"] is not None
    return Place(
        model=row["model"],
        name=row["name"],
        version=VersionNumber(row["major"], row["minor"], row["pipeline"]) if there else None,
        generation=row["generation"],
        at=row["set_at"],
        actor=row["actor"],
    )


def check_seen(place: Place, over: int) -> None:
    """Raise OutdatedError unless the alias is where somebody saw it who now wants to move it; 0: saw none."""
    if over == (place.generation if place.version else 0):
        return
    name = f"{place.model}@{place.name}"
    if place.generation == 0:
        raise OutdatedError(f"{name} was never set, and generation {over} of it was to be replaced; look again")
    did = f"moved to {place.version}" if place.version else "removed"
    saw = f"generation {over}" if over else "no such alias"
    raise OutdatedError(
        f"{name} is no longer as you saw it ({saw}): {place.actor} {did} at {written(place.at)} (generation "
        f"{place.generation}). Nothing was changed; look again: cm history {place.model}"
    )


def move(connection: sa.Connection, place: Place, version_id: int | None, *, at: float, actor: str) -> int:
    """Let the alias point to a version, or to none, if it is still at `place`; the new generation."""
    values = {"version_id": version_id, "generation": place.generation + 1, "set_at": at, "actor": actor}
    if place.generation == 0:
        connection.execute(sa.insert(ALIASES).values(model=place.model, name=place.name, **values))
        return 1
    own = (ALIASES.c.model == place.model, ALIASES.c.name == place.name, ALIASES.c.generation == place.generation)
    connection.execute(sa.update(ALIASES).where(*own).values(**values))
    return place.generation + 1
