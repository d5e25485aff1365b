"""The pictures of the layers are those that the import contracts check."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS = [sorted(re.findall(r"\w+", row)) for row in CONTRACTS[0]["layers"]]
ARCHITECTURE = ROOT / "docs" / "explanation" / "architecture.md"


def drawn(page: Path) -> list[list[str]]:
    """The rows of the first picture of a page; what stands far to the right is a remark."""
    picture = page.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    rows = [re.split(r" {12,}", line.strip())[0] for line in picture.splitlines() if "─" not in line]
    return [sorted(re.findall(r"\w+", row)) for row in rows]


@pytest.mark.parametrize("page", [ARCHITECTURE, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_the_picture_shows_the_layers_of_the_contract(page: Path) -> None:
    assert drawn(page) == LAYERS


def test_every_package_has_its_sentence() -> None:
    described = re.findall(r"^\| `(\w+)` \| [A-Z`]", ARCHITECTURE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(described) == sorted(name for row in LAYERS for name in row)
