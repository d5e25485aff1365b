"""The plugin contract, kept by the two good plugins and told apart from breaking it."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

from cmcore.errors import PluginError
from cmcore.testing.plugins import PluginContract, libraries_loaded_by

pytestmark = pytest.mark.integration


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder on the path of this interpreter and of those that it starts."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path.cwd())]))
    return tmp_path


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The good plugins on the path of this interpreter and of those that it starts."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(Path.cwd())]))


@pytest.mark.usefixtures("installed")
class TestEcho(PluginContract):
    @pytest.fixture
    def plugin_module(self) -> str:
        return "cmcore_echo.plugin"


@pytest.mark.usefixtures("installed")
class TestFreeze(PluginContract):
    @pytest.fixture
    def plugin_module(self) -> str:
        return "cmcore_freeze.plugin"


def test_a_heavy_import_is_seen(on_path: Path) -> None:
    (on_path / "heavy_options.py").write_text("import sqlalchemy", encoding="utf-8")
    assert "sqlalchemy" in libraries_loaded_by("heavy_options")


def test_a_heavy_import_by_way_of_cmcore_is_seen(on_path: Path) -> None:
    (on_path / "heavy_options.py").write_text("import cmcore.state.engine", encoding="utf-8")
    assert "sqlalchemy" in libraries_loaded_by("heavy_options")


def test_a_light_import_is_no_complaint(on_path: Path) -> None:
    source = """
        import decimal, pydantic, cmcore.resources
        print("a plugin may print here")
    """
    (on_path / "light_options.py").write_text(dedent(source), encoding="utf-8")
    assert libraries_loaded_by("light_options") == []


def test_a_module_that_does_not_import_alone_is_explained(on_path: Path) -> None:
    (on_path / "lame_options.py").write_text("import no_such_module_here", encoding="utf-8")
    with pytest.raises(PluginError, match=r"(?s)importing lame_options alone failed.*no_such_module_here"):
        libraries_loaded_by("lame_options")
