"""cmcore's model registry beside MLflow's, on the same kind of database in the same run, operation by operation."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from benchmarks.process import PYTHON, REPOSITORY, BenchmarkError, environment
from benchmarks.registry_server import postgresql

Say = Callable[[str], None]
Timings = Mapping[str, tuple[float, ...]]
SIDES = ("cmcore", "mlflow")
VERSIONS = 10_000
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true"}
TIMES = {"register": 20, "alias": 50, "band": 3, "metric": 3, "everything": 1}  # in each round


class Side:
    """A registry in a process of its own, filled and waiting."""

    def __init__(self, name: str, url: str, *, versions: int) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 # closed with the process
        command = [PYTHON, "-m", "benchmarks.registry_side", name, url, str(versions)]
        self._process = subprocess.Popen(  # noqa: S603 # our own module
            command, cwd=REPOSITORY, env=environment(QUIET), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._said, text=True,
        )  # fmt: skip
        self._name = f"{name} at {url}"
        self._answer()

    def take(self, operation: str, times: int) -> list[float]:
        """The milliseconds of each time."""
        assert self._process.stdin
        self._process.stdin.write(f"{operation} {times}\n")
        self._process.stdin.flush()
        found: list[float] = json.loads(self._answer())
        return found

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def _answer(self) -> str:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(("ready", "[")):  # libraries may print what they like
                return line
        self._said.seek(0)
        raise BenchmarkError(f"{self._name} ended: {self._said.read().decode(errors='replace')[-2000:]}")


def registries(rounds: int, say: Say, *, versions: int = VERSIONS) -> dict[str, Timings]:
    """Milliseconds of each operation, by `DATABASE SIDE`; a database that is not installed is left out."""
    with postgresql() as server, tempfile.TemporaryDirectory(prefix="benchmark-registry-") as folder:
        files = {side: f"sqlite:///{folder}/{side}.db" for side in SIDES}
        found = compared("SQLite", files, rounds, say, versions)
        if server is None:
            say("no PostgreSQL here: registries on SQLite only")
            return found
        urls = {side: f"postgresql+psycopg://{server.made(side)}" for side in SIDES}
        return found | compared("PostgreSQL", urls, rounds, say, versions, filled=server.analyze)


def compared(
    database: str,
    urls: Mapping[str, str],
    rounds: int,
    say: Say,
    versions: int,
    filled: Callable[[], None] = lambda: None,
) -> dict[str, Timings]:
    """Both registries on one kind of database: each operation in turn, so that a busy moment hits both alike."""
    taken: dict[str, dict[str, list[float]]] = {f"{database} {side}": {name: [] for name in TIMES} for side in SIDES}
    with ExitStack() as stack:
        sides: dict[str, Side] = {}
        for name, url in urls.items():
            say(f"registry of {name} on {database}: writing {versions} versions")
            sides[name] = stack.enter_context(closing(Side(name, url, versions=versions)))
        filled()
        for number in range(rounds):
            say(f"registries on {database}, {number + 1} of {rounds}")
            for operation, times in TIMES.items():
                for name, side in sides.items():
                    taken[f"{database} {name}"][operation] += side.take(operation, times)
    return {name: {key: tuple(all_of) for key, all_of in found.items()} for name, found in taken.items()}


@contextmanager
def closing(side: Side) -> Iterator[Side]:
    """The side, ended afterwards."""
    try:
        yield side
    finally:
        side.close()
