"""A world in which an endpoint lives without servers: steps are taken as the controller would, by values alone.

Things may happen between any two steps: the controller dies before it has written down what it did, servers forget.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cmcore.inference.interface import Interface
from cmcore.serving.backend import Flavor, Placement, ServedModel, ServedState
from cmcore.serving.decision import Advance, MoveTraffic, Seen, Step, Wait, next_step
from cmcore.serving.document import Draining, Endpoint, Variant
from cmcore.serving.states import Change, DeploymentState, after
from cmcore.serving.values import Deployment, EndpointState, Revision, ServedVersion

BACKEND = "simulated"
TAKING_AWAY = frozenset({Change.UNLOADED, Change.CLEARED, Change.RETIRED})
Wish = Mapping[str, str]


def placement(number: int) -> Placement:
    """Where a deployment of that number is."""
    return Placement(
        name=f"tiny-{number}",
        folder=Path("nowhere"),
        interface=Interface(inputs=(), outputs=()),
        flavor=Flavor(name="tiny", factory="nowhere:nothing"),
    )


def deployment(number: int, version: str = "good", state: DeploymentState = DeploymentState.DECLARED) -> Deployment:
    """A deployment of that number; `version` says what will become of it."""
    return Deployment(
        endpoint="tiny",
        number=number,
        variant="main",
        backend=BACKEND,
        version=ServedVersion(reference=f"{version}@1.0.0", artifact="", digest=""),
        identity=version,
        placement=placement(number),
        state=state,
    )


def revision(wanted: Mapping[str, int], number: int = 1, draining: Draining | None = None) -> Revision:
    """What somebody wants, by variant."""
    document = Endpoint(
        name="tiny", backend=BACKEND, variants=(Variant(model="good@1.0.0"),), draining=draining or Draining(quiet_s=2)
    )
    return Revision(
        endpoint="tiny", number=number, document=document, wanted=dict(wanted), resolved={}, actor="ada", at=0.0
    )


def endpoint(
    wanted: Mapping[str, int], *deployments: Deployment, traffic: Mapping[str, int] | None = None
) -> EndpointState:
    """An endpoint as it is."""
    return EndpointState(
        name="tiny", project="demo", revision=revision(wanted), traffic=dict(traffic or {}), deployments=deployments
    )


def seen(*ready: int) -> Seen:
    """Servers that have these deployments ready."""
    models = {f"tiny-{number}": ServedModel(name=f"tiny-{number}", state=ServedState.READY) for number in ready}
    return Seen(models={BACKEND: models})


@dataclass
class World:
    """An endpoint and its server. Versions that begin with `bad` are refused at loading, with `cold` at warming up.

    `history` has the steps that were taken, `warmed` the deployments that were ever warm, `broken` every promise that
    a step did not keep.
    """

    state: EndpointState = field(default_factory=lambda: endpoint({}))
    loaded: set[int] = field(default_factory=set)
    numbers: int = 0
    now: float = 0.0
    history: list[Step] = field(default_factory=list)
    warmed: set[int] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)

    def want(self, wish: Wish) -> None:
        """A new revision: a version by variant; what is still there of it is used again, as the store does it."""
        usable = {
            each.identity: each.number
            for each in self.state.deployments
            if each.state not in (DeploymentState.UNLOADED, DeploymentState.FAILED)
        }
        new = []
        for version in dict.fromkeys(wish.values()):
            if version not in usable:
                self.numbers += 1
                usable[version] = self.numbers
                new.append(replace(deployment(self.numbers, version), since=self.now))
        wanted = {variant: usable[version] for variant, version in wish.items()}
        number = self.state.revision.number + 1
        deployments = (*self.state.deployments, *new)
        self.state = replace(self.state, revision=revision(wanted, number), deployments=deployments)

    def forget(self) -> None:
        """The server is gone with all that it had, and comes back empty."""
        self.loaded.clear()

    def lose_one(self) -> None:
        """The server loses the oldest of what it has."""
        self.loaded -= set(sorted(self.loaded)[:1])

    def step(self, *, recorded: bool = True) -> Step | None:
        """Take the next step; not `recorded`, the controller dies right after the act."""
        quiet = {each.name: each.since for each in self.state.deployments}
        step = next_step(self.state, replace(seen(*self.loaded), quiet_since=quiet), self.now)
        if isinstance(step, Wait):
            self.now = step.until
        elif step is not None:
            self.history.append(step)
            self.broken += broken_by(step, self.state)
            self._take(step, recorded=recorded)
        return step

    def settle(self, most: int = 300) -> int:
        """Take steps until there is none to take; how many it were, `most` where there was no end."""
        for taken in range(most):
            if self.step() is None:
                return taken
        return most

    def versions(self) -> dict[str, str]:
        """What clients get, by variant."""
        known = {each.number: each.identity for each in self.state.deployments}
        return {variant: known[number] for variant, number in self.state.traffic.items()}

    def standing(self) -> dict[str, DeploymentState]:
        """What there is, by version."""
        return {each.identity: each.state for each in self.state.deployments}

    def _take(self, step: Step, *, recorded: bool) -> None:
        if isinstance(step, MoveTraffic):
            if recorded:
                self.state = replace(self.state, traffic=dict(step.traffic))
            return
        assert isinstance(step, Advance)
        found = self.state.deployment(step.number)
        assert found is not None
        change = self._act(step.change, found)
        if recorded:
            self._record(found, change)

    def _act(self, change: Change, found: Deployment) -> Change:
        if change is Change.LOADED:
            if found.identity.startswith("bad"):
                return Change.REFUSED
            self.loaded.add(found.number)
        if change is Change.WARMED and found.identity.startswith("cold"):
            return Change.REFUSED
        if change in (Change.UNLOADED, Change.CLEARED):
            self.loaded.discard(found.number)
        return change

    def _record(self, found: Deployment, change: Change) -> None:
        state = after(found.state, change)
        self.warmed |= {found.number} if state is DeploymentState.WARM else set()
        changed = replace(found, state=state, since=self.now)
        deployments = [changed if each.number == found.number else each for each in self.state.deployments]
        self.state = replace(self.state, deployments=tuple(each for each in deployments if not each.state.final))


def broken_by(step: Step, state: EndpointState) -> Iterator[str]:
    """The promises that a step does not keep."""
    serving = set(state.traffic.values())
    if isinstance(step, MoveTraffic):
        for number in set(step.traffic.values()) - serving:
            found = state.deployment(number)
            if found is None or found.state is not DeploymentState.WARM:
                yield f"traffic moves to {number}, which is not warm"
        if serving and state.revision.wanted and not step.traffic:
            yield "traffic is taken away although something is wanted"
    elif isinstance(step, Advance) and step.change in TAKING_AWAY and step.number in serving:
        yield f"{step} is about one that has traffic"


def numbers(steps: Sequence[Step], change: Change) -> list[int]:
    """The deployments for which this change was brought about, in their order."""
    return [step.number for step in steps if isinstance(step, Advance) and step.change is change]
