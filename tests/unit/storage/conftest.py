"""A store on a disk for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.storage.store import PayloadStore


@pytest.fixture
def store(tmp_path: Path) -> PayloadStore:
    return PayloadStore(str(tmp_path / "artifacts"))
