"""`python -m tests.faults`: break it everywhere and print what was lost, duplicated, run again and left behind."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults.crowd import many_drivers, sleeping_drivers, two_resumes
from tests.faults.documents import malformed_documents
from tests.faults.failpoints import failpoint_kills
from tests.faults.kills import random_kills
from tests.faults.plugins import bad_plugins
from tests.faults.restarts import server_restarts
from tests.faults.synced import synced_before_recorded
from tests.faults.tally import Tally, as_json, table

Scenario = Callable[[Path], Tally]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything is done; the seed makes the moments of the kills the same again."""

    kills: int = 200
    every_pass: bool = True
    restarts: int = 20
    drivers: int = 8
    runs: int = 20
    pairs: int = 10
    documents: int = 5_000
    demo: bool = True
    seed: int = 2


QUICK = Size(kills=20, every_pass=False, restarts=4, drivers=4, runs=3, pairs=2, documents=300, demo=False)


def scenarios(size: Size) -> Mapping[str, Scenario]:
    """Every scenario by the name that `--only` takes."""
    return {
        "kills": lambda folder: random_kills(folder, size.kills, size.seed),
        "failpoints": lambda folder: failpoint_kills(folder, size.every_pass),
        "synced": synced_before_recorded,
        "postgresql": lambda folder: server_restarts(folder, "postgresql", size.restarts, size.seed),
        "mariadb": lambda folder: server_restarts(folder, "mariadb", size.restarts, size.seed),
        "crowd-sqlite": lambda folder: many_drivers(folder, "sqlite", size.drivers, size.runs),
        "crowd-postgresql": lambda folder: many_drivers(folder, "postgresql", size.drivers, size.runs),
        "crowd-mariadb": lambda folder: many_drivers(folder, "mariadb", size.drivers, size.runs),
        "resumes": lambda folder: two_resumes(folder, size.pairs),
        "sleepers": lambda folder: sleeping_drivers(folder, size.every_pass),
        "documents": lambda folder: malformed_documents(folder, size.documents, size.seed),
        "plugins": lambda folder: bad_plugins(folder, demo=size.demo),
    }


def carried_out(names: Sequence[str], found: Mapping[str, Scenario], folder: Path) -> list[Tally]:
    """One scenario after the other, each in a folder of its own."""
    tallies = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        began = time.monotonic()
        (folder / name).mkdir()
        tally = found[name](folder / name)
        tally.took_s = time.monotonic() - began
        tallies.append(tally)
    return tallies


def main(words: Sequence[str]) -> int:
    """1 where a promise was broken; the folder is kept then, to look at."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few of everything, in some minutes")
    parser.add_argument("--only", action="append", metavar="NAME", choices=list(scenarios(QUICK)), help="one scenario")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seed", type=int, default=Size().seed, help="another seed, other moments")
    given = parser.parse_args(words)
    found = scenarios(replace(QUICK if given.quick else Size(), seed=given.seed))
    folder = Path(tempfile.mkdtemp(prefix="cm-faults-"))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of drivers start; they need not compile each time
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    tallies = carried_out(given.only or list(found), found, folder)
    print(as_json(tallies) if given.json else table(tallies))
    if all(tally.passed for tally in tallies):
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    print(f"what is left of it: {folder}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
