"""A server that never comes back: what it had is taken for gone where somebody says so, and else never."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.errors import ServingError
from cmcore.serving.controller import Controller
from cmcore.serving.decision import Advance, Step, next_step
from cmcore.serving.states import Change, DeploymentState
from cmcore.serving.status import Condition, condition
from cmcore.serving.store import Endpoints
from cmcore.serving.values import EndpointState
from cmcore.state.database import StateDatabase
from cmcore.state.lease import Lease
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from tests.unit.serving.simulation import BACKEND, deployment, endpoint, seen
from tests.unit.serving.wanted import Clock, candidate, document, told

S = DeploymentState
AWAY = replace(seen(), away={BACKEND: "no route"})
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


def test_why_a_version_was_refused_is_kept() -> None:
    step = next_step(left(S.FAILED, 0.0, "no such operator"), AWAY, now=5.0)
    assert step == Advance(Change.FORGOTTEN, 1, f"no such operator; {WHY}")


class Fate:
    """Of a server that can be asked until it is away for good."""

    away = False

    def __call__(self, call: str, _: str) -> None:
        if self.away:
            raise ServingError(f"no route ({call})")


def stepped(controller: Controller, count: int = 40) -> list[str]:
    """The kinds of so many steps, without the waits."""
    return told([controller.step("tiny") for _ in range(count)])


def test_an_endpoint_whose_server_is_gone_for_good_is_recycled_when_it_is_told_to_forget(
    database: StateDatabase, lease: Lease, tmp_path: Path
) -> None:
    fate, clock = Fate(), Clock()
    server, endpoints = MemoryServer(fails=fate), Endpoints(database, project="demo", actor="ada", clock=clock)
    controller = Controller(endpoints, lease, lambda _: MemoryServing(server), clock=clock)
    endpoints.apply(document(), [candidate(tmp_path)])
    stepped(controller)
    fate.away = True
    endpoints.recycle("tiny")
    waiting = stepped(controller)
    endpoints.recycle("tiny", forget=True)
    forgotten, (last,) = stepped(controller), endpoints.deployments("tiny")
    assert (waiting[-1], forgotten, last.state) == ("retired", ["forgotten"], S.GONE)
    assert ("no route" in last.reason, condition(endpoints.state("tiny"), {})) == (True, Condition.RECYCLED)
