"""The proof that the corpora bite: careless handlers fall for them, each for several cases."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.integration.security import weak
from tests.integration.security.arena import Arena
from tests.integration.security.corpus import FILES, NAMES
from tests.integration.security.test_injection import VALUES
from tests.integration.security.test_reading import spelled
from tests.integration.security.watch import watching
from tests.unit.scanning.corpus import HOSTILE, PICKLES, pickled

pytestmark = pytest.mark.integration


READ = {
    "joined": FILES["absolute path"],
    "dots refused": FILES["percent-encoded"],
    "prefix compared": "../deeper-private/x",
    "stripped": "..././../CANARY.txt",
}


@pytest.mark.parametrize("reader", READ)
def test_a_careless_reader_gives_the_canary_away(arena: Arena, reader: str) -> None:
    canary = arena.canaries[2]
    root = canary.path.parent / "sub" / "deeper"
    for folder in (root, root.with_name("deeper-private")):
        folder.mkdir(parents=True, exist_ok=True)
    (root.with_name("deeper-private") / "x").write_text(canary.token)
    found = weak.READERS[reader](root, spelled(arena, READ[reader]))
    canary.rearm()
    assert canary.token.encode() in found


@pytest.mark.parametrize("check", weak.NAME_CHECKS)
def test_a_careless_check_of_names_lets_some_through(check: str) -> None:
    assert len([case for case, name in NAMES.items() if weak.NAME_CHECKS[check](name)]) >= 3


def outside_written(unpacker: Callable[[bytes, Path], object], content: bytes, folder: Path) -> bool:
    """Whether unpacking wrote, or would have written, outside of a folder."""
    with watching() as seen, contextlib.suppress(Exception):
        unpacker(content, folder)
    places = [Path(path).resolve() for path in seen.written if path.startswith("/")]
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    return bool(links) or any(not place.is_relative_to(folder.resolve()) for place in places)


@pytest.mark.parametrize("unpacker", weak.UNPACKERS)
def test_a_careless_unpacker_is_led_outside(tmp_path: Path, unpacker: str) -> None:
    cases = {"zip": ("zip slip", "zip with a backslash"), "tar": ("tar slip", "tar with a symbolic link")}
    wanted = cases[unpacker]
    fallen = set[str]()
    for case, files in HOSTILE.items():
        folder = tmp_path / "a" / "b" / sha256(case.encode()).hexdigest()[:8]
        folder.mkdir(parents=True)
        if case.startswith(wanted) and outside_written(weak.UNPACKERS[unpacker], next(iter(files.values())), folder):
            fallen.add(case)
    assert len(fallen) == len([case for case in HOSTILE if case.startswith(wanted)])


@pytest.mark.parametrize("scanner", weak.SCANNERS)
def test_a_careless_scan_misses_pickles(scanner: str) -> None:
    scan = weak.SCANNERS[scanner]
    missed = [case for case, files in PICKLES.items() if not any(scan(*file) for file in files.items())]
    assert len(missed) >= 10


def test_loading_to_see_what_it_is_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    weak.loaded(pickled())
    assert (tmp_path / "CANARY_EXECUTED").exists()


def test_checking_and_opening_later_loses_the_race(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "a.txt").write_bytes(b"mine")

    def swap() -> None:
        (tmp_path / "link").rename(tmp_path / "a.txt")

    assert weak.checked_then_opened(tmp_path, "a.txt", swap) == b"secret"


def test_sql_from_texts_finds_other_rows() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE runs (run TEXT, state TEXT)")
    database.execute("INSERT INTO runs VALUES ('mine', 'SUCCEEDED')")
    fallen: list[str] = []
    for value in VALUES:
        with contextlib.suppress(sqlite3.Error, ValueError, sqlite3.Warning):
            fallen += [value] if weak.put_together(database, value) else []
    database.close()
    assert fallen
