"""The plugin by itself."""

import pytest

from cmcore.testing.plugins import PluginContract


class TestPlugin(PluginContract):
    @pytest.fixture
    def plugin_module(self) -> str:
        return "cmcore_hps.plugin"
