"""The documentation builds strictly, as a site that needs nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOADED = re.compile(rb"""<(?:script|img|iframe)[^>]+src=["']?https?://|<link[^>]+rel=["']?stylesheet[^>]+https?://""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return target


@pytest.mark.integration
def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    assert [page.name for page in site.rglob("*.html") if LOADED.search(page.read_bytes())] == []


@pytest.mark.integration
@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("reference/cli", "cm resume"),
        ("reference/settings", "stack.lineage"),
        ("reference/documents", "on_failure"),
        ("reference/failure-codes", "OUTPUT_NAN"),
        ("reference/plugin-api", "cmcore_run_refusal"),
        ("reference/api/components", "OutputArtifact"),
    ],
)
def test_the_references_are_made_from_the_code(site: Path, page: str, text: str) -> None:
    assert text in (site / page / "index.html").read_text(encoding="utf-8")
