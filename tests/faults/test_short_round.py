"""A short round of the scenarios; `make faults` does all of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.__main__ import QUICK, scenarios
from tests.faults.processes import Place
from tests.faults.synced import Syscall, judge
from tests.faults.tally import Tally, table

pytestmark = pytest.mark.faults
SHORT = replace(QUICK, kills=12, documents=150)


@pytest.fixture(scope="module", autouse=True)
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hundreds of drivers start; they need not compile each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        yield


@pytest.mark.parametrize("name", ["kills", "failpoints", "synced", "resumes", "sleepers", "documents", "plugins"])
def test_no_promise_is_broken(name: str, tmp_path: Path) -> None:
    tally = scenarios(SHORT)[name](tmp_path)
    assert tally.passed, table([tally])
    if tally.skipped:
        pytest.skip(tally.skipped)


def test_a_payload_that_is_synced_too_late_would_be_found(tmp_path: Path) -> None:
    manifest = tmp_path / ".cm/artifacts/run/node/1/files/0.manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.touch()
    calls = [("write", manifest), ("pwrite64", tmp_path / ".cm/metadata.db"), ("fsync", manifest)]
    tally = Tally(name="late")
    judge(tally, Place(folder=tmp_path), [Syscall(name=name, path=str(path)) for name, path in calls])
    assert any("0.manifest.json" in violation.text for violation in tally.violations)
