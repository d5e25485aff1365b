"""The controller when only a part of what it needs can be had: an alias, a server, the newest revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.errors import LeaseLostError, OutdatedError, RefusedError, ServingError
from cmcore.events import EventKind
from cmcore.serving.backend import ServingBackend
from cmcore.serving.controller import Controller
from cmcore.serving.decision import Away, Wait, next_step
from cmcore.serving.states import DeploymentState
from cmcore.serving.store import Endpoints
from cmcore.serving.values import EndpointState, Hold
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.lease import Lease, Leases
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from tests.unit.serving.simulation import BACKEND, deployment, endpoint, seen
from tests.unit.serving.wanted import Clock, candidate, document, told

WARM = DeploymentState.WARM


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


def controller(
    endpoints: Endpoints, lease: Lease, servers: dict[str, MemoryServer], follow: Callable[[EndpointState], object]
) -> Controller:
    """A controller of these servers, by their backends' names."""

    def backend(name: str) -> ServingBackend:
        return MemoryServing(servers[name])

    return Controller(endpoints, lease, backend, follow=follow, clock=Clock())


def taken(controller: Controller, count: int = 60) -> list[str]:
    """The kinds of so many steps, without the waits."""
    steps = [controller.step("tiny") for _ in range(count)]
    return told(steps)


def nothing(_: EndpointState) -> None:
    """No alias has moved."""


def away(call: str, _: str) -> None:
    """No call gets through."""
    raise ServingError(f"no route ({call})")


@pytest.fixture
def moving(endpoints: Endpoints, lease: Lease, server: MemoryServer, tmp_path: Path) -> Controller:
    """`tiny` is served by `memory`, and has been asked for on `other`, whose server is away."""
    found = controller(endpoints, lease, {"memory": server, "other": MemoryServer(fails=away)}, nothing)
    endpoints.apply(document(), [candidate(tmp_path)])
    taken(found)
    elsewhere = replace(candidate(tmp_path), backend="other", identity="on other")
    endpoints.apply(document().model_copy(update={"backend": "other"}), [elsewhere])
    taken(found)
    return found


def test_what_is_served_is_brought_back_though_the_backend_it_is_to_move_to_is_away(
    moving: Controller, server: MemoryServer
) -> None:
    server.kill()
    assert (taken(moving), list(server.loaded)) == (["lost", "loaded", "warmed"], ["tiny-1.0.0-1"])


def test_a_backend_that_is_away_is_why_the_endpoint_waits(moving: Controller, endpoints: Endpoints) -> None:
    hold = endpoints.state("tiny").hold
    assert hold is not None
    assert "no route" in hold.reason


def refused(_: EndpointState) -> None:
    """The alias means what cannot be served."""
    raise RefusedError("tiny@2.0.0 cannot be served:", ["it has no signature"])


def test_an_alias_that_cannot_be_followed_leaves_what_is_served_kept(
    endpoints: Endpoints, lease: Lease, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    taken(controller(endpoints, lease, {"memory": server}, nothing))
    server.kill()
    assert taken(controller(endpoints, lease, {"memory": server}, refused)) == ["lost", "loaded", "warmed"]


def test_an_alias_that_cannot_be_followed_is_told_once(
    endpoints: Endpoints, lease: Lease, server: MemoryServer, database: StateDatabase, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    taken(controller(endpoints, lease, {"memory": server}, refused), 300)
    held = [it.data["reason"] for it in Journal(database).read() if it.kind is EventKind.ENDPOINT_HELD]
    assert held == ["an alias has moved to what cannot be served: tiny@2.0.0 cannot be served:\n  it has no signature"]


def test_an_alias_that_was_followed_is_not_the_end(
    endpoints: Endpoints, lease: Lease, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    taken(controller(endpoints, lease, {"memory": server}, nothing))

    def followed(_: EndpointState) -> object:
        return endpoints.apply(document("tiny@1.1.0"), [candidate(tmp_path, "1.1.0")])

    assert isinstance(controller(endpoints, lease, {"memory": server}, followed).step("tiny"), Wait)


def test_an_alias_that_somebody_was_faster_to_change_holds_nothing(
    endpoints: Endpoints, lease: Lease, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])

    def overtaken(_: EndpointState) -> None:
        raise OutdatedError("bob made revision 2")

    step = controller(endpoints, lease, {"memory": server}, overtaken).step("tiny")
    assert (type(step), endpoints.state("tiny").hold) == (Wait, None)


def test_a_failure_of_an_older_revision_holds_no_newer_one(
    endpoints: Endpoints, lease: Lease, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])

    def overtaken(call: str, _: str) -> None:
        if call == "place":
            endpoints.apply(document("tiny@1.1.0"), [candidate(tmp_path, "1.1.0")])
            raise ServingError("no route")

    server.fails = overtaken
    controller(endpoints, lease, {"memory": server}, nothing).step("tiny")
    assert endpoints.state("tiny").hold is None


def test_a_server_that_is_away_for_days_is_waited_for(endpoints: Endpoints, lease: Lease, tmp_path: Path) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    endpoints.held(lease, endpoints.state("tiny"), Hold(reason="no route", failures=20_000, until=0.0))
    found = controller(endpoints, lease, {"memory": MemoryServer(fails=away)}, nothing)
    step = found.step("tiny")
    assert isinstance(step, Wait)
    assert step.until < 1_100


def test_traffic_does_not_move_to_a_server_that_is_away() -> None:
    state = endpoint({"main": 2}, deployment(1, state=WARM), deployment(2, state=WARM), traffic={"main": 1})
    assert next_step(state, replace(seen(), away={BACKEND: Away(reason="no route", since=0.0)}), 0.0) is None


def test_who_was_taken_over_touches_no_server(
    endpoints: Endpoints, lease: Lease, server: MemoryServer, database: StateDatabase, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    found = controller(endpoints, lease, {"memory": server}, nothing)
    Leases(database).release(lease)
    with pytest.raises(LeaseLostError):
        found.step("tiny")
    assert server.calls == []


def test_who_recycles_what_somebody_has_changed_meanwhile_is_told(
    endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    seen = endpoints.state("tiny")
    endpoints.apply(document("tiny@1.1.0"), [candidate(tmp_path, "1.1.0")])
    monkeypatch.setattr(endpoints, "state", lambda _: seen)
    with pytest.raises(OutdatedError):
        endpoints.recycle("tiny")


def test_a_version_that_takes_its_server_down_is_refused_before_it_does_so_for_ever(
    endpoints: Endpoints, lease: Lease, server: MemoryServer, tmp_path: Path
) -> None:
    acting = controller(endpoints, lease, {"memory": server}, lambda _: None)
    endpoints.apply(document(), [candidate(tmp_path)])
    taken(acting)
    endpoints.apply(document("tiny@1.1.0"), [candidate(tmp_path, "1.1.0")])

    def crash(call: str, name: str) -> None:
        if (call, name) == ("load", "tiny-1.1.0-2"):
            server.kill()
            raise ServingError("connection reset")

    server.fails = crash
    taken(acting, 200)
    assert ([it.state for it in endpoints.deployments("tiny")], list(server.loaded)) == (
        [DeploymentState.WARM, DeploymentState.REJECTED], ["tiny-1.0.0-1"],
    )  # fmt: skip
