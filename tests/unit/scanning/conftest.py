"""Folders made of a case's files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Laid = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture
def laid(tmp_path: Path) -> Laid:
    """Write files into a fresh folder."""

    def write(files: Mapping[str, bytes]) -> Path:
        folder = tmp_path / "model"
        for name, content in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return folder

    return write
