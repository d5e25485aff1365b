"""Plugins together: names, lists, strictness, loading, decisions."""

from __future__ import annotations

import threading

import pytest

from cmcore import errors
from cmcore.errors import PluginError
from cmcore.hooks.discovery import Plugins
from cmcore.hooks.specs import RunRequest
from cmcore.hooks.status import PluginState
from tests.unit.hooks.conftest import HEADER, Site, launcher

REQUEST = RunRequest(run="r1", pipeline="flights", parameters={}, nodes=("train",))
REFUSAL = HEADER + "@hookimpl\ndef cmcore_run_refusal(request):\n"

SPEC = 'spec="pkg:Say.yaml"'


def test_plugins_are_in_order_of_name(site: Site) -> None:
    site.install("b", launcher("one"))
    site.install("a", launcher("two"))
    assert [status.name for status in site.discover().statuses if status.distribution in site.names] == ["a", "b"]


def test_a_plugin_name_belongs_to_the_distribution_named_after_it(site: Site) -> None:
    site.install("zap", launcher("theirs"), distribution="aaa")
    site.install("zap", launcher("zap"), distribution="cmcore-zap")
    assert site.status("cmcore-zap").state is PluginState.OK


def test_a_second_plugin_of_one_name_is_broken_and_both_distributions_are_named(site: Site) -> None:
    site.install("zap", launcher("theirs"), distribution="aaa")
    site.install("zap", launcher("zap"), distribution="cmcore-zap")
    assert site.status("aaa").reason == (
        "the plugin name 'zap' is taken by plugin 'zap' (cmcore-zap 1.2); uninstall aaa or cmcore-zap"
    )


def test_denying_one_distribution_settles_a_double_plugin_name(site: Site) -> None:
    site.install("zap", launcher("theirs"), distribution="aaa")
    site.install("zap", launcher("zap"), distribution="cmcore-zap")
    assert site.discover(deny=["cmcore-zap"]).provider("launcher", "theirs").name == "theirs"


def test_the_later_claimant_of_a_provider_name_is_broken_and_both_are_named(site: Site) -> None:
    site.install("a", launcher("same"))
    site.install("b", launcher("same"))
    assert "launcher 'same' is already given by plugin 'a' (cmcore-a 1.2)" in site.status("cmcore-b").reason


def test_the_earlier_claimant_of_a_provider_name_keeps_it(site: Site) -> None:
    site.install("a", launcher("same"))
    site.install("b", launcher("same"))
    plugins = site.discover()
    assert plugins.owner(plugins.provider("launcher", "same")).name == "a"


def test_a_plugin_that_gives_one_name_twice_is_broken(site: Site) -> None:
    twice = launcher("same").replace("return [", "return 2 * [")
    site.install("a", twice)
    assert "launcher 'same' is already given by this same plugin" in site.status("cmcore-a").reason


def test_one_name_in_two_kinds_is_two_names(site: Site) -> None:
    site.install("a", launcher("same"))
    site.install("b", launcher("same").replace('kind="launcher"', 'kind="lineage"'))
    assert site.discover().broken == ()


def test_what_cmcore_brings_keeps_its_names(site: Site) -> None:
    own = site.install("zzz", launcher("local"))
    site.install("aaa", launcher("local"))
    plugins = site.discover(builtin=[own])
    assert plugins.owner(plugins.provider("launcher", "local")).module == own


def test_what_cmcore_brings_can_be_given_as_a_module() -> None:
    assert Plugins.discover(builtin=[errors], allow=[]).statuses[0].name == "cmcore.errors"


def test_what_cmcore_brings_passes_the_same_checks() -> None:
    assert "CMCORE_API is None" in Plugins.discover(builtin=["cmcore.errors"], allow=[]).statuses[0].reason


def test_a_denied_plugin_is_not_imported(site: Site) -> None:
    site.install("bad", "raise SystemExit")
    (status,) = [one for one in site.discover(deny=["bad"]).statuses if one.name == "bad"]
    assert (status.state, status.reason) == (PluginState.DISABLED, "on the deny list")


def test_a_plugin_that_is_not_allowed_is_not_imported(site: Site) -> None:
    site.install("bad", "raise SystemExit")
    (status,) = [one for one in Plugins.discover(builtin=[], allow=["good"]).statuses if one.name == "bad"]
    assert (status.state, status.reason) == (PluginState.DISABLED, "not on the allow list")


def test_a_plugin_can_be_allowed_by_its_name(site: Site) -> None:
    site.install("good", launcher("mine"))
    assert Plugins.discover(builtin=[], allow=["good"]).provider("launcher", "mine").name == "mine"


def test_names_on_lists_are_spelled_as_pip_lets_them_be(site: Site) -> None:
    site.install("good", launcher("mine"))
    assert Plugins.discover(builtin=[], allow=["CMCore_Good"]).provider("launcher", "mine").name == "mine"


def test_a_distribution_without_metadata_is_listed(site: Site) -> None:
    module = site.install("good", launcher("mine"))
    (metadata,) = site.folder.glob("*.dist-info/METADATA")
    metadata.unlink()
    (status,) = [one for one in Plugins.discover(builtin=[], allow=["good"]).statuses if one.module == module]
    assert (status.distribution, status.state) == ("", PluginState.OK)


def test_an_entry_point_that_is_listed_twice_is_one_plugin(site: Site) -> None:
    site.install("good", launcher("mine"))
    (points,) = site.folder.glob("*.dist-info/entry_points.txt")
    points.write_text(points.read_text(encoding="utf-8") * 2, encoding="utf-8")
    assert site.discover().broken == ()


def test_strict_names_every_broken_plugin(site: Site) -> None:
    site.install("bad", "1 / 0")
    site.install("worse", "raise SystemExit")
    with pytest.raises(PluginError, match=r"2 broken(?s:.*)'bad'.*ZeroDivisionError(?s:.*)'worse'.*SystemExit"):
        site.discover(strict=True)


def test_strict_does_not_mind_disabled_plugins(site: Site) -> None:
    site.install("bad", "1 / 0")
    assert site.discover(strict=True, deny=["bad"]).broken == ()


def test_providers_come_in_order_of_kind_and_name(site: Site) -> None:
    site.install("a", launcher("b"))
    site.install("b", launcher("a"))
    site.install("c", launcher("z").replace('kind="launcher"', 'kind="lineage"'))
    assert [provider.name for provider in site.discover().providers()] == ["a", "b", "z"]


def test_providers_of_one_kind(site: Site) -> None:
    site.install("a", launcher("b"))
    site.install("c", launcher("z").replace('kind="launcher"', 'kind="lineage"'))
    assert [provider.name for provider in site.discover().providers("lineage")] == ["z"]


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("launcher", "zat", "no plugin gives launcher 'zat'; installed: zap; did you mean 'zap'?"),
        ("launcher", "kube", "installed: zap. Broken plugins that might: plugin 'bad' (cmcore-bad 1.2): importing"),
        ("launcher", "kube", "Try: pip install cmcore-kube"),
        ("component", "Train", "no plugin gives component 'Train'; installed: none"),
        ("launchr", "zap", "plugins give no kind 'launchr'; did you mean 'launcher'?"),
    ],
)
def test_a_missing_provider_is_explained(site: Site, kind: str, name: str, message: str) -> None:
    site.install("bad", "1 / 0")
    site.install("zap", launcher("zap"))
    with pytest.raises(PluginError) as caught:
        site.discover().provider(kind, name)
    assert message in str(caught.value)


def test_no_distribution_is_advised_where_a_known_name_is_close(site: Site) -> None:
    site.install("zap", launcher("zap"))
    with pytest.raises(PluginError) as caught:
        site.discover().provider("launcher", "zat")
    assert "pip install" not in str(caught.value)


def test_loading_gives_the_factory(site: Site) -> None:
    site.install("a", launcher("mine"))
    plugins = site.discover()
    assert plugins.load(plugins.provider("launcher", "mine")) is threading.Thread


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module_here:X", "No module named 'no_such_module_here'"),
        ("threading:Thraed", "AttributeError: module 'threading' has no attribute 'Thraed'"),
    ],
)
def test_a_factory_that_does_not_load_names_the_plugin_and_the_cause(site: Site, path: str, message: str) -> None:
    site.install("a", launcher("mine").replace("threading:Thread", path))
    plugins = site.discover()
    with pytest.raises(PluginError, match=rf"plugin 'a' \(cmcore-a 1.2\): launcher 'mine' .*{message}"):
        plugins.load(plugins.provider("launcher", "mine"))


def test_a_component_has_no_factory_to_load(site: Site) -> None:
    site.install("a", launcher("Say").replace("launcher", "component").replace('factory="threading:Thread"', SPEC))
    plugins = site.discover()
    with pytest.raises(PluginError, match=r"component 'Say' has no factory; it is the document pkg:Say.yaml"):
        plugins.load(plugins.provider("component", "Say"))


def test_options_that_are_no_model_are_refused(site: Site) -> None:
    site.install("a", launcher("mine").replace("summary=", 'options="threading:Thread", summary='))
    plugins = site.discover()
    with pytest.raises(PluginError, match="options 'threading:Thread' of 'mine' are no pydantic model"):
        plugins.options_model(plugins.provider("launcher", "mine"))


def test_a_provider_without_options_has_no_model(site: Site) -> None:
    site.install("a", launcher("mine"))
    plugins = site.discover()
    assert plugins.options_model(plugins.provider("launcher", "mine")) is None


def test_nobody_refuses_where_nobody_minds(site: Site) -> None:
    site.install("a", REFUSAL + "    return None")
    assert site.discover().refusal(REQUEST) is None


def test_a_reason_refuses_the_run_and_the_first_one_wins(site: Site) -> None:
    site.install("a", REFUSAL + "    return None")
    site.install("b", REFUSAL + "    return f'{request.pipeline} is frozen'")
    site.install("c", REFUSAL + "    return 'never asked'")
    assert site.discover().refusal(REQUEST) == "plugin 'b' (cmcore-b 1.2) refuses run 'r1': flights is frozen"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('x')", "cmcore_run_refusal failed: KeyError: 'x'"),
        ("raise SystemExit", "cmcore_run_refusal failed: SystemExit"),
        ("return True", "cmcore_run_refusal returned a bool; it must return a reason or None"),
        ("return ''", "refuses run 'r1': "),
    ],
)
def test_a_decision_fails_closed(site: Site, body: str, message: str) -> None:
    site.install("a", REFUSAL + f"    {body}")
    assert message in str(site.discover().refusal(REQUEST))


def test_plugins_without_the_decision_hook_are_not_asked(site: Site) -> None:
    site.install("a", launcher("mine"))
    assert site.discover().refusal(REQUEST) is None


def test_an_implementation_may_leave_out_arguments(site: Site) -> None:
    site.install("a", HEADER + "@hookimpl\ndef cmcore_run_refusal(): return 'no'")
    assert "refuses run 'r1': no" in str(site.discover().refusal(REQUEST))


def test_observers_are_the_plugins_that_implement_the_event_hook(site: Site) -> None:
    site.install("a", launcher("mine"))
    site.install("b", HEADER + "@hookimpl\ndef cmcore_event(event): ...")
    assert [observer.plugin for observer in site.discover().observers()] == ["b"]
