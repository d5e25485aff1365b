"""What test processes do to a store of versions: open it, take a snapshot, tidy up. Run as `work.py WORD STORE ...`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from cmcore.datasets.names import Reference
from cmcore.datasets.store import About, Datasets
from cmcore.datasets.tables import DATASETS_BRANCH
from cmcore.lineage.open import open_lineage
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH

HOURS_LATER_S = 7200.0


@contextmanager
def opened(home: Path, url: str, clock: Callable[[], float] = time.time) -> Iterator[Datasets]:
    """A store with a real lineage, as a project has it."""
    database = StateDatabase.open(url, branches=[STATE_BRANCH, DATASETS_BRANCH])
    lineage = open_lineage(f"sqlite:///{home}/metadata.db", home / "blobs")
    try:
        yield Datasets(database, root=home / "data", lineage=lineage, project="shop", actor="ada", clock=clock)
    finally:
        lineage.close()
        database.close()


def later() -> float:
    """A clock by which everything is old enough to be collected."""
    return time.time() + HOURS_LATER_S


def go(*processes: Popen[str]) -> None:
    """Give processes that are ready the word."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def main(word: str, home: str, url: str, folder: str = "", name: str = "shop") -> None:
    """Take one snapshot, or collect until told to stop; `ready` is printed, and the word to go awaited."""
    with opened(Path(home), url) as datasets:
        print("ready", flush=True)
        sys.stdin.readline()
        match word:
            case "snapshot":
                made = datasets.snapshot(Path(folder), name, About(message=folder))
                print(made.version.version, flush=True)
            case "checkout":
                datasets.checkout(datasets.get(Reference.parse(name)), Path(folder))
            case "collect":
                while True:
                    datasets.collect()


if __name__ == "__main__":
    main(*sys.argv[1:])
