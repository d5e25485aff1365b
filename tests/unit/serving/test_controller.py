"""The controller: steps are taken in their order, remembered one by one, and go on after any death."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmcore.errors import LeaseHeldError, LeaseLostError, ModelRefusedError, ServingError
from cmcore.serving.controller import Controller
from cmcore.serving.decision import Wait
from cmcore.serving.states import DeploymentState
from cmcore.serving.status import Condition, condition, refusals
from cmcore.serving.store import Endpoints
from cmcore.serving.tables import SERVING_BRANCH
from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder
from cmcore.state.lease import Lease, Leases
from cmcore.state.migration import STATE_BRANCH
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from tests.unit.serving.wanted import Clock, candidate, document, told

ENOUGH = 60


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def controller(endpoints: Endpoints, lease: Lease, server: MemoryServer) -> Controller:
    return Controller(endpoints, lease, lambda _: MemoryServing(server), clock=Clock())


def settle(controller: Controller, name: str = "tiny") -> list[str]:
    """Steps until nothing is left, by their kinds; waits are waited out."""
    steps = [controller.step(name) for _ in range(ENOUGH)]
    assert steps[-1] is None, steps[-5:]
    return told(steps)


def condition_of(endpoints: Endpoints, name: str = "tiny") -> Condition:
    """The endpoint's condition."""
    return condition(endpoints.state(name), refusals(endpoints.deployments(name)))


def test_a_version_is_placed_loaded_warmed_and_then_gets_traffic(
    endpoints: Endpoints, controller: Controller, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    assert settle(controller) == ["placed", "loaded", "warmed", "traffic moved"]
    assert (condition_of(endpoints), dict(endpoints.state("tiny").traffic)) == (Condition.READY, {"main": 1})


def test_an_update_loads_beside_moves_traffic_and_then_takes_the_old_one_away(
    endpoints: Endpoints, controller: Controller, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    settle(controller)
    endpoints.apply(document("tiny@1.1.0"), [candidate(tmp_path, "1.1.0")])
    assert settle(controller) == ["placed", "loaded", "warmed", "traffic moved", "retired", "unloaded", "cleared"]
    assert (list(server.loaded), list(server.placed)) == (["tiny-1.1.0-2"], ["tiny-1.1.0-2"])


def test_recycling_takes_everything_away(
    endpoints: Endpoints, controller: Controller, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    settle(controller)
    endpoints.recycle("tiny")
    settle(controller)
    assert (condition_of(endpoints), dict(server.loaded), dict(server.placed)) == (Condition.RECYCLED, {}, {})


@pytest.mark.parametrize("trouble", [{"refuses": "no weights"}, {"answers": "wrong"}], ids=["load", "warm-up"])
def test_a_refused_version_never_gets_traffic_and_leaves_nothing(
    trouble: dict[str, object], endpoints: Endpoints, controller: Controller, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    settle(controller)
    bad = candidate(tmp_path, "1.1.0", **trouble)
    promised = bad.placement.interface.model_copy(update={"outputs": bad.placement.interface.inputs})
    wrong = bad.placement.model_copy(update={"interface": promised}) if "answers" in trouble else bad.placement
    endpoints.apply(document("tiny@1.1.0"), [type(bad)(
        variant="main", version=bad.version, backend=bad.backend, placement=wrong, identity=bad.identity,
    )])  # fmt: skip
    settle(controller)
    assert (condition_of(endpoints), dict(endpoints.state("tiny").traffic)) == (Condition.DEGRADED, {"main": 1})
    assert (list(server.placed), endpoints.deployments("tiny")[-1].state) == (
        ["tiny-1.0.0-1"], DeploymentState.REJECTED,
    )  # fmt: skip


def test_a_first_version_that_is_refused_leaves_the_endpoint_failed_with_its_reason(
    endpoints: Endpoints, controller: Controller, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path, refuses="no weights")])
    settle(controller)
    reason = endpoints.deployments("tiny")[0].reason
    assert (condition_of(endpoints), "no weights" in reason) == (Condition.FAILED, True)


def test_a_killed_server_gets_back_what_it_served(
    endpoints: Endpoints, controller: Controller, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    settle(controller)
    server.kill()
    assert settle(controller) == ["lost", "loaded", "warmed"]
    assert (condition_of(endpoints), list(server.loaded)) == (Condition.READY, ["tiny-1.0.0-1"])


def test_a_server_that_is_away_holds_the_endpoint_and_condemns_nobody(
    endpoints: Endpoints, controller: Controller, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    server.fails = refusing(ServingError("no route"))
    steps = [controller.step("tiny") for _ in range(10)]
    assert all(isinstance(step, Wait) for step in steps)
    assert endpoints.state("tiny").deployments[0].state is DeploymentState.DECLARED
    server.fails = lambda call, name: None
    settle(controller)
    assert (condition_of(endpoints), endpoints.state("tiny").hold) == (Condition.READY, None)


def test_waits_grow_with_failures_in_a_row(
    endpoints: Endpoints, controller: Controller, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    server.fails = refusing(ServingError("no route"))
    for _ in range(ENOUGH):
        controller.step("tiny")
    hold = endpoints.state("tiny").hold
    assert hold is not None
    assert hold.failures in range(4, 12)


def test_a_version_that_has_traffic_is_not_condemned_by_its_server(
    endpoints: Endpoints, controller: Controller, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    settle(controller)
    server.kill()
    server.fails = refusing(ModelRefusedError("out of memory"), at="load")
    for _ in range(10):
        controller.step("tiny")
    assert (condition_of(endpoints), endpoints.state("tiny").deployments[0].state) == (
        Condition.FAILED, DeploymentState.PLACED,
    )  # fmt: skip
    server.fails = lambda call, name: None
    settle(controller)
    assert condition_of(endpoints) is Condition.READY


def test_an_old_version_drains_until_it_has_had_no_request(
    endpoints: Endpoints, controller: Controller, server: MemoryServer, tmp_path: Path
) -> None:
    patient = document().model_copy(update={"draining": document().draining.model_copy(
        update={"quiet_s": 20.0, "timeout_s": 1e6})})  # fmt: skip
    endpoints.apply(patient, [candidate(tmp_path)])
    settle(controller)
    newer = patient.model_copy(update={"variants": document("tiny@1.1.0").variants})
    endpoints.apply(newer, [candidate(tmp_path, "1.1.0")])
    steps = []
    for _ in range(30):
        old = server.loaded.get("tiny-1.0.0-1")
        if old is not None:
            old.traffic = type(old.traffic)(answered=old.traffic.answered + 1)
        steps.append(controller.step("tiny"))
    assert "tiny-1.0.0-1" in server.loaded
    settle(controller)
    assert "tiny-1.0.0-1" not in server.loaded


def test_two_controllers_at_once_are_refused(database: StateDatabase, lease: Lease) -> None:
    with pytest.raises(LeaseHeldError):
        Leases(database).acquire(lease.name, Holder.this("bob"), ttl_s=60)


def test_who_was_taken_over_writes_nothing_more(
    endpoints: Endpoints, controller: Controller, database: StateDatabase, lease: Lease, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    Leases(database).release(lease)
    with pytest.raises(LeaseLostError):
        controller.step("tiny")
    assert endpoints.state("tiny").deployments[0].state is DeploymentState.DECLARED


def refusing(error: Exception, *, at: str = "") -> Callable[[str, str], None]:
    """Every call of that kind fails."""

    def fail(call: str, _: str) -> None:
        if at in ("", call):
            raise error

    return fail


class DiedError(Exception):
    """The controller's process ends here."""


def dying(deaths: Iterator[bool]) -> Callable[[str, str], None]:
    """Die before a call where the next of `deaths` says so."""

    def die(call: str, _: str) -> None:
        if next(deaths, False):
            raise DiedError(call)

    return die


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deaths=st.lists(st.booleans(), max_size=40), kills=st.sets(st.integers(0, 60), max_size=4))
def test_whatever_dies_when_the_end_is_the_same(
    deaths: list[bool], kills: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    end = lived_through(tmp_path_factory.mktemp("killed"), deaths, kills)
    assert end == (["tiny-1.1.0-2"], {"main": 2}, ["tiny-1.1.0-2"])


def lived_through(folder: Path, deaths: list[bool], kills: set[int]) -> tuple[list[str], dict[str, int], list[str]]:
    """Deploy and update while controllers and the server die: what is loaded in the end, traffic, and deployments."""
    database = StateDatabase.open(f"sqlite:///{folder}/state.db", branches=[STATE_BRANCH, SERVING_BRANCH])
    server, clock, leases = MemoryServer(), Clock(), Leases(database)
    endpoints = Endpoints(database, project="demo", actor="ada", clock=clock)
    endpoints.apply(document(), [candidate(folder)])
    server.fails = dying(iter(deaths))
    for count in range(4 * ENOUGH):
        if count == ENOUGH:
            endpoints.apply(document("tiny@1.1.0"), [candidate(folder, "1.1.0")])
        if count in kills:
            server.kill()
        lease = leases.acquire("controller/demo", Holder.this("ada"), ttl_s=60)
        try:  # each step is another process's
            Controller(endpoints, lease, lambda _: MemoryServing(server), clock=clock).step("tiny")
        except DiedError:
            pass
        finally:
            leases.release(lease)
    state = endpoints.state("tiny")
    database.close()
    return list(server.loaded), dict(state.traffic), [it.name for it in state.deployments]


def test_traffic_is_only_ever_given_to_what_has_answered(
    endpoints: Endpoints, controller: Controller, server: MemoryServer, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    seen = []
    server.fails = lambda call, name: seen.append((call, name))
    settle(controller)
    assert seen.index(("infer", "tiny-1.0.0-1")) > seen.index(("load", "tiny-1.0.0-1"))
