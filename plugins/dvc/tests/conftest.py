"""Repositories that DVC 3.67 and 2.58 have made: `dvc init --no-scm; dvc add data run.sh`, the workspace deleted."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from cmcore_dvc.format import DvcFormat

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(params=["dvc2", "dvc3"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return copytree(GOLDEN / request.param, tmp_path / "repository")


@pytest.fixture
def dvc() -> DvcFormat:
    return DvcFormat()
