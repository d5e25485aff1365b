"""Observers on the real journal, and after a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cmcore.events import Event, EventKind
from cmcore.hooks.deadline import Observer
from cmcore.hooks.observers import BATCH, Delivery
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal

pytestmark = pytest.mark.integration

EVENTS = 3 * BATCH
KILLED_AT = BATCH + BATCH // 2
PROGRAM = """
import os, signal, sys
from cmcore.hooks.deadline import Observer
from cmcore.hooks.observers import Delivery
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal

diary = open(sys.argv[2], "a", buffering=1)

def note(event):
    print(event.seq, file=diary)
    if event.seq == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

observer = Observer(plugin="diary", distribution="", call=note)
delivery = Delivery(Journal(StateDatabase.open(sys.argv[1])), [observer], report=print)
delivery.start()
delivery.close(60)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A state database with events in its log."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    database = StateDatabase.open(url)
    Journal(database).append([Event(kind=EventKind.NODE_FINISHED, at=0.0)] * EVENTS, lease=None)
    database.close()
    return url


def deliver(url: str, diary: Path, *, killed_at: int = 0) -> int:
    """Deliver in a process of its own; its exit status."""
    arguments = [sys.executable, "-c", PROGRAM, url, str(diary), str(killed_at)]
    return subprocess.run(arguments, check=False).returncode


def test_the_journal_is_an_event_log(url: str) -> None:
    database, seen = StateDatabase.open(url), list[int]()
    observer = Observer(plugin="diary", distribution="", call=lambda event: seen.append(event.seq))
    delivery = Delivery(Journal(database), [observer], report=print)
    delivery.start()
    delivery.close(60)
    database.close()
    assert seen == list(range(1, EVENTS + 1))


def test_what_was_delivered_does_not_come_again(url: str, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    assert [deliver(url, diary), deliver(url, diary)] == [0, 0]
    assert diary.read_text(encoding="utf-8").split() == [str(seq) for seq in range(1, EVENTS + 1)]


def test_after_a_kill_delivery_goes_on_from_the_last_cursor(url: str, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    assert [deliver(url, diary, killed_at=KILLED_AT), deliver(url, diary)] == [-signal.SIGKILL, 0]
    expected = [*range(1, KILLED_AT + 1), *range(BATCH + 1, EVENTS + 1)]
    assert diary.read_text(encoding="utf-8").split() == [str(seq) for seq in expected]
