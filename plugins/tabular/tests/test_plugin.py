from __future__ import annotations

import pytest

import cmcore_tabular
from cmcore import Component
from cmcore.testing.plugins import PluginContract
from cmcore_tabular.plugin import COMPONENTS


class TestTabular(PluginContract):
    @pytest.fixture
    def plugin_module(self) -> str:
        return "cmcore_tabular.plugin"


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_component_is_an_attribute_of_the_package(name: str) -> None:
    component = vars(cmcore_tabular).get(name) or cmcore_tabular.__getattr__(name)
    assert isinstance(component, Component)
    assert component.name == name


def test_other_attributes_are_refused() -> None:
    with pytest.raises(AttributeError, match="components: CsvExampleGen"):
        cmcore_tabular.__getattr__("CsvExampelGen")
