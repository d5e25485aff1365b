"""A database table that predictions are appended to: each shard once, whatever is killed and tried again.

A ledger beside the table has a row per shard, written in the transaction that writes the shard's rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    create_engine,
    delete,
    false,
    func,
    insert,
    inspect,
    select,
    text,
)  # fmt: skip
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.types import TypeEngine

from cmcore_models.errors import BatchError

LEDGER = "cm_prediction_shards"
CHUNK_ROWS = 5_000
JOB = "job:"
SqlType = TypeEngine[Any]  # SQLAlchemy's types of values are invariant
FAMILIES: tuple[tuple[str, tuple[type[SqlType], ...]], ...] = (
    ("truth", (Boolean,)), ("whole numbers", (Integer,)), ("numbers", (Numeric, Float)), ("JSON", (JSON,)),
    ("text", (String,)), ("moments", (DateTime,)), ("dates", (Date,)), ("times", (Time,)), ("bytes", (LargeBinary,)),
)  # fmt: skip


class PredictionTable:
    """The table and its ledger, made where they do not exist; raises BatchError for a table with other columns."""

    def __init__(self, engine: Engine, name: str, schema: pa.Schema) -> None:
        self._engine, self._name = engine, name
        known = MetaData()
        self._table = Table(name, known, *(Column(field.name, column_type(field.type)) for field in schema))
        self._ledger = ledger(known)
        with told(engine):
            if problem := difference(engine, self._table):
                raise BatchError(f"table {name!r} is there and {problem}; give another table, or mend this one")
            self._make()

    def append(self, digest: str, file: Path) -> int:
        """Append a shard's rows in one transaction; how many: none where it was appended before."""
        with told(self._engine), self._engine.connect() as connection:
            if not self._claimed(connection, digest, pq.read_metadata(file).num_rows):
                return 0
            rows = 0
            with pq.ParquetFile(file) as parquet:
                for batch in parquet.iter_batches(CHUNK_ROWS, use_threads=False):
                    if batch.num_rows:
                        connection.execute(insert(self._table), batch.to_pylist())
                    rows += batch.num_rows
            connection.commit()
            return rows

    def complete(self, job: str, rows: int) -> None:
        """Note that all shards of a job are there."""
        with told(self._engine), self._engine.connect() as connection:
            if self._claimed(connection, JOB + job, rows):
                connection.commit()

    def _make(self) -> None:
        """Make what does not exist. A table that was dropped has none of its shards any more, whatever the ledger says;
        of several who find that out at once, one makes it."""
        try:
            self._ledger.create(self._engine, checkfirst=True)
        except (IntegrityError, ProgrammingError, OperationalError):  # somebody else made it at the same moment
            self._ledger.create(self._engine, checkfirst=True)
        own = self._ledger.c.target == self._name
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"LOCK TABLE {LEDGER} IN EXCLUSIVE MODE"))
            else:
                connection.execute(delete(self._ledger).where(own, false()))  # nobody else writes from here on
            if not inspect(connection).has_table(self._name):
                connection.execute(delete(self._ledger).where(own))
                self._table.create(connection)

    def _claimed(self, connection: Connection, digest: str, rows: int) -> bool:
        """Whether the shard is ours to append; who is second waits for the first to commit, and then is not."""
        try:
            connection.execute(insert(self._ledger), [{"target": self._name, "shard": digest, "rows": rows}])
        except IntegrityError:
            connection.rollback()
            return False
        return True


def ledger(known: MetaData) -> Table:
    """The table that knows which shards are where."""
    return Table(
        LEDGER, known,
        Column("target", String(255), primary_key=True),
        Column("shard", String(80), primary_key=True),
        Column("rows", BigInteger, nullable=False),
    )  # fmt: skip


def is_complete(engine: Engine, name: str, job: str) -> bool:
    """Whether the table still is there, and has all shards of a job."""
    known = ledger(MetaData())
    with told(engine), engine.connect() as connection:
        if not {name, LEDGER} <= set(inspect(engine).get_table_names()):
            return False
        found = select(func.count()).where(known.c.target == name, known.c.shard == JOB + job)
        return connection.scalar(found) == 1


@contextmanager
def opened(url: str, password: str | None) -> Iterator[Engine]:
    """An engine; raises BatchError for what is no URL, or a URL with a password in it."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BatchError("the database is no SQLAlchemy URL, such as sqlite:///file.db") from error
    if parsed.password is not None or "password" in parsed.query:
        raise BatchError("the database's URL holds a password, which would be recorded; give password: ${secret:NAME}")
    engine = create_engine(with_driver(parsed).set(password=password))
    try:
        yield engine
    finally:
        engine.dispose()


def with_driver(url: URL) -> URL:
    """The URL with the driver that cmcore installs."""
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """What a database says, as BatchError without its password."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise BatchError(f"{engine.url.render_as_string(hide_password=True)}: {reason}") from error


def difference(engine: Engine, wanted: Table) -> str:
    """How a table that exists differs from what is to be appended; empty if it does not, or does not exist."""
    inspector = inspect(engine)
    if not inspector.has_table(wanted.name):
        return ""
    found = {column["name"]: family(column["type"]) for column in inspector.get_columns(wanted.name)}
    asked = {column.name: family(column.type) for column in wanted.columns}
    if set(found) != set(asked):
        return f"has the columns {', '.join(found)}, and the predictions {', '.join(asked)}"
    wrong = [
        f"{name!r} holds {found[name]}, and the predictions {asked[name]}"
        for name in asked
        if asked[name] != found[name]
    ]
    return f"its column {'; '.join(wrong)}" if wrong else ""


def family(kind: SqlType) -> str:
    """What a column type holds, as far as tables of different databases agree on it."""
    return next((name for name, types in FAMILIES if isinstance(kind, types)), str(kind))


def column_type(kind: pa.DataType) -> SqlType:
    """The column type for Parquet's; lists are JSON."""
    is_ = pa.types
    if is_.is_dictionary(kind):
        return column_type(kind.value_type)
    if is_.is_decimal(kind):
        return Numeric(kind.precision, kind.scale)
    choices: tuple[tuple[bool, SqlType], ...] = (
        (is_.is_boolean(kind), Boolean()),
        (is_.is_int8(kind) or is_.is_int16(kind) or is_.is_uint8(kind), SmallInteger()),
        (is_.is_int32(kind) or is_.is_uint16(kind), Integer()),
        (is_.is_int64(kind) or is_.is_uint32(kind), BigInteger()),
        (is_.is_uint64(kind), Numeric(20, 0)),
        (is_.is_floating(kind), Double()),
        (is_.is_timestamp(kind), DateTime(timezone=is_.is_timestamp(kind) and kind.tz is not None)),
        (is_.is_date(kind), Date()),
        (is_.is_time(kind), Time()),
        (is_.is_binary(kind) or is_.is_large_binary(kind), LargeBinary()),
        (is_.is_nested(kind), JSON()),
    )
    return next((column for fits, column in choices if fits), Text())
