"""Which process holds a lease, and whether it is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest

from cmcore.state.holder import Holder, is_gone, process_status


@pytest.fixture
def ended() -> int:
    """The id of a process that has ended and was waited for."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def zombie() -> Iterator[int]:
    """The id of a process that has ended and was not waited for."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.wait()


def test_this_process_is_not_gone(ana: Holder) -> None:
    assert not is_gone(ana)


def test_a_process_that_ended_is_gone(ana: Holder, ended: int) -> None:
    assert is_gone(replace(ana, pid=ended))


def test_a_zombie_is_gone(ana: Holder, zombie: int) -> None:
    ticks = process_status(zombie)[1]
    namespace = ana.process_started.partition("@")[2]
    assert is_gone(replace(ana, pid=zombie, process_started=f"{ticks}@{namespace}"))


def test_another_process_under_the_same_id_is_not_the_holder(ana: Holder) -> None:
    namespace = ana.process_started.partition("@")[2]
    assert is_gone(replace(ana, process_started=f"1@{namespace}"))


@pytest.mark.parametrize("place", ["host", "boot_id", "process_started"])
def test_a_process_elsewhere_is_never_known_to_be_gone(ana: Holder, ended: int, place: str) -> None:
    assert not is_gone(Holder(**{**asdict(ana), "pid": ended, place: "1@other"}))


def test_a_holder_reads_like_a_sentence(bob: Holder) -> None:
    assert str(bob) == "bob@elsewhere pid 4711"


def test_one_process_is_always_the_same_holder(ana: Holder) -> None:
    assert Holder.this("ana") == ana
