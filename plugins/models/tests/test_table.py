"""Predictions in a table, on SQLite and on a private PostgreSQL: each shard once, however often it is tried."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Thread

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from cmcore import Secret
from cmcore.artifacts import Examples, Files, Model, Predictions
from cmcore_models import BatchPredictor
from cmcore_models.batch.check import still_written
from cmcore_models.batch.shards import folder_digest
from cmcore_models.batch.table import PredictionTable, is_complete, opened
from cmcore_models.errors import BatchError

from .conftest import orders

pytestmark = pytest.mark.integration
PORT = 5497  # it names the socket only: the server listens on no network address
PASSWORD = "tangerine-42"
SCHEMA = pa.schema(
    [("id", pa.int64()), ("y", pa.float32()), ("name", pa.string()), ("at", pa.timestamp("us", "UTC")),
     ("day", pa.date32()), ("pair", pa.list_(pa.float32())), ("sure", pa.bool_()),
     ("small", pa.int8()), ("raw", pa.binary())]
)  # fmt: skip
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
ROWS = [
    {"id": 2**40, "y": 1.5, "name": "São", "at": NOON, "day": date(2024, 1, 2), "pair": [1.0, 2.0], "sure": True,
     "small": -3, "raw": b"\xff"},
    dict.fromkeys(SCHEMA.names),
]  # fmt: skip


class Server:
    """A PostgreSQL of our own on a socket in its folder, which asks for a password; run by a user without rights."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries, self.folder, self.count = binaries, folder, 0
        self.user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if self.user:
            os.chown(folder, pwd.getpwnam(self.user).pw_uid, -1)
        (folder / "password").write_text(PASSWORD)
        self.run("initdb", "-D", f"{folder}/data", "-U", "cm", "-A", "scram-sha-256", f"--pwfile={folder}/password")
        options = f"-k {folder} -p {PORT} -c listen_addresses=''"
        self.run("pg_ctl", "-D", f"{folder}/data", "-o", options, "-l", f"{folder}/server.log", "-w", "start")

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.binaries / program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self.folder,
            user=self.user, timeout=60, env={**os.environ, "PGPASSWORD": PASSWORD},
        )  # fmt: skip

    def fresh_url(self) -> str:
        """The URL of a database that has just been made, without the password."""
        self.count += 1
        self.run("createdb", "-h", str(self.folder), "-p", str(PORT), "-U", "cm", f"batch_{self.count}")
        return f"postgresql://cm@/batch_{self.count}?host={self.folder}&port={PORT}"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="cm-batch-", dir="/tmp"))
    made = Server(found[-1], folder)
    yield made
    made.run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    urls: dict[str, Callable[[], str]] = {
        "sqlite": lambda: f"sqlite:///{tmp_path}/answers.db",
        "postgresql": lambda: str(request.getfixturevalue("server").fresh_url()),
    }
    return urls[request.param]()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    with opened(url, PASSWORD if "postgresql" in url else None) as engine:
        yield engine


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS, schema=SCHEMA), tmp_path / "shard.parquet")
    return tmp_path / "shard.parquet"


def count(engine: Engine, table: str = "answers") -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())


def test_every_type_comes_back_as_it_was(engine: Engine, shard: Path) -> None:
    table = PredictionTable(engine, "answers", SCHEMA)
    table.append("a", shard)
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(table._table.select()).mappings()]
    moment = found[0]["at"].replace(tzinfo=UTC)  # SQLite keeps no time zone
    assert [{**found[0], "at": moment}, found[1]] == ROWS


def test_a_shard_is_appended_once(engine: Engine, shard: Path) -> None:
    table = PredictionTable(engine, "answers", SCHEMA)
    assert [table.append("a", shard), table.append("a", shard), table.append("b", shard)] == [2, 0, 2]
    assert count(engine) == 4


def test_a_table_that_was_dropped_gets_its_shards_again(engine: Engine, shard: Path) -> None:
    PredictionTable(engine, "answers", SCHEMA).append("a", shard)
    with engine.begin() as connection:
        connection.execute(text("drop table answers"))
    assert PredictionTable(engine, "answers", SCHEMA).append("a", shard) == 2


def test_of_several_who_make_the_table_at_once_none_fails(engine: Engine) -> None:
    made: list[PredictionTable] = []
    threads = [Thread(target=lambda: made.append(PredictionTable(engine, "answers", SCHEMA))) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(made) == 6


def test_the_same_shard_may_go_to_another_table(engine: Engine, shard: Path) -> None:
    assert [PredictionTable(engine, name, SCHEMA).append("a", shard) for name in ("answers", "more")] == [2, 2]


def test_what_fails_half_way_leaves_nothing_and_can_be_tried_again(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(text("create table answers (id bigint check (id < 7000))"))
    table = PredictionTable(engine, "answers", pa.schema([("id", pa.int64())]))
    pq.write_table(pa.table({"id": range(8_000)}), tmp_path / "bad.parquet")
    pq.write_table(pa.table({"id": range(6_000)}), tmp_path / "good.parquet")
    with pytest.raises(BatchError, match=r"(?i)constraint"):
        table.append("a", tmp_path / "bad.parquet")
    assert count(engine) == count(engine, "cm_prediction_shards") == 0
    assert table.append("a", tmp_path / "good.parquet") == 6_000


def test_of_two_who_append_the_same_shard_one_does(engine: Engine, shard: Path) -> None:
    appended: list[int] = []
    tables = [PredictionTable(engine, "answers", SCHEMA) for _ in range(2)]
    threads = [Thread(target=lambda it=it: appended.append(it.append("a", shard))) for it in tables]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (sorted(appended), count(engine)) == ([0, 2], 2)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"id": pa.int64()}, "has the columns .*, and the predictions id;"),
        (
            {**{field.name: field.type for field in SCHEMA}, "id": pa.string()},
            "'id' holds whole numbers, and the predictions text",
        ),
    ],
)
def test_a_table_with_other_columns_is_refused(
    engine: Engine, shard: Path, columns: dict[str, pa.DataType], told: str
) -> None:
    PredictionTable(engine, "answers", SCHEMA)
    with pytest.raises(BatchError, match=told):
        PredictionTable(engine, "answers", pa.schema(list(columns.items())))


@pytest.mark.parametrize("url", ["postgresql://cm:hidden@/db", "postgresql://cm@/db?password=hidden"])
def test_a_url_with_a_password_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(BatchError, match=r"holds a password") as raised, opened(url, None):
        pass
    assert "hidden" not in str(raised.value)


def test_a_database_that_does_not_answer_is_told_without_the_password(tmp_path: Path) -> None:
    url = f"postgresql://cm@/none?host={tmp_path}&port=1"
    with (
        pytest.raises(BatchError, match=r"postgresql\+psycopg://cm:\*\*\*@") as raised,
        opened(url, PASSWORD) as engine,
    ):
        PredictionTable(engine, "answers", SCHEMA)
    assert PASSWORD not in str(raised.value)


@pytest.fixture
def given(url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The parameters of a component that writes there, as documents have them."""
    monkeypatch.setenv("CM_SECRET_ANSWERS_PASSWORD", PASSWORD)
    secret = {"password": "${secret:answers-password}"} if "postgresql" in url else {}
    return {"database": url, "table": "answers", "keep": ["id"], "shard_rows": 100, **secret}


def run(model: Model, files: Files, output: Path, given: dict[str, object]) -> object:
    secret = {"password": Secret[str].parse(str(given["password"]))} if "password" in given else {}
    return BatchPredictor(model=model, files=files, predictions=Predictions.at(output), **{**given, **secret})


def test_the_component_writes_what_it_wrote_to_parquet(
    engine: Engine, trained: tuple[Model, Examples], parquet_of: Callable[..., Files], tmp_path: Path,
    given: dict[str, object],
) -> None:  # fmt: skip
    run(trained[0], parquet_of(one=orders(5, 333)), tmp_path / "out", given)
    with engine.connect() as connection:
        found = connection.execute(text("select id, probability from answers")).all()
    wanted = pl.read_parquet(tmp_path / "out" / "*.parquet")
    assert [row[0] for row in found] == wanted["id"].to_list()
    assert [row[1] for row in found] == pytest.approx(wanted["probability"].to_list())


def test_rows_that_come_later_are_appended_alone(
    engine: Engine, trained: tuple[Model, Examples], parquet_of: Callable[..., Files], tmp_path: Path,
    given: dict[str, object],
) -> None:  # fmt: skip
    run(trained[0], parquet_of(one=orders(5, 333)), tmp_path / "first", given)
    run(trained[0], parquet_of(one=orders(5, 333), two=orders(6, 10)), tmp_path / "second", given)
    assert count(engine) == 343


def test_files_of_the_same_bytes_are_rows_of_their_own(
    engine: Engine, trained: tuple[Model, Examples], parquet_of: Callable[..., Files], tmp_path: Path,
    given: dict[str, object],
) -> None:  # fmt: skip
    run(trained[0], parquet_of(one=orders(5, 33), two=orders(5, 33)), tmp_path / "out", given)
    assert (count(engine), len(pl.read_parquet(tmp_path / "out" / "*.parquet"))) == (66, 66)


def test_the_check_holds_only_where_the_table_has_the_job(
    engine: Engine, trained: tuple[Model, Examples], parquet_of: Callable[..., Files], tmp_path: Path,
    given: dict[str, object],
) -> None:  # fmt: skip
    files = parquet_of(one=orders(5, 50))
    digests = {"model": folder_digest(trained[0].path), "files": folder_digest(files.path)}

    def holds(**more: object) -> bool:
        return still_written(parameters={**given, **more}, outputs={}, input_digests=digests)

    assert not holds()
    run(trained[0], files, tmp_path / "out", given)
    assert (holds(), holds(keep=[]), holds(table="other")) == (True, False, False)


def test_a_job_is_complete_only_in_a_table_that_exists(engine: Engine) -> None:
    PredictionTable(engine, "answers", SCHEMA).complete("job", 5)
    assert is_complete(engine, "answers", "job")
    with engine.begin() as connection:
        connection.execute(text("drop table answers"))
    assert not is_complete(engine, "answers", "job")


def test_a_table_that_was_emptied_is_filled_again_once_the_ledger_has_forgotten_it(
    engine: Engine, trained: tuple[Model, Examples], parquet_of: Callable[..., Files], tmp_path: Path,
    given: dict[str, object],
) -> None:  # fmt: skip
    def counts_after(statement: str, attempt: str) -> int:
        with engine.begin() as connection:
            connection.execute(text(statement))
        run(trained[0], rows, tmp_path / attempt, given)
        return count(engine)

    rows = parquet_of(one=orders(5, 33))
    run(trained[0], rows, tmp_path / "first", given)
    emptied = counts_after("delete from answers", "second")
    forgotten = counts_after("delete from cm_prediction_shards where target = 'answers'", "third")
    assert (emptied, forgotten) == (0, 33)
