"""Who may import what, beyond the layers that import-linter checks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "cmcore").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    given = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in plain | given}


def test_one_file_imports_ml_metadata() -> None:
    assert [path.name for path in MODULES if "ml_metadata" in imported(path)] == ["mlmd.py"]


@pytest.mark.parametrize("library", ["grpc", "google"])
def test_nobody_imports_what_ml_metadata_stands_on(library: str) -> None:
    assert [path for path in MODULES if library in imported(path)] == []


def test_mocks_are_not_used() -> None:
    tests = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "plugins").rglob("tests/**/*.py")]
    named = [path for path in tests if path != Path(__file__)]
    assert [path for path in named if "unittest.mock" in path.read_text(encoding="utf-8")] == []
