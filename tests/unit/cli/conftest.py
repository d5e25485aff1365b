"""`cm` called inside the test's own process, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmcore.cli.main import run


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command line came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def cm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Carry out one command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Said:
        code = run(arguments)
        out, err = capsys.readouterr()
        return Said(code=code, out=out, err=err)

    return call
