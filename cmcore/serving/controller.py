"""Controller: takes the decided step, and remembers it; one durable step at a time, under a lease.

Between two steps everything is in the state database and on the servers, so it may be killed at any instant. Acts come
before their record and can all be made again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from cmcore.errors import CmError, ModelRefusedError, OutdatedError, ServingError
from cmcore.failpoint import failpoint
from cmcore.serving.backend import ServedModel, ServingBackend
from cmcore.serving.decision import Advance, Away, MoveTraffic, Seen, Step, Wait, held, next_step
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
        self._away: dict[str, dict[str, Away]] = {}
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

    def restart(self, backend: str) -> None:
        """Stop a backend's local server: the next steps start it with the options of now. No endpoint waits for it any
        more. Raises PluginError, ConfigError, ServingError, LeaseLostError."""
        self._backend(backend).stop()
        for name in self._endpoints.names():
            state = self._endpoints.state(name)
            if state.hold is not None and any(each.backend == backend for each in state.deployments):
                self._endpoints.held(self._lease, state, None)

    def _step(self, state: EndpointState) -> Step | None:
        try:
            if self._follow_aliases(state):
                return Wait(self._clock(), f"an alias of {state.name} has moved")
            seen = self._look(state)
            step = next_step(state, seen, self._clock())
            failpoint("serving-decided")
            if isinstance(step, Advance | MoveTraffic):
                self._take(step, state)
                failpoint("serving-persisted")
        except ServingError as error:
            return self._hold(state, str(error))
        troubles = [*filter(None, [self._followed[state.name].trouble]), *(it.reason for it in seen.away.values())]
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
        models, away = dict[str, dict[str, ServedModel]](), dict[str, Away]()
        before = self._away.get(state.name, {})
        for name in dict.fromkeys(each.backend for each in state.deployments):
            backend = self._backend(name)
            try:
                backend.start()
                models[name] = dict(backend.models())
            except ServingError as error:
                since = before[name].since if name in before else self._clock()
                away[name] = Away(reason=str(error), since=since)
        self._away[state.name] = away
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

    def _take(self, step: Advance | MoveTraffic, state: EndpointState) -> None:
        if isinstance(step, MoveTraffic):
            self._endpoints.moved(self._lease, state, step.traffic)
            return
        deployment = state.deployment(step.number)
        assert deployment is not None
        self._endpoints.check(self._lease, state)  # servers know no lease: whoever lost it must not touch them
        try:
            self._bring_about(step.change, deployment, state)
        except ServingError as error:
            if (reason := self._blame(step.change, deployment, state, error)) is None:
                raise
            self._endpoints.changed(self._lease, state, deployment, Change.REFUSED, reason=reason)
            return
        failpoint("serving-acted")
        self._endpoints.changed(self._lease, state, deployment, step.change, reason=step.reason)

    def _blame(self, change: Change, deployment: Deployment, state: EndpointState, error: ServingError) -> str | None:
        """Why a version is refused that could not be brought further; None where its server is to blame.

        One that has traffic served before, and clients have nobody else. One that takes the server down again and again
        while it is loaded or asked takes down what serves beside it.
        """
        if deployment.number in state.traffic.values():
            return None
        if isinstance(error, ModelRefusedError):
            return str(error)
        if change not in (Change.LOADED, Change.WARMED):
            return None
        self._breaks[deployment.name] += 1
        if self._breaks[deployment.name] < BREAKS:
            return None
        return f"its server failed {BREAKS} times while it was loaded or asked: {error}"

    def _bring_about(self, change: Change, deployment: Deployment, state: EndpointState) -> None:
        """What has to be done before the change is true; for some nothing has."""
        backend, name = self._backend(deployment.backend), deployment.name
        match change:
            case Change.PLACED:
                backend.place(deployment.placement)
            case Change.LOADED:
                backend.place(deployment.placement)  # a folder that was lost is made again; else this does nothing
                backend.load(name)
            case Change.WARMED:
                warm_up(backend, deployment.placement, state.revision.document.protocols)
            case Change.UNLOADED:
                backend.unload(name)
            case Change.CLEARED:
                backend.unload(name)  # a version that failed its warm-up is still loaded
                backend.remove(name)
            case Change.FORGOTTEN:
                with suppress(ServingError):  # it may still hear, as one that refuses other options
                    backend.unload(name)
                    backend.remove(name)
        if change in (Change.RECALLED, Change.UNLOADED):
            self._calm.pop(name, None)  # should it drain again, its quiet begins anew

    def _hold(self, state: EndpointState, reason: str) -> Wait:
        failures = state.hold.failures + 1 if state.hold else 1
        until = self._clock() + min(FIRST_WAIT_S * 2.0 ** min(failures - 1, 10), LONGEST_WAIT_S)
        self._endpoints.held(self._lease, state, Hold(reason=reason, failures=failures, until=until))
        return Wait(until, reason)
