"""Controller: takes the decided step, and remembers it; one durable step at a time, under a lease.

Between two steps everything is in the state database and on the servers, so it may be killed at any instant. Acts come
before their record and can all be made again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cmcore.errors import CmError, ModelRefusedError, OutdatedError, ServingError
from cmcore.failpoint import failpoint
from cmcore.serving.backend import ServedModel, ServingBackend
from cmcore.serving.decision import (
    Clear,
    Load,
    Lose,
    MoveTraffic,
    Place,
    Recall,
    Retire,
    Seen,
    Step,
    Unload,
    Wait,
    WarmUp,
    held,
    next_step,
)
from cmcore.serving.states import Change, DeploymentState
from cmcore.serving.store import Endpoints
from cmcore.serving.values import Deployment, EndpointState, Hold
from cmcore.serving.warming import warm_up
from cmcore.state.lease import Lease

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 15.0
FOLLOW_EVERY_S = 1.0

Follow = Callable[[EndpointState], object]
"""Makes a new revision where an alias means another version by now. Raises CmError where that cannot be served."""


@dataclass(slots=True)
class Calm:
    """Since when a draining deployment has had no request, by the server's count."""

    total: int
    since: float


class Controller:
    """Brings the project's endpoints to what is wanted. One process at a time: `lease` says which."""

    def __init__(
        self,
        endpoints: Endpoints,
        lease: Lease,
        backend: Callable[[str], ServingBackend],
        *,
        follow: Follow = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoints, self._lease, self._backend = endpoints, lease, backend
        self._follow, self._clock = follow, clock
        self._calm: dict[str, Calm] = {}
        self._followed_at: dict[str, float] = {}

    def step(self, name: str) -> Step | None:
        """Take one step for an endpoint and say which; None where all is as it should be, Wait where it is too early.

        Raises LeaseLostError where another controller has taken over, StateError, NotFoundError.
        """
        state = self._endpoints.state(name)
        if (wait := held(state, self._clock())) is not None:
            return wait
        try:
            self._follow_aliases(state)
            step = next_step(state, self._look(state), self._clock())
            failpoint("serving-decided")
            if step is not None and not isinstance(step, Wait):
                self._take(step, state)
                failpoint("serving-persisted")
            if state.hold is not None and not isinstance(step, Wait | MoveTraffic):
                self._endpoints.held(self._lease, state, None)
        except OutdatedError:
            return Wait(self._clock(), f"{name} has changed meanwhile")
        except ServingError as error:
            return self._hold(state, str(error))
        return step

    def _follow_aliases(self, state: EndpointState) -> None:
        now = self._clock()
        if now - self._followed_at.get(state.name, 0.0) < FOLLOW_EVERY_S or not state.revision.wanted:
            return
        self._followed_at[state.name] = now
        try:
            self._follow(state)
        except ServingError:
            raise
        except CmError as error:
            raise ServingError(f"an alias has moved to what cannot be served: {error}") from error

    def _look(self, state: EndpointState) -> Seen:
        """What the servers of the endpoint's deployments show; each is started if need be."""
        models: dict[str, dict[str, ServedModel]] = {}
        for name in dict.fromkeys(each.backend for each in state.deployments):
            backend = self._backend(name)
            backend.start()
            models[name] = dict(backend.models())
        draining = [each for each in state.deployments if each.state is DeploymentState.DRAINING]
        return Seen(models=models, quiet_since={each.name: self._quiet_since(each) for each in draining})

    def _quiet_since(self, deployment: Deployment) -> float:
        now = self._clock()
        traffic = self._backend(deployment.backend).traffic().get(deployment.name)
        total = traffic.total if traffic else 0
        calm = self._calm.get(deployment.name)
        if calm is None or calm.total != total or (traffic is not None and traffic.pending):
            calm = self._calm[deployment.name] = Calm(total=total, since=now)
        return calm.since

    def _take(self, step: Step, state: EndpointState) -> None:
        if isinstance(step, MoveTraffic):
            self._endpoints.moved(self._lease, state, step.traffic)
            return
        assert not isinstance(step, Wait)
        deployment = state.deployment(step.number)
        assert deployment is not None
        try:
            change = self._act(step, deployment, state)
        except ModelRefusedError as error:
            if deployment.number in state.traffic.values():
                raise  # it served before: its server is to blame, and clients have nobody else
            self._endpoints.changed(self._lease, state, deployment, Change.REFUSED, reason=str(error))
            return
        failpoint("serving-acted")
        self._endpoints.changed(self._lease, state, deployment, change)

    def _act(self, step: Step, deployment: Deployment, state: EndpointState) -> Change:
        backend = self._backend(deployment.backend)
        match step:
            case Place():
                backend.place(deployment.placement)
                return Change.PLACED
            case Load():
                backend.place(deployment.placement)  # a folder that was lost is made again; else this does nothing
                backend.load(deployment.name)
                return Change.LOADED
            case WarmUp():
                warm_up(backend, deployment.placement, state.revision.document.protocols)
                return Change.WARMED
            case Lose():
                return Change.LOST
            case Recall():
                return Change.RECALLED
            case Retire():
                return Change.RETIRED
            case Unload():
                backend.unload(deployment.name)
                self._calm.pop(deployment.name, None)
                return Change.UNLOADED
            case Clear():
                backend.unload(deployment.name)  # a version that failed its warm-up is still loaded
                backend.remove(deployment.name)
                return Change.CLEARED
            case _:
                raise AssertionError(step)

    def _hold(self, state: EndpointState, reason: str) -> Wait:
        failures = state.hold.failures + 1 if state.hold else 1
        until = self._clock() + min(FIRST_WAIT_S * 2 ** (failures - 1), LONGEST_WAIT_S)
        self._endpoints.held(self._lease, state, Hold(reason=reason, failures=failures, until=until))
        return Wait(until, reason)
