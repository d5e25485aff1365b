"""What `cm plugins` tells."""

from __future__ import annotations

import json

import pytest

from cmcore.errors import PluginError
from cmcore.hooks.report import Severity, doctor, list_rows, show
from tests.unit.hooks.conftest import HEADER, Site, launcher

WITH_OPTIONS = launcher("mine").replace("summary=", 'options="cmcore.resources:Resources", summary=')

COMPONENT = f"""{HEADER}
@hookimpl
def cmcore_providers():
    return [Provider(kind="component", name="Say", spec="cmcore:component_specs/Nowhere.yaml", summary="Says")]
"""


def test_a_row_says_who_gives_what(site: Site) -> None:
    module = site.install("good", launcher("mine"))
    (row,) = [row for row in list_rows(site.discover()) if row["name"] == "good"]
    assert row | {"import_time_s": 0.0} == {
        "name": "good",
        "distribution": "cmcore-good",
        "version": "1.2",
        "module": module,
        "state": "ok",
        "reason": "",
        "api_requires": ">=1.0,<2",
        "hooks": ["cmcore_providers"],
        "providers": ["launcher mine"],
        "import_time_s": 0.0,
    }


def test_rows_are_json(site: Site) -> None:
    site.install("bad", "1 / 0")
    assert json.loads(json.dumps(list_rows(site.discover())))


def test_a_shown_plugin_has_the_schema_of_its_options(site: Site) -> None:
    site.install("good", WITH_OPTIONS)
    assert '"title": "Resources"' in json.dumps(show(site.discover(), "good"))


def test_a_shown_plugin_says_which_options_do_not_load(site: Site) -> None:
    site.install("good", WITH_OPTIONS.replace("resources:", "no_such_module:"))
    assert "No module named 'cmcore.no_such_module'" in json.dumps(show(site.discover(), "good"))


def test_a_broken_plugin_is_shown_with_its_traceback(site: Site) -> None:
    site.install("bad", "1 / 0")
    assert "ZeroDivisionError" in str(show(site.discover(), "bad")["traceback"])


def test_a_plugin_that_is_not_there_is_explained(site: Site) -> None:
    site.install("good", launcher("mine"))
    with pytest.raises(PluginError, match=r"no plugin 'goood'; installed: .*did you mean 'good'"):
        show(site.discover(), "goood")


def test_the_doctor_finds_nothing_wrong_with_a_good_plugin(site: Site) -> None:
    site.install("good", WITH_OPTIONS)
    assert doctor(site.discover()) == []


@pytest.mark.parametrize(
    ("source", "severity", "message"),
    [
        ("1 / 0", Severity.ERROR, "ZeroDivisionError: division by zero"),
        (launcher("mine").replace("threading", "no_such_module"), Severity.ERROR, "No module named 'no_such_module'"),
        (WITH_OPTIONS.replace(":Resources", ":Missing"), Severity.ERROR, "has no attribute 'Missing'"),
        (f"print('hello')\n{launcher('mine')}", Severity.WARNING, r"it prints when imported: 'hello\n'"),
        (COMPONENT, Severity.ERROR, "component 'Say' is not among the installed files"),
    ],
)
def test_the_doctor_finds(site: Site, source: str, severity: Severity, message: str) -> None:
    site.install("bad", source)
    (finding,) = doctor(site.discover())
    assert (finding.severity, message in finding.message) == (severity, True)


def test_the_doctor_finds_a_spec_that_does_not_load(site: Site) -> None:
    package = site.folder / "cmcore_test_plugin_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "Say.yaml").write_text("kind: Component\nname: Say\ncolour: red\n", encoding="utf-8")
    site.install("bad", COMPONENT.replace("cmcore:component_specs/Nowhere.yaml", f"{package.name}:Say.yaml"))
    assert "component 'Say' does not load: DocumentError:" in doctor(site.discover())[0].message


def test_the_doctor_finds_a_slow_import(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmcore.hooks.report.SLOW_IMPORT_S", 0.0)
    site.install("slow", launcher("mine"))
    assert "imports nothing heavy" in doctor(site.discover())[0].message


def test_the_doctor_names_errors_before_warnings(site: Site) -> None:
    site.install("a", f"print('hello')\n{launcher('mine')}")
    site.install("b", "1 / 0")
    assert [finding.plugin for finding in doctor(site.discover())] == ["b", "a"]
