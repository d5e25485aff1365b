"""What observers got wrong is kept from the last run to the doctor."""

from __future__ import annotations

from pathlib import Path

from cmcore.events import Event, EventKind
from cmcore.hooks.faults import keep, recalled
from cmcore.hooks.observers import ObserverFault

FAULT = ObserverFault(
    plugin="noisy", distribution="cmcore-noisy", event=Event(kind=EventKind.RUN_STARTED, at=1.0, seq=7), reason="broke"
)


def test_a_fault_is_recalled_with_its_event_and_reason(tmp_path: Path) -> None:
    keep(tmp_path / "faults.json", [FAULT])
    assert [(it.plugin, it.message) for it in recalled(tmp_path / "faults.json")] == [
        ("noisy", "in the last run, plugin 'noisy' (cmcore-noisy) at event 7 (run.started): broke")
    ]


def test_a_run_without_faults_clears_what_was_kept(tmp_path: Path) -> None:
    keep(tmp_path / "faults.json", [FAULT])
    keep(tmp_path / "faults.json", [])
    assert recalled(tmp_path / "faults.json") == []


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('[{"plugin"')
    assert recalled(tmp_path / "faults.json") == []


def test_a_folder_that_cannot_be_written_fails_nobody(tmp_path: Path) -> None:
    keep(tmp_path / "not there" / "faults.json", [FAULT])
    assert recalled(tmp_path / "not there" / "faults.json") == []
