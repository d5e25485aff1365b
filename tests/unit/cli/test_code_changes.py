"""Which files differ between old code and code of now."""

from __future__ import annotations

import json
from pathlib import Path

from cmcore.cli.code_changes import code_changes
from cmcore.pipelines.plan import Code

BEFORE = {"a.py": "1", "b.py": "1", "c.py": "1"}


def kept(folder: Path, digest: str, files: dict[str, str], distributions: dict[str, str]) -> None:
    """Keep a listing as a run does."""
    listing = {"digest": digest, "files": files, "distributions": distributions, "missing": [], "content": {}}
    (folder / f"{digest.removeprefix('sha256:')}.json").write_text(json.dumps(listing))


def test_files_and_distributions_are_compared(tmp_path: Path) -> None:
    kept(tmp_path, "sha256:11", BEFORE, {"numpy": "1"})
    now = Code(digest="sha256:22", files={"a.py": "1", "b.py": "2", "d.py": "1"}, distributions={"numpy": "2"})
    assert code_changes("sha256:11", now, tmp_path) == {
        "b.py": "changed",
        "c.py": "removed",
        "d.py": "added",
        "numpy": "changed",
    }


def test_several_closures_count_together(tmp_path: Path) -> None:
    kept(tmp_path, "sha256:11", {"a.py": "1"}, {})
    kept(tmp_path, "sha256:12", {"b.py": "1"}, {})
    now = Code(digest="x", files={"a.py": "1", "b.py": "2"})
    assert code_changes("sha256:11 sha256:12", now, tmp_path) == {"b.py": "changed"}


def test_code_that_was_not_kept_gives_no_answer(tmp_path: Path) -> None:
    assert code_changes("sha256:11", Code(digest="x", files={"a.py": "1"}), tmp_path) == {}
