"""URLs of metadata stores."""

from __future__ import annotations

import pytest

from cmcore.errors import ConfigError
from cmcore.lineage.url import Engine, StoreUrl


def test_sqlite_names_an_absolute_path() -> None:
    assert StoreUrl.parse("sqlite:////srv/cm/metadata.db").database == "/srv/cm/metadata.db"


def test_a_server_is_taken_apart() -> None:
    assert StoreUrl.parse("postgresql://ada:p%40ss@db.example:6543/lineage") == StoreUrl(
        engine=Engine.POSTGRESQL, host="db.example", port=6543, user="ada", password="p@ss", database="lineage"
    )


@pytest.mark.parametrize(("scheme", "port"), [("mysql", 3306), ("postgresql", 5432)])
def test_ports_have_defaults(scheme: str, port: int) -> None:
    assert StoreUrl.parse(f"{scheme}://ada@db/lineage").port == port


@pytest.mark.parametrize(
    "url",
    ["", "metadata.db", "sqlite:///metadata.db", "oracle://db/x", "mysql://db", "mysql:///x", "mysql://a:b@c:d/x"],
)
def test_other_urls_are_refused_with_the_forms(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:////abs/path"):
        StoreUrl.parse(url)


def test_the_password_is_not_shown() -> None:
    url = StoreUrl.parse("mysql://ada:canary@db/lineage")
    assert "canary" not in f"{url} {url!r}"
