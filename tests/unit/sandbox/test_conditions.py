"""Under what a model is validated."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.errors import DocumentError, NotFoundError, UsageError
from cmcore.hooks.discovery import Plugins
from cmcore.sandbox.conditions import Asked, Conditions, conditions
from cmcore.serving.document import DeploymentConfig, InferenceConfig, WarmUp
from cmcore.settings import ProjectSettings, ServingSettings, StackSettings

ENDPOINT = """\
kind: Endpoint
name: flights
backend: mill
variants:
  - {model: flights@1.0.0}
  - {name: other, share: 0, model: flights@2.0.0, deployment: {instances: 3}}
protocols: [rest]
deployment: {instances: 2}
monitoring: {latency_slo_ms: 25}
"""
MILL = """
from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"

@hookimpl
def cmcore_providers():
    return [Provider(kind="serving", name="mill", factory="mill:Mill", summary="Grinds")]
"""
SETTINGS = ProjectSettings(stack=StackSettings(serving=[ServingSettings(name="mill", options={"stones": 2})]))


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    (tmp_path / "mill_of_conditions.py").write_text(MILL)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Plugins.discover(builtin=["mill_of_conditions"], allow=[])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "endpoint.yaml").write_text(ENDPOINT)
    return tmp_path


def under(folder: Path, plugins: Plugins, asked: Asked, settings: ProjectSettings = SETTINGS) -> Conditions:
    return conditions(asked, folder=folder, settings=settings, plugins=plugins)


def test_the_configs_are_those_of_the_variant_that_has_the_traffic(folder: Path, plugins: Plugins) -> None:
    assert under(folder, plugins, Asked(endpoint="endpoint.yaml")).deployment == DeploymentConfig(instances=2)


def test_another_variant_can_be_named(folder: Path, plugins: Plugins) -> None:
    assert under(folder, plugins, Asked(endpoint="endpoint.yaml", variant="other")).deployment.instances == 3


def test_a_variant_that_does_not_exist_is_told_with_those_that_do(folder: Path, plugins: Plugins) -> None:
    with pytest.raises(NotFoundError, match="main, other"):
        under(folder, plugins, Asked(endpoint="endpoint.yaml", variant="third"))


def test_options_are_those_of_the_projects_stack(folder: Path, plugins: Plugins) -> None:
    assert under(folder, plugins, Asked(backend="mill")).options == {"stones": 2}


def test_options_that_are_given_are_the_only_ones(folder: Path, plugins: Plugins) -> None:
    assert under(folder, plugins, Asked(backend="mill", options={})).options == {}


def test_the_latency_that_is_demanded_is_the_endpoints(folder: Path, plugins: Plugins) -> None:
    assert under(folder, plugins, Asked(endpoint="endpoint.yaml")).max_latency_ms == 25


@pytest.mark.parametrize("asked", [Asked(), Asked(endpoint="endpoint.yaml", backend="mill")])
def test_an_endpoint_or_a_backend_is_given_and_not_both(folder: Path, plugins: Plugins, asked: Asked) -> None:
    with pytest.raises(UsageError, match="either"):
        under(folder, plugins, asked)


def test_an_endpoint_that_cannot_be_read_is_told(folder: Path, plugins: Plugins) -> None:
    with pytest.raises(DocumentError, match=r"absent\.yaml"):
        under(folder, plugins, Asked(endpoint="absent.yaml"))


def test_a_server_config_is_read_from_its_file(folder: Path, plugins: Plugins) -> None:
    (folder / "config.pbtxt").write_text("backend: 'x'")
    asked = Asked(backend="mill", inference=InferenceConfig(server_config="config.pbtxt"))
    assert under(folder, plugins, asked).inference.server_config == "backend: 'x'\n"


def test_equal_conditions_have_one_digest(folder: Path, plugins: Plugins) -> None:
    assert len({under(folder, plugins, Asked(endpoint="endpoint.yaml")).digest for _ in range(2)}) == 1


def test_what_the_document_says_of_other_variants_changes_nothing(folder: Path, plugins: Plugins) -> None:
    before = under(folder, plugins, Asked(endpoint="endpoint.yaml")).digest
    (folder / "endpoint.yaml").write_text(ENDPOINT.replace("2.0.0", "3.0.0").replace("1.0.0", "4.0.0"))
    assert under(folder, plugins, Asked(endpoint="endpoint.yaml")).digest == before


@pytest.mark.parametrize(
    ("old", "new"),
    [("instances: 2", "instances: 4"), ("[rest]", "[grpc]"), ("latency_slo_ms: 25", "latency_slo_ms: 5")],
)
def test_another_document_is_another_condition(folder: Path, plugins: Plugins, old: str, new: str) -> None:
    before = under(folder, plugins, Asked(endpoint="endpoint.yaml")).digest
    (folder / "endpoint.yaml").write_text(ENDPOINT.replace(old, new))
    assert under(folder, plugins, Asked(endpoint="endpoint.yaml")).digest != before


def test_other_options_are_another_condition(folder: Path, plugins: Plugins) -> None:
    found = {under(folder, plugins, Asked(backend="mill"), it).digest for it in (SETTINGS, ProjectSettings())}
    assert len(found) == 2


def test_another_warm_up_is_another_condition(folder: Path, plugins: Plugins) -> None:
    asked = [Asked(backend="mill", inference=InferenceConfig(warm_up=WarmUp(requests=it))) for it in (1, 2)]
    assert len({under(folder, plugins, it).digest for it in asked}) == 2
