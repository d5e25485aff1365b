"""Folders to take versions of, and what lies in them; the time at which tests take place."""

from __future__ import annotations

from pathlib import Path

NOW = 2_000_000_000.0  # later than any file of a test was written


def write(folder: Path, content: dict[str, str | bytes]) -> Path:
    """Write files, and make the folders that they need."""
    for name, held in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(held.encode() if isinstance(held, str) else held)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
