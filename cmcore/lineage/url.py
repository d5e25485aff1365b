"""StoreUrl: where the metadata store is. Passwords are parsed here and shown nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cmcore.errors import ConfigError

FORMS = "sqlite:////abs/path/metadata.db, mysql://user:pw@host:port/db or postgresql://user:pw@host:port/db"


class Engine(StrEnum):
    """The databases that ML-Metadata can live in."""

    SQLITE = "sqlite"
    MYSQL = "mysql"
    POSTGRESQL = "postgresql"


DEFAULT_PORTS = {Engine.SQLITE: 0, Engine.MYSQL: 3306, Engine.POSTGRESQL: 5432}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUrl:
    """A parsed URL; `database` is the absolute path for SQLite. `str` leaves the password out."""

    engine: Engine
    database: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> StoreUrl:
        """Raises ConfigError naming the three forms for anything else; the URL itself is not repeated."""
        try:
            parts = urlsplit(url)
            engine, port = Engine(parts.scheme), parts.port
        except ValueError as error:
            raise ConfigError(f"the lineage URL cannot be used: {error}; expected {FORMS}") from error
        if engine is Engine.SQLITE:
            return cls(engine=engine, database=_absolute_path(url.removeprefix("sqlite://")))
        database = unquote(parts.path.removeprefix("/"))
        if not parts.hostname or not database:
            raise ConfigError(f"the lineage URL names no host or no database; expected {FORMS}")
        return cls(
            engine=engine,
            database=database,
            host=parts.hostname,
            port=port or DEFAULT_PORTS[engine],
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def __str__(self) -> str:
        if self.engine is Engine.SQLITE:
            return f"sqlite:///{self.database}"
        return f"{self.engine}://{self.user}@{self.host}:{self.port}/{self.database}"


def _absolute_path(text: str) -> str:
    """`//abs/path` as SQLAlchemy writes it (four slashes in all), or `/abs/path`."""
    path = Path("/" + text.lstrip("/")) if text.startswith("//") else Path(text)
    if not path.is_absolute() or "\0" in text or not text.startswith("//"):
        raise ConfigError(f"the lineage URL has no absolute path ({text!r}); expected sqlite:////abs/path/metadata.db")
    return str(path)
