"""Attempts in the driver's own process: what they print is kept, and waiting for them costs nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cmcore import component
from cmcore.address import Address
from cmcore.runtime.inprocess import InProcessLauncher
from cmcore.runtime.job import Storage
from cmcore.runtime.logs import log_path
from cmcore.testing.launcher import job_for


@component
def says() -> None:
    print("said in process")


def test_what_is_printed_is_kept_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = job_for(says, Storage(root=str(tmp_path / "artifacts")), tmp_path / "work")
    InProcessLauncher(folder=tmp_path, logs=tmp_path / "logs").submit(job, says.work)
    kept = log_path(tmp_path / "logs", Address.parse(job.address)).read_text(encoding="utf-8")
    assert (kept, capsys.readouterr().out) == ("said in process\n", "said in process\n")


def test_waiting_for_nothing_uses_no_processor(tmp_path: Path) -> None:
    began = time.process_time()
    InProcessLauncher(folder=tmp_path).heard(0.05)
    assert time.process_time() - began < 0.04


def test_a_wake_ends_the_wait(tmp_path: Path) -> None:
    launcher = InProcessLauncher(folder=tmp_path)
    launcher.wake()
    began = time.monotonic()
    launcher.heard(10)
    assert time.monotonic() - began < 5
