"""Which URLs are accepted, and what a connection is set to."""

from __future__ import annotations

import pytest

from cmcore.errors import ConfigError
from cmcore.state.database import StateDatabase
from cmcore.state.engine import parse


@pytest.mark.parametrize("url", ["postgresql://ana@box/state", "postgresql+psycopg://ana@box/state"])
def test_postgresql_is_spoken_to_by_psycopg(url: str) -> None:
    assert parse(url).drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///relative.db", "mysql://box/state", "postgresql+asyncpg://b/s"])
def test_other_urls_are_refused_with_the_two_that_work(url: str) -> None:
    with pytest.raises(ConfigError, match=r"write sqlite:////absolute/path/state\.db or postgresql://"):
        parse(url)


@pytest.mark.parametrize("url", ["", "state.db", "::"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        parse(url)


@pytest.mark.parametrize("url", ["mysql://ana:canary@box/state", "mysql://box/state?password=canary"])
def test_a_password_is_never_shown(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)]
)
def test_a_connection_is_set_to(database: StateDatabase, pragma: str, value: object) -> None:
    with database.reading() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value
