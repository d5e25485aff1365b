"""The tracker keeps to the contract on a folder of files and on SQLite; servers are in the integration tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cmcore.testing.tracker import Seen, TrackerContract
from cmcore.tracking.tracker import Memory, Tracker
from cmcore_mlflow.testing import View
from cmcore_mlflow.tracker import mlflow_tracker

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own warnings


class TestMlflow(TrackerContract):
    @pytest.fixture
    def opened(self, view: View, tmp_path: Path) -> Callable[[Memory], Tracker]:
        return lambda memory: mlflow_tracker(memory, tmp_path, uri=view.uri)

    @pytest.fixture
    def shown(self, view: View) -> Callable[[str], Sequence[Seen]]:
        return view.shown

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Callable[[Memory], Tracker]:
        return lambda memory: mlflow_tracker(memory, tmp_path, uri="http://127.0.0.1:9")
