"""Bad plugins, installed from wheels as a user would: each is named with its reason, and the good ones work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import JsonValue

pytestmark = pytest.mark.integration
Ask = Callable[[str], JsonValue]
RAISED = " at event 1 (node.finished): cmcore_event failed: RuntimeError: cannot bear node.finished"
HUNG = " at event 1 (node.finished): cmcore_event did not return within 0.5 s"


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        ("import-error", "ModuleNotFoundError: No module named 'cmcore_a_library_that_nobody_has'"),
        ("old-api", "it was written for plugin API >=0.1,<1, and this cmcore has 1.0"),
        ("misspelt-hook", "there is no hook 'cmcore_provider'; did you mean 'cmcore_providers'?"),
        ("thief", "launcher 'echo' is already given by plugin 'echo' (cmcore-echo 1.0)"),
        ("exits", "importing cmcore_exits.plugin failed: SystemExit: 3"),
    ],
)
def test_the_doctor_names_a_bad_plugin_with_its_reason(ask: Ask, plugin: str, reason: str) -> None:
    assert reason in str(ask(f"[finding.message for finding in doctor(plugins) if finding.plugin == {plugin!r}]"))


def test_the_doctor_finds_nothing_else(ask: Ask) -> None:
    assert ask("sorted({finding.distribution for finding in doctor(plugins)})") == [
        "cmcore-exits",
        "cmcore-import-error",
        "cmcore-misspelt-hook",
        "cmcore-old-api",
        "cmcore-thief",
    ]


def test_good_plugins_are_listed_as_ok(ask: Ask) -> None:
    assert ask("[row['name'] for row in list_rows(plugins) if row['state'] == 'ok']") == [
        "echo",
        "freeze",
        "hanging-observer",
        "raising-observer",
    ]


def test_a_factory_of_a_good_plugin_loads(ask: Ask) -> None:
    assert ask("plugins.load(plugins.provider('launcher', 'echo')).__qualname__") == "EchoLauncher"


def test_a_packaged_spec_is_found(ask: Ask) -> None:
    assert ask("plugins.spec_path(plugins.provider('component', 'Say')).name") == "Say.yaml"


def test_discovery_imports_no_factory_and_no_options(ask: Ask) -> None:
    assert ask("sorted(module for module in sys.modules if module.startswith('cmcore_echo'))") == [
        "cmcore_echo",
        "cmcore_echo.plugin",
    ]


def test_a_shown_plugin_has_the_schema_of_its_options(ask: Ask) -> None:
    assert "volume_percent" in str(ask("show(plugins, 'echo')"))


def test_a_guard_refuses_a_frozen_pipeline(ask: Ask) -> None:
    request = "RunRequest(run='r1', pipeline='flights', parameters={}, nodes=())"
    assert ask(f"plugins.refusal({request})") == (
        "plugin 'freeze' (cmcore-freeze 1.0) refuses run 'r1': pipeline 'flights' is frozen"
    )


def test_an_observer_that_raises_is_reported(ask: Ask) -> None:
    told = ask("[fault for fault in delivered()['faults'] if 'raising' in fault]")
    assert told == [f"plugin 'raising-observer' (cmcore-raising-observer){RAISED}"]


def test_an_observer_that_hangs_is_reported(ask: Ask) -> None:
    told = ask("[fault for fault in delivered()['faults'] if 'hanging' in fault]")
    assert told == [f"plugin 'hanging-observer' (cmcore-hanging-observer){HUNG}"]


def test_beside_bad_observers_the_good_one_gets_everything(ask: Ask) -> None:
    assert ask("delivered()['tallies']") == {
        "freeze": {"delivered": 3, "dropped": 0, "left": 0},
        "raising-observer": {"delivered": 0, "dropped": 3, "left": 0},
        "hanging-observer": {"delivered": 0, "dropped": 1, "left": 2},
    }
