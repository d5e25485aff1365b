"""The project of words, committed and with data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.provenance.project_of_words import Loud, committed, copied


@pytest.fixture
def loud(tmp_path: Path) -> Loud:
    """The project, committed, with data."""
    project = committed(copied(tmp_path / "loud"))
    project.say("hello")
    return project
