"""The suites of plugins and of data formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore.datasets.format import DataFormat
from cmcore.testing.data_format import DataFormatContract
from cmcore.testing.plugins import PluginContract
from cmcore_dvc.format import DvcFormat


class TestPlugin(PluginContract):
    @pytest.fixture
    def plugin_module(self) -> str:
        return "cmcore_dvc.plugin"


class TestDvc(DataFormatContract):
    @pytest.fixture
    def data_format(self) -> DataFormat:
        return DvcFormat()

    @pytest.fixture
    def foreign(self, repository: Path) -> Path:
        return repository

    @pytest.fixture
    def damage(self, foreign: Path) -> Callable[[], None]:
        def spoil() -> None:
            kept = next(file for file in foreign.rglob("04a220708aa59433ba410986cd4ffa") if file.is_file())
            kept.chmod(0o644)
            kept.write_bytes(b"#!/bin/sh\necho jello\n")

        return spoil
