"""Branches of migrations: each package hands in its own line of Alembic scripts, and `open` brings all to their heads.

Whether there is anything to do is read with plain SQL, and Alembic imported only then. No table is defined here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cmcore.errors import StateError
from cmcore.state.failures import shown

HERE = Path(__file__).parent / "migrations"
POSTGRESQL_LOCK = 0x636D636F7265  # "cmcore": the advisory lock under which one process migrates


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One package's line of migrations.

    `scripts` is the folder of its Alembic scripts, `head` the newest of them. Revision ids are the branch's name and
    a number of four digits (`state_0001`), so that ids can be compared without reading the scripts.
    """

    name: str
    scripts: Path
    head: str


STATE_BRANCH = Branch(name="state", scripts=HERE / "versions", head="state_0001")


def pending(recorded: frozenset[str], branches: Sequence[Branch]) -> tuple[Branch, ...]:
    """The branches that are not at their head yet; StateError if the database is ahead of this code."""
    for branch in branches:
        newer = [revision for revision in recorded if revision.startswith(f"{branch.name}_") and revision > branch.head]
        if newer:
            raise StateError(
                f"the state database has the tables of {newer[0]!r}, and this cmcore knows them up to "
                f"{branch.head!r}: a newer cmcore wrote it. Try: pip install --upgrade cmcore"
            )
    return tuple(branch for branch in branches if branch.head not in recorded)


def bring_to_head(engine: sa.Engine, branches: Sequence[Branch]) -> None:
    """Make or migrate the tables unless they are at their heads; one process does it, the others wait for it."""
    if engine.dialect.name == "sqlite":
        make_folder(engine.url)
    if pending(recorded_revisions(engine), branches):
        migrate(engine, branches)


def make_folder(url: sa.URL) -> None:
    """The folder of a SQLite file, which the driver would not make."""
    folder = Path(url.database or "").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the state database {shown(url)} has no folder, and it cannot be made: {error}. Give this user write "
            f"access to {folder}, or name another database."
        ) from error


def recorded_revisions(engine: sa.Engine) -> frozenset[str]:
    """What the database says it has; nothing if it is fresh."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return frozenset()
        return frozenset(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars())


def migrate(engine: sa.Engine, branches: Sequence[Branch]) -> None:
    """Run what is missing in one transaction; a process that dies here leaves the database as it was.

    A process that waited here for another one finds that nothing is missing any more.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            use_wal(connection)
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(POSTGRESQL_LOCK)))
        upgrade(connection, branches)
        connection.commit()


def use_wal(connection: sa.Connection) -> None:
    """Let readers and one writer work at the same time; the file remembers it."""
    mode = connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar_one()
    if mode != "wal":
        raise StateError(
            f"the state database {shown(connection.engine.url)} lies on a file system without shared memory (SQLite "
            f"stays in {mode!r} mode): put it on a local disk, or use PostgreSQL"
        )


def upgrade(connection: sa.Connection, branches: Sequence[Branch]) -> None:
    """Hand the scripts to Alembic, which skips those that have run."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", escaped(HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(escaped(branch.scripts) for branch in branches))
    try:
        command.upgrade(config, "heads")
    except CommandError as error:
        raise StateError(f"the state database {shown(connection.engine.url)} cannot be migrated: {error}") from error


def escaped(path: Path) -> str:
    """A path as a value of a configuration file, where % has a meaning."""
    return str(path).replace("%", "%%")
