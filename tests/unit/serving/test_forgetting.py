"""A server that never comes back: what it had is taken for gone where somebody says so, and else never."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import ServingError
from cmcore.serving.controller import Controller
from cmcore.serving.decision import Advance, Away, Step, next_step
from cmcore.serving.states import Change, DeploymentState
from cmcore.serving.status import Condition, condition
from cmcore.serving.store import Endpoints
from cmcore.serving.values import EndpointState
from cmcore.stack.endpoints import last_served
from cmcore.state.database import StateDatabase
from cmcore.state.lease import Lease
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from tests.unit.serving.simulation import BACKEND, deployment, endpoint, seen
from tests.unit.serving.wanted import Clock, candidate, document, told

if TYPE_CHECKING:
    from cmcore.stack import Project

S = DeploymentState
AWAY = replace(seen(), away={BACKEND: Away(reason="no route", since=2.0)})
WHY = "forgotten, for its server is away: no route"


def left(state: DeploymentState, after_s: float | None, reason: str = "") -> EndpointState:
    """An endpoint of which nothing is wanted, with a deployment that has been in this state since 5 s."""
    found = endpoint({}, replace(deployment(1, "old", state), since=5.0, reason=reason))
    draining = found.revision.document.draining.model_copy(update={"forget_after_s": after_s})
    asked = found.revision.document.model_copy(update={"draining": draining})
    return replace(found, revision=replace(found.revision, document=asked))


@pytest.mark.parametrize("state", [S.DRAINING, S.UNLOADED, S.FAILED])
@pytest.mark.parametrize(
    ("after_s", "now", "step"),
    [
        (None, 1e9, None),
        (10.0, 14.9, None),
        (10.0, 15.0, Advance(Change.FORGOTTEN, 1, WHY)),
        (0.0, 5.0, Advance(Change.FORGOTTEN, 1, WHY)),
    ],
)
def test_what_a_server_had_that_is_away_is_forgotten_after_the_time_and_never_without_one(
    state: DeploymentState, after_s: float | None, now: float, step: Step | None
) -> None:
    assert next_step(left(state, after_s), AWAY, now) == step


@pytest.mark.parametrize("state", [S.DRAINING, S.UNLOADED, S.FAILED])
def test_nothing_is_forgotten_of_a_server_that_can_be_asked(state: DeploymentState) -> None:
    step = next_step(left(state, 0.0), seen(1), now=1e9)
    assert isinstance(step, Advance)
    assert step.change is not Change.FORGOTTEN


@pytest.mark.parametrize(("now", "forgotten"), [(109.9, False), (110.0, True)])
def test_the_time_counts_from_when_the_server_was_away(now: float, forgotten: bool) -> None:
    late = replace(seen(), away={BACKEND: Away(reason="no route", since=100.0)})
    assert (next_step(left(S.DRAINING, 10.0), late, now) is not None) is forgotten


@given(
    states=st.lists(st.sampled_from(DeploymentState), min_size=1, max_size=4),
    wanted=st.integers(0, 4),
    served=st.integers(0, 4),
    after_s=st.none() | st.integers(0, 100),
    away_since=st.none() | st.integers(0, 100),
    now=st.integers(100, 200),
)
def test_nothing_that_is_wanted_served_or_on_a_server_that_answers_is_ever_forgotten(
    states: list[DeploymentState], wanted: int, served: int, after_s: float | None, away_since: float | None, now: float
) -> None:
    deployments = [deployment(number, "v", state) for number, state in enumerate(states, start=1)]
    names = {"main": wanted} if wanted in range(1, len(states) + 1) else {}
    traffic = {"main": served} if served in range(1, len(states) + 1) else {}
    found = endpoint(names, *deployments, traffic=traffic)
    draining = found.revision.document.draining.model_copy(update={"forget_after_s": after_s})
    document = found.revision.document.model_copy(update={"draining": draining})
    away = {BACKEND: Away(reason="no route", since=away_since)} if away_since is not None else {}
    step = next_step(
        replace(found, revision=replace(found.revision, document=document)), replace(seen(1, 2), away=away), now
    )
    if isinstance(step, Advance) and step.change is Change.FORGOTTEN:
        kept = {*names.values(), *traffic.values()} if states[step.number - 1] is not S.FAILED else set()
        assert step.number not in kept
        assert None not in (after_s, away_since)
        assert now - (away_since or 0.0) >= (after_s or 0.0)


def test_why_a_version_was_refused_is_kept() -> None:
    step = next_step(left(S.FAILED, 0.0, "no such operator"), AWAY, now=5.0)
    assert step == Advance(Change.FORGOTTEN, 1, f"no such operator; {WHY}")


class Fate:
    """Of a server: which of its calls fail from now on."""

    failing: frozenset[str] | None = frozenset()

    def __call__(self, call: str, _: str) -> None:
        if self.failing is None or call in self.failing:
            raise ServingError(f"no route ({call})")


def stepped(controller: Controller, count: int = 40) -> list[str]:
    """The kinds of so many steps, without the waits."""
    return told([controller.step("tiny") for _ in range(count)])


@dataclass(frozen=True, kw_only=True)
class Place:
    """An endpoint that was served and is recycled, while the calls that fail do."""

    fate: Fate
    server: MemoryServer
    endpoints: Endpoints
    controller: Controller

    def recycled(self, failing: frozenset[str] | None, *, forget: bool) -> list[str]:
        """The steps after that."""
        self.fate.failing = failing
        self.endpoints.recycle("tiny", forget=forget)
        return stepped(self.controller)


@pytest.fixture
def place(database: StateDatabase, lease: Lease, tmp_path: Path) -> Place:
    fate, clock = Fate(), Clock()
    server, endpoints = MemoryServer(fails=fate), Endpoints(database, project="demo", actor="ada", clock=clock)
    controller = Controller(endpoints, lease, lambda _: MemoryServing(server), clock=clock)
    endpoints.apply(document(), [candidate(tmp_path)])
    stepped(controller)
    return Place(fate=fate, server=server, endpoints=endpoints, controller=controller)


def test_an_endpoint_whose_server_is_gone_for_good_is_recycled_when_it_is_told_to_forget(place: Place) -> None:
    waiting, forgotten = place.recycled(None, forget=False), place.recycled(None, forget=True)
    (last,) = place.endpoints.deployments("tiny")
    assert (waiting[-1], forgotten, last.state) == ("retired", ["forgotten"], S.GONE)
    assert ("no route" in last.reason, condition(place.endpoints.state("tiny"), {})) == (True, Condition.RECYCLED)


def test_a_server_that_was_away_for_a_moment_is_not_forgotten(place: Place) -> None:
    place.fate.failing = frozenset({"models"})
    place.endpoints.recycle("tiny", forget=True)
    place.controller.step("tiny")
    assert place.recycled(frozenset(), forget=True)[-2:] == ["unloaded", "cleared"]


def test_from_a_server_that_only_refuses_to_be_started_what_is_forgotten_is_taken(place: Place) -> None:
    assert (place.recycled(frozenset({"start"}), forget=True)[-1], place.server.loaded) == ("forgotten", {})


def test_an_endpoint_that_was_forgotten_and_is_served_again_does_not_go_on_forgetting(place: Place) -> None:
    place.recycled(None, forget=True)
    served = place.endpoints.revisions("tiny")[-1].document
    project = cast("Project", SimpleNamespace(endpoints=place.endpoints))
    assert last_served(project, "tiny") == served
