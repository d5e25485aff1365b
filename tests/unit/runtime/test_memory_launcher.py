from __future__ import annotations

import pytest

from cmcore.runtime.launcher import Launcher
from cmcore.testing.launcher import LauncherContract, MemoryLauncher


class TestMemoryLauncher(LauncherContract):
    @pytest.fixture
    def launcher(self) -> Launcher:
        return MemoryLauncher()
