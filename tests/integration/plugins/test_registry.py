"""Plugins of a project and its registry: they may refuse a promotion, and they hear what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cmcore.cli.main import run
from cmcore.errors import RefusedError
from cmcore.pipelines.load import load_pipeline
from cmcore.registry.policy import Policy
from cmcore.registry.store import Registry
from cmcore.stack import Project, RunOptions
from tests.integration.registry.stored import recorded
from tests.unit.hooks.conftest import HEADER, Site, site
from tests.unit.registry.samples import facts, ref

__all__ = ["site"]  # fixture
pytestmark = pytest.mark.integration
GUARD = HEADER + (
    "@hookimpl\n"
    "def cmcore_promotion_refusal(request):\n"
    "    asked = f'{request.version} over {request.replaces!r} by {request.actor}, auc {request.metrics[\"auc\"]}'\n"
    "    return None if request.properties.get('owner') else f'nobody owns {asked}'\n"
)
DIARY = HEADER + (
    "@hookimpl\n"
    "def cmcore_event(event):\n"
    "    with open({path!r}, 'a') as diary:\n"
    "        print(event.kind, file=diary)\n"
)
PIPELINE = """
from cmcore import OutputDict, component, pipeline

@component
def count() -> OutputDict(rows=int):
    return {"rows": 3}

@pipeline
def counting():
    count()
"""


@pytest.fixture
def project(site: Site, tmp_path: Path) -> Iterator[Project]:
    """A project that asks the plugins of the site, with one registered version."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cm.yaml").write_text("kind: Project\nname: delays\nactor: bob\n")
    with Project(folder, environment={}) as before:
        Registry(before.database, actor="ana").register("flights", recorded(before, facts(1, auc=0.9)))
    with Project(folder, environment={}) as project:  # which finds plugins that are installed from here on
        yield project


@pytest.fixture
def carried_out(project: Project) -> Callable[[], None]:
    """Carries out a run in this process."""

    def carry_out() -> None:
        (project.folder / "counting.py").write_text(PIPELINE)
        found = load_pipeline(str(project.folder / "counting.py"), [project.folder])
        project.run(found.pipeline, source=found.source, options=RunOptions(in_process=True)).check()

    return carry_out


def test_a_plugin_refuses_what_the_policy_allows(site: Site, project: Project) -> None:
    site.install("guard", GUARD)
    said = (
        r"plugin 'guard' \(cmcore-guard 1.2\) refuses flights@1.0.0 for dev: nobody owns 1.0.0 over '' by bob, auc 0.9"
    )
    with pytest.raises(RefusedError, match=said):
        project.promote(ref("flights@1.0.0"), "dev")


def test_nothing_moves_where_a_plugin_refuses(site: Site, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("guard", GUARD)
    monkeypatch.chdir(project.folder)
    assert (run(["promote", "flights@1.0.0", "--to", "dev"]), project.registry.alias("flights", "dev")) == (77, None)


def test_the_refusal_of_a_plugin_is_in_the_audit_log(site: Site, project: Project) -> None:
    site.install("guard", GUARD)
    with pytest.raises(RefusedError):
        project.promote(ref("flights@1.0.0"), "dev")
    last = list(project.registry.audit.entries())[-1]
    assert (last.action, "plugin 'guard'" in str(last.data)) == ("promotion.refused", True)


def test_a_promotion_goes_on_where_the_plugin_does_not_mind(site: Site, project: Project) -> None:
    site.install("guard", GUARD)
    project.registry.describe(ref("flights@1.0.0"), {"owner": "ana"})
    assert project.promote(ref("flights@1.0.0"), "dev").name == "dev"


def test_a_plugin_is_not_asked_about_what_the_policy_refuses(site: Site, project: Project) -> None:
    site.install("guard", GUARD)
    environments = {"dev": {"gates": [{"where": "metrics.auc >= 0.95"}]}}
    project.registry.apply_policy(Policy.model_validate({"model": "flights", "environments": environments}), "stricter")
    with pytest.raises(RefusedError, match=r"(?s)metrics\.auc is 0\.9(?!.*guard)"):
        project.promote(ref("flights@1.0.0"), "dev")


def test_an_observer_hears_at_once_what_a_command_has_done(
    site: Site, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.install("diary", DIARY.format(path=str(tmp_path / "diary")))
    monkeypatch.chdir(project.folder)
    assert run(["promote", "flights@1.0.0", "--to", "dev"]) == 0
    heard = (tmp_path / "diary").read_text().split()
    assert heard == ["model.created", "version.registered", "alias.moved"]


def test_an_observer_hears_with_the_next_run_what_python_code_has_done(
    site: Site, project: Project, carried_out: Callable[[], None], tmp_path: Path
) -> None:
    site.install("diary", DIARY.format(path=str(tmp_path / "diary")))
    project.promote(ref("flights@1.0.0"), "dev")
    carried_out()
    heard = (tmp_path / "diary").read_text().split()
    assert heard[:4] == ["model.created", "version.registered", "alias.moved", "run.started"]
