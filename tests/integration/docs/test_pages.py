"""The tutorials, the how-tos and the README do what they say: every block is run, every stated output compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.docs.page import Reader

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "tutorials").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]


@pytest.mark.integration
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reader_who_follows_the_page_sees_what_it_says(page: Path, tmp_path: Path) -> None:
    differences = list(Reader(tmp_path, page.stem).follow(page.read_text(encoding="utf-8")))
    assert not differences, f"{page.name}:\n" + "\n\n".join(map(str, differences))
