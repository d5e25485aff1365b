"""PluginContract: what every plugin must keep, as tests for its author to inherit. Kinds have contracts of their own.

class TestMine(PluginContract):
    @pytest.fixture
    def plugin_module(self) -> str:
        return "cmcore_mine.plugin"
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from cmcore.components.library import load_spec
from cmcore.errors import PluginError
from cmcore.hooks.border import in_one_line, plugin_border
from cmcore.hooks.examination import examine, fitting_api
from cmcore.hooks.loading import factory, options_model
from cmcore.hooks.provider import Provider
from cmcore.hooks.status import Candidate, PluginState, PluginStatus

SUMMARY_LENGTH = 100
LIGHT = frozenset({"cmcore", "yaml", "_yaml"})  # cmcore reads documents with yaml
IMPORTS = """
import sys
from importlib import import_module
import cmcore.hooks
before = {module.partition(".")[0] for module in sys.modules}
import_module(sys.argv[1])
print(*sorted({module.partition(".")[0] for module in sys.modules} - before - set(sys.stdlib_module_names)))
"""


class PluginContract:
    """Tests of one plugin by itself; a subclass gives the module that its entry point names."""

    @pytest.fixture
    def plugin_module(self) -> str:
        """The import path of the plugin's module."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture plugin_module")

    @pytest.fixture
    def candidate(self, plugin_module: str) -> Candidate:
        """The plugin as if it were installed."""
        return Candidate(name=plugin_module, distribution="", version="", module=plugin_module)

    @pytest.fixture
    def status(self, candidate: Candidate) -> PluginStatus:
        """The plugin after its examination."""
        return examine(candidate).status

    def test_discovery_finds_nothing_wrong(self, status: PluginStatus) -> None:
        assert (status.state, status.reason) == (PluginState.OK, "")

    def test_the_module_says_which_plugin_api_it_is_for(self, plugin_module: str) -> None:
        assert fitting_api(import_module(plugin_module))

    def test_importing_the_module_prints_nothing(self, status: PluginStatus) -> None:
        assert status.printed == ""

    def test_importing_the_module_loads_no_other_library(self, plugin_module: str) -> None:
        assert libraries_loaded_by(plugin_module) == []

    def test_importing_options_loads_no_other_library(self, status: PluginStatus) -> None:
        modules = {provider.options.partition(":")[0] for provider in status.providers if provider.options}
        assert {module: libraries_loaded_by(module) for module in modules} == {module: [] for module in modules}

    def test_options_have_a_json_schema(self, status: PluginStatus, candidate: Candidate) -> None:
        assert [_schema_problem(provider, candidate) for provider in status.providers if provider.options] == [
            "" for provider in status.providers if provider.options
        ]

    def test_factories_load(self, status: PluginStatus, candidate: Candidate) -> None:
        assert all(factory(provider, candidate) for provider in status.providers if provider.factory)

    def test_component_specs_load_with_their_executors(self, status: PluginStatus) -> None:
        components = [provider for provider in status.providers if provider.spec]
        assert [load_spec(provider.spec).spec.name for provider in components] == [
            provider.name for provider in components
        ]

    def test_summaries_fit_on_a_line(self, status: PluginStatus) -> None:
        assert [provider.summary for provider in status.providers if len(provider.summary) > SUMMARY_LENGTH] == []


def libraries_loaded_by(module: str) -> list[str]:
    """The top-level packages that a module's import loads in a fresh interpreter, beyond the standard library's,
    its own, and what `cmcore.hooks` (with pydantic) loads anyway; raises PluginError where it does not import.
    """
    finished = subprocess.run(  # noqa: S603  # this interpreter, and a module that the author named
        [sys.executable, "-c", IMPORTS, module], capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise PluginError(f"importing {module} alone failed:\n{finished.stderr}")
    printed_last = (finished.stdout.splitlines() or [""])[-1]
    return sorted(set(printed_last.split()) - LIGHT - {module.partition(".")[0]})


def _schema_problem(provider: Provider, candidate: Candidate) -> str:
    """Why its options have no JSON Schema; empty if they have."""
    try:
        model = options_model(provider, candidate)
        with plugin_border(f"options of {provider.kind} {provider.name!r} have no JSON Schema"):
            return "" if model and model.model_json_schema() else "no schema"
    except PluginError as error:
        return in_one_line(error)
