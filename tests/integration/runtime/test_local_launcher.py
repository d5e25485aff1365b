from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.runtime.launcher import Launcher
from cmcore.runtime.local import LocalLauncher
from cmcore.testing.launcher import LauncherContract

pytestmark = pytest.mark.integration


class TestLocalLauncher(LauncherContract):
    @pytest.fixture
    def launcher(self, tmp_path: Path) -> Iterator[Launcher]:
        launcher = LocalLauncher(logs=tmp_path / "logs", folder=tmp_path)
        yield launcher
        launcher.close()
