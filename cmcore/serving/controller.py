"""Controller: takes the decided step, and remembers it; one durable step at a time, under a lease.

Between two steps everything is in the state database and on the servers, so it may be killed at any instant. Acts come
before their record and can all be made again.
"""

from __future__ import annotations

import time
from collections import Counter
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
BREAKS = 3  # each may take down what serves beside it

Follow = Callable[[EndpointState], object]
"""Makes a new revision, and returns it, where an alias means another version by now; else None. Raises CmError where
that cannot be served, OutdatedError where somebody was faster."""


@dataclass(slots=True)
class Calm:
    """Since when a draining deployment has had no request, by the server's count."""

    total: int
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """When aliases were last looked up, for which revision, and why they could not be followed, if so."""

    revision: int
    at: float
    trouble: str


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
        self._followed: dict[str, Followed] = {}
        self._breaks: Counter[str] = Counter()

    def step(self, name: str) -> Step | None:
        """Take one step for an endpoint and say which; None where all is as it should be, Wait where it is too early.

        Raises LeaseLostError where another controller has taken over, StateError, NotFoundError.
        """
        state = self._endpoints.state(name)
        if (wait := held(state, self._clock())) is not None:
            return wait
        try:
            return self._step(state)
        except OutdatedError:
            return Wait(self._clock(), f"{name} has changed meanwhile")

    def _step(self, state: EndpointState) -> Step | None:
        try:
            if self._follow_aliases(state):
                return Wait(self._clock(), f"an alias of {state.name} has moved")
            seen = self._look(state)
            step = next_step(state, seen, self._clock())
            failpoint("serving-decided")
            if step is not None and not isinstance(step, Wait):
                self._take(step, state)
                failpoint("serving-persisted")
        except ServingError as error:
            return self._hold(state, str(error))
        troubles = [*filter(None, [self._followed[state.name].trouble]), *seen.away.values()]
        if troubles and (step is None or isinstance(step, Wait)):  # all has been done that can be
            return self._hold(state, "; ".join(troubles))
        if state.hold is not None and not troubles and not isinstance(step, MoveTraffic):
            self._endpoints.held(self._lease, state, None)
        return step

    def _follow_aliases(self, state: EndpointState) -> bool:
        """Whether there is a newer revision now. What cannot be followed is remembered, and keeps nothing else back."""
        now, last, revision = self._clock(), self._followed.get(state.name), state.revision
        if last is not None and last.revision == revision.number and now - last.at < FOLLOW_EVERY_S:
            return False
        trouble = ""
        try:
            if revision.wanted and self._follow(state) is not None:
                return True
        except OutdatedError:
            raise
        except CmError as error:
            trouble = f"an alias has moved to what cannot be served: {error}"
        self._followed[state.name] = Followed(revision=revision.number, at=now, trouble=trouble)
        return False

    def _look(self, state: EndpointState) -> Seen:
        """What the servers of the endpoint's deployments show; each is started if need be, and may be away."""
        models, away = dict[str, dict[str, ServedModel]](), dict[str, str]()
        for name in dict.fromkeys(each.backend for each in state.deployments):
            backend = self._backend(name)
            try:
                backend.start()
                models[name] = dict(backend.models())
            except ServingError as error:
                away[name] = str(error)
        draining = [it for it in state.deployments if it.state is DeploymentState.DRAINING and it.backend not in away]
        return Seen(models=models, away=away, quiet_since={each.name: self._quiet_since(each) for each in draining})

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
        self._endpoints.check(self._lease, state)  # servers know no lease: whoever lost it must not touch them
        try:
            change = self._act(step, deployment, state)
        except ModelRefusedError as error:
            if deployment.number in state.traffic.values():
                raise  # it served before: its server is to blame, and clients have nobody else
            self._endpoints.changed(self._lease, state, deployment, Change.REFUSED, reason=str(error))
            return
        except ServingError as error:
            if not self._breaks_its_server(step, deployment, state):
                raise
            told = f"its server failed {BREAKS} times while it was loaded or asked: {error}"
            self._endpoints.changed(self._lease, state, deployment, Change.REFUSED, reason=told)
            return
        failpoint("serving-acted")
        self._endpoints.changed(self._lease, state, deployment, change)

    def _breaks_its_server(self, step: Step, deployment: Deployment, state: EndpointState) -> bool:
        """Whether a version without traffic is to blame for a server that answered until it was loaded or asked."""
        if deployment.number in state.traffic.values() or not isinstance(step, Load | WarmUp):
            return False
        self._breaks[deployment.name] += 1
        return self._breaks[deployment.name] >= BREAKS

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
                self._calm.pop(deployment.name, None)  # when it drains again, its quiet begins anew
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
        until = self._clock() + min(FIRST_WAIT_S * 2.0 ** min(failures - 1, 10), LONGEST_WAIT_S)
        self._endpoints.held(self._lease, state, Hold(reason=reason, failures=failures, until=until))
        return Wait(until, reason)
