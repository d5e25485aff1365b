"""Which single step brings an endpoint nearer to what is wanted. Pure: state, what the server shows, and the time in;
the next step, a wait, or nothing (all is as it should be) out. Acting and remembering are the controller's.

The order is the promise: a version that is wanted is placed, loaded and warmed first; then traffic moves to it; only
then are others retired, drained, unloaded and cleared. So nothing is updated in place, and whoever serves goes on
serving until its successor is warm. A wanted version that is refused leaves traffic where it is.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

from cmcore.serving.backend import ServedModel, ServedState
from cmcore.serving.states import Change, DeploymentState
from cmcore.serving.values import Deployment, EndpointState

S = DeploymentState


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """Why a backend cannot be asked now, and since when each look at it has failed."""

    reason: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the servers show: models by backend and name, and since when each draining one has had no request.

    `away` has the backends that cannot be asked now: nothing is done there, and no traffic moves there.
    """

    models: Mapping[str, Mapping[str, ServedModel]]
    quiet_since: Mapping[str, float] = field(default_factory=dict)
    away: Mapping[str, Away] = field(default_factory=dict)

    def ready(self, deployment: Deployment) -> bool:
        """Whether the deployment's server would answer for it."""
        found = self.models.get(deployment.backend, {}).get(deployment.name)
        return found is not None and found.state is ServedState.READY


@dataclass(frozen=True, slots=True)
class Advance:
    """Bring this change about for one deployment; what has to be done for it is the controller's."""

    change: Change
    number: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MoveTraffic:
    """Send clients to these deployments, by variant."""

    traffic: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done before this time."""

    until: float
    reason: str


Step = Advance | MoveTraffic | Wait


def next_step(state: EndpointState, seen: Seen, now: float) -> Step | None:
    """The one step to take now, or None."""
    if (wait := held(state, now)) is not None:
        return wait
    steps = list(_steps(state, seen, now))
    waits = [step for step in steps if isinstance(step, Wait)]
    acts = [step for step in steps if not isinstance(step, Wait)]
    return acts[0] if acts else min(waits, key=lambda wait: wait.until, default=None)


def held(state: EndpointState, now: float) -> Wait | None:
    """The wait that a failure has asked for; None where it is over. Until then servers need not even be looked at."""
    if state.hold is None or state.hold.until <= now:
        return None
    return Wait(state.hold.until, state.hold.reason)


def _steps(state: EndpointState, seen: Seen, now: float) -> Iterator[Step]:
    needed = {*state.revision.wanted.values(), *state.traffic.values()}
    serving_first = sorted(state.deployments, key=lambda each: each.number not in state.traffic.values())
    for deployment in serving_first:
        if deployment.number in needed and deployment.backend not in seen.away:
            yield from _towards_warm(deployment, seen)
    traffic = traffic_wanted(state, away=seen.away)
    if traffic != dict(state.traffic):
        yield MoveTraffic(traffic)
    for deployment in state.deployments:
        if deployment.number not in needed or deployment.state is S.FAILED:
            yield from _towards_gone(deployment, state, seen, now)


def _towards_warm(deployment: Deployment, seen: Seen) -> Iterator[Step]:
    match deployment.state:
        case S.DECLARED:
            yield Advance(Change.PLACED, deployment.number)
        case S.PLACED:
            yield Advance(Change.LOADED, deployment.number)
        case S.LOADED | S.WARM if not seen.ready(deployment):
            yield Advance(Change.LOST, deployment.number)
        case S.LOADED:
            yield Advance(Change.WARMED, deployment.number)
        case S.DRAINING:
            yield Advance(Change.RECALLED, deployment.number)


def traffic_wanted(state: EndpointState, *, away: Container[str] = ()) -> dict[str, int]:
    """Where clients should be sent: each variant's wanted deployment once it is warm, until then where they are.

    A variant that is no longer wanted keeps its traffic until every wanted one is warm, so that a failed replacement
    under another variant's name takes nothing away.
    """
    warm = {each.number for each in state.deployments if each.state is S.WARM and each.backend not in away}
    wanted = state.revision.wanted
    if not wanted:
        return {}
    moved = {
        variant: number if number in warm else state.traffic[variant]
        for variant, number in wanted.items()
        if number in warm or variant in state.traffic
    }
    if set(wanted.values()) <= warm:
        return moved
    return {**state.traffic, **moved}


def _towards_gone(deployment: Deployment, state: EndpointState, seen: Seen, now: float) -> Iterator[Step]:
    match deployment.state:
        case S.DECLARED | S.PLACED | S.LOADED | S.WARM:
            yield Advance(Change.RETIRED, deployment.number)
        case _ if (away := seen.away.get(deployment.backend)) is not None:
            patience_s = state.revision.document.draining.forget_after_s
            if patience_s is not None and now >= max(deployment.since, away.since) + patience_s:
                why = f"forgotten, for its server is away: {away.reason}"
                yield Advance(Change.FORGOTTEN, deployment.number, "; ".join(filter(None, [deployment.reason, why])))
        case S.DRAINING:
            draining = state.revision.document.draining
            quiet_at = seen.quiet_since.get(deployment.name, now) + draining.quiet_s
            until = min(quiet_at, deployment.since + draining.timeout_s)
            if now < until:
                yield Wait(until, f"{deployment.name} drains")
            else:
                yield Advance(Change.UNLOADED, deployment.number)
        case S.UNLOADED | S.FAILED:
            yield Advance(Change.CLEARED, deployment.number)
