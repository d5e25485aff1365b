"""How one plugin is examined: each way of being broken has its reason."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from cmcore.hooks.status import PluginState
from tests.unit.hooks.conftest import HEADER, Site, launcher

Reason = Callable[[str], str]

PROVIDERS = HEADER + "@hookimpl\ndef cmcore_providers():\n"


def test_a_good_plugin_is_ok(site: Site) -> None:
    site.install("good", launcher("mine"))
    assert site.status("cmcore-good").state is PluginState.OK


def test_a_good_plugin_is_listed_with_what_it_gives(site: Site) -> None:
    site.install("good", launcher("mine"))
    assert [provider.name for provider in site.status("cmcore-good").providers] == ["mine"]


def test_a_good_plugin_is_listed_with_its_hooks(site: Site) -> None:
    site.install("good", launcher("mine"))
    assert site.status("cmcore-good").hooks == ("cmcore_providers",)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a_library_that_nobody_has", "ModuleNotFoundError: No module named 'a_library_that_nobody_has'"),
        ("def (", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("class Panic(BaseException): pass\nraise Panic('native')", "Panic: native"),
        ("", "CMCORE_API is None, which names no versions"),
        ("CMCORE_API = 1", "CMCORE_API is 1, which names no versions"),
        ("CMCORE_API = ''", "CMCORE_API is '', which names no versions"),
        ("CMCORE_API = '1.0'", 'no version specifier; write CMCORE_API = ">=1.0,<2"'),
        ("CMCORE_API = '>=2'", "written for plugin API >=2, and this cmcore has 1.0"),
        ("CMCORE_API = '<1'", "written for plugin API <1, and this cmcore has 1.0"),
        (HEADER, "implements no hook; there are cmcore_providers"),
        (HEADER + "@hookimpl\ndef cmcore_provider(): ...", "'cmcore_provider'; did you mean 'cmcore_providers'?"),
        (HEADER + "def cmcore_providers(): ...", "cmcore_providers is not marked; put @hookimpl"),
        (HEADER + "@hookimpl\ndef cmcore_event(event, colour): ...", "{'colour'} are declared in the hookimpl"),
        (HEADER + "@hookimpl\nasync def cmcore_event(event): ...", "cmcore_event is a coroutine or generator"),
        (HEADER + "@hookimpl\ndef cmcore_event(event): yield", "cmcore_event is a coroutine or generator"),
        (HEADER + "@hookimpl(wrapper=True)\ndef cmcore_event(event): yield", "cmcore_event is a wrapper"),
        (PROVIDERS + "    raise KeyError('x')", "cmcore_providers failed: KeyError: 'x'"),
        (PROVIDERS + "    raise SystemExit", "cmcore_providers failed: SystemExit"),
        (PROVIDERS + "    return {}", "returned a dict; it must return a list of Provider"),
        (PROVIDERS + "    return None", "returned a NoneType; it must return a list of Provider"),
        (PROVIDERS + "    return ['local']", "returned a str in its list; each must be a Provider"),
        (
            PROVIDERS + "    return [Provider(kind='launcher', name='x', factory='pkg.mod', summary='x')]",
            "Provider.factory: 'pkg.mod' is no import path; write 'package.module:name'",
        ),
        (
            PROVIDERS + "    return [Provider(kind='launchr', name='x', factory='a:b', summary='x')]",
            "Provider.kind: no kind 'launchr'; did you mean 'launcher'?",
        ),
    ],
)
def test_a_broken_plugin_says_why(reason: Reason, source: str, expected: str) -> None:
    assert expected in reason(source)


def test_a_broken_plugin_gives_nothing(site: Site) -> None:
    site.install("bad", PROVIDERS + "    return [1]")
    assert site.status("cmcore-bad").providers == ()


def test_an_import_error_keeps_its_traceback(site: Site) -> None:
    module = site.install("bad", "\n\n1 / 0")
    assert f'{module}.py", line 3' in site.status("cmcore-bad").traceback


def test_an_entry_point_that_names_an_attribute_is_refused(site: Site) -> None:
    site.install("bad", launcher("mine"), target="package.plugin:Plugin")
    assert "'package.plugin:Plugin', which is no module" in site.status("cmcore-bad").reason


def test_an_entry_point_that_is_no_path_is_refused(site: Site) -> None:
    site.install("bad", launcher("mine"), target="package plugin")
    assert "which is no module" in site.status("cmcore-bad").reason


def test_printing_at_import_is_kept_from_the_terminal(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    site.install("loud", f"print('hello')\n{launcher('mine')}")
    site.discover()
    assert capfd.readouterr() == ("", "")


def test_printing_at_import_is_remembered(site: Site) -> None:
    site.install("loud", f"import sys\nprint('hello', file=sys.stderr)\n{launcher('mine')}")
    assert site.status("cmcore-loud").printed == "hello\n"


def test_ctrl_c_while_a_plugin_is_imported_stops_cmcore(site: Site) -> None:
    site.install("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.discover()


def test_factories_are_not_imported_by_discovery(site: Site) -> None:
    site.install("good", launcher("mine").replace("threading:Thread", "xml.sax.saxutils:escape"))
    before = set(sys.modules)
    site.discover()
    assert "xml.sax.saxutils" not in set(sys.modules) - before


def test_a_hook_of_a_newer_api_may_be_marked_optional(site: Site) -> None:
    site.install("good", launcher("mine") + "@hookimpl(optionalhook=True)\ndef cmcore_of_tomorrow(): ...\n")
    assert site.status("cmcore-good").state is PluginState.OK
