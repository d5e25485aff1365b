"""Endpoints: what people want served, and how far it is, in the state database. Nothing is served here.

What people want is a revision, only ever added. What the controller has done is written under its lease, one step at a
time, each with its event in the same transaction, and only if the revision it acted for is still the newest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import sqlalchemy as sa
from pydantic import JsonValue

from cmcore.errors import NotFoundError, OutdatedError, UsageError
from cmcore.events import Event, EventKind
from cmcore.serving import rows
from cmcore.serving.backend import Placement
from cmcore.serving.document import Endpoint
from cmcore.serving.states import Change, DeploymentState, after
from cmcore.serving.tables import DEPLOYMENTS, ENDPOINTS, REVISIONS
from cmcore.serving.values import Deployment, EndpointState, Hold, Revision, ServedVersion
from cmcore.state.database import StateDatabase
from cmcore.state.journal import record
from cmcore.state.lease import COLLECTION, Lease, fence, refuse_while_held

FORGET_AFTER_S = 5.0  # how long a server has to be away that is said not to come back
USABLE = (
    frozenset(DeploymentState)
    - {DeploymentState.UNLOADED, DeploymentState.FAILED}
    - {state for state in DeploymentState if state.final}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What one variant means: the exact version, and its placement, whose name is given when it becomes a deployment.

    `identity` is the digest of all that makes an answer: two candidates with the same one are the same deployment.
    """

    variant: str
    version: ServedVersion
    others: tuple[ServedVersion, ...] = ()
    backend: str
    placement: Placement
    identity: str


class Endpoints:
    """The endpoints of one project."""

    def __init__(
        self, database: StateDatabase, *, project: str, actor: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._project, self._actor, self._clock = database, project, actor, clock

    def names(self) -> list[str]:
        """The project's endpoints in the order of their names."""
        query = sa.select(ENDPOINTS.c.name).where(ENDPOINTS.c.project == self._project).order_by(ENDPOINTS.c.name)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def backends(self) -> set[str]:
        """Every backend that the project's endpoints ever had a deployment on."""
        own = DEPLOYMENTS.c.endpoint == ENDPOINTS.c.name
        query = sa.select(DEPLOYMENTS.c.backend).where(own, ENDPOINTS.c.project == self._project).distinct()
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def state(self, name: str) -> EndpointState:
        """One endpoint as it is; raises NotFoundError naming those that there are."""
        with self._database.reading() as connection:
            row = rows.endpoint_row(connection, name)
            if row is not None and row["project"] == self._project:
                return rows.state_of(connection, row)
        raise NotFoundError(f"no endpoint {name!r}; this project has {', '.join(self.names()) or 'none'}")

    def revisions(self, name: str) -> list[Revision]:
        """What was wanted of an endpoint, the newest first; raises NotFoundError."""
        self.state(name)
        with self._database.reading() as connection:
            return rows.revisions_in(connection, name)

    def deployments(self, name: str) -> list[Deployment]:
        """All deployments that an endpoint ever had, the oldest first."""
        with self._database.reading() as connection:
            return rows.deployments_in(connection, name)

    def deployment_named(self, name: str) -> Deployment | None:
        """The deployment that has, or had, this name on a server; None where none ever had."""
        with self._database.reading() as connection:
            return rows.deployment_named(connection, name)

    def apply(
        self, document: Endpoint, candidates: Sequence[Candidate], *, reason: str = "", over: int | None = None
    ) -> Revision:
        """Want this from now on. A deployment that is there already and means the same is used again; nothing changes
        where the newest revision says just this.

        `over` is the revision that was seen: OutdatedError where a newer one says something else. Raises
        LeaseHeldError while payloads are collected.
        """
        with self._database.writing() as connection:
            refuse_while_held(connection, COLLECTION)
            before = self._own(connection, document.name)
            wanted, new = self._matched(connection, document.name, candidates)
            resolved = resolved_of(candidates)
            if before and (before.revision.document, dict(before.revision.wanted)) == (document, wanted):
                return before.revision
            if over is not None and over != (before.revision.number if before else 0):
                raise OutdatedError(outdated(document.name, before, over))
            revision = Revision(
                endpoint=document.name,
                number=before.revision.number + 1 if before else 1,
                document=document,
                wanted=wanted,
                resolved=resolved,
                actor=self._actor,
                at=self._clock(),
                reason=reason,
            )
            self._want(connection, revision, new, first=before is None)
        return revision

    def recycle(self, name: str, *, reason: str = "", forget: bool = False) -> Revision:
        """Want nothing of it served any more; what is served drains, is unloaded and removed. With `forget`, what a
        server had that stays away for FORGET_AFTER_S is taken for gone. Raises NotFoundError, OutdatedError."""
        newest = self.state(name).revision
        document = newest.document
        if forget:
            draining = document.draining.model_copy(update={"forget_after_s": FORGET_AFTER_S})
            document = document.model_copy(update={"draining": draining})
        return self.apply(document, (), reason=reason or "recycled", over=newest.number)

    def changed(
        self, lease: Lease, state: EndpointState, deployment: Deployment, change: Change, *, reason: str = ""
    ) -> None:
        """Note what has happened to a deployment; OutdatedError where the endpoint has a newer revision by now."""
        new = replace(deployment, state=after(deployment.state, change), reason=reason or deployment.reason)
        with self._database.writing() as connection:
            self._unless_outdated(connection, state)
            at = self._clock()
            own = (
                DEPLOYMENTS.c.endpoint == deployment.endpoint,
                DEPLOYMENTS.c.number == deployment.number,
                DEPLOYMENTS.c.state == deployment.state.value,
            )
            values = {"state": new.state.value, "reason": new.reason, "since": at}
            if connection.execute(sa.update(DEPLOYMENTS).where(*own).values(**values)).rowcount == 0:
                raise OutdatedError(f"{deployment.name} is no longer {deployment.state}; look again")
            data: dict[str, JsonValue] = {
                **facts_of(new), "change": change.value, "state": new.state.value, "reason": new.reason,
            }  # fmt: skip
            record(connection, [self._event(EventKind.DEPLOYMENT_CHANGED, at, data)], lease=lease)

    def moved(self, lease: Lease, state: EndpointState, traffic: Mapping[str, int]) -> None:
        """Send clients to these deployments from now on; OutdatedError where the endpoint has a newer revision."""
        with self._database.writing() as connection:
            self._unless_outdated(connection, state)
            at = self._clock()
            own = ENDPOINTS.c.name == state.name
            connection.execute(sa.update(ENDPOINTS).where(own).values(traffic=dict(traffic), moved_at=at, hold=None))
            data: dict[str, JsonValue] = {
                "endpoint": state.name,
                "revision": state.revision.number,
                "from": dict(state.traffic),
                "to": {variant: destination(state, number) for variant, number in traffic.items()},
            }
            record(connection, [self._event(EventKind.TRAFFIC_MOVED, at, data)], lease=lease)

    def held(self, lease: Lease, state: EndpointState, hold: Hold | None) -> None:
        """Note why the next step has to wait, or that it has not any more; OutdatedError as for a change."""
        with self._database.writing() as connection:
            self._unless_outdated(connection, state)
            values = {"hold": asdict(hold) if hold else None}
            connection.execute(sa.update(ENDPOINTS).where(ENDPOINTS.c.name == state.name).values(**values))
            told = hold.reason if hold else ""
            if told == (state.hold.reason if state.hold else ""):
                record(connection, [], lease=lease)
                return
            data: dict[str, JsonValue] = {"endpoint": state.name, "reason": told}
            record(connection, [self._event(EventKind.ENDPOINT_HELD, self._clock(), data)], lease=lease)

    def check(self, lease: Lease, state: EndpointState) -> None:
        """Raise LeaseLostError or OutdatedError where a step for this state is not to be taken any more."""
        with self._database.writing() as connection:
            self._unless_outdated(connection, state)
            fence(connection, lease)

    def _own(self, connection: sa.Connection, name: str) -> EndpointState | None:
        row = rows.endpoint_row(connection, name, lock=True)
        if row is None:
            return None
        if row["project"] != self._project:
            raise UsageError(
                f"the endpoint {name!r} belongs to the project {row['project']!r}, which shares this database; choose "
                "another name"
            )
        return rows.state_of(connection, row)

    def _matched(
        self, connection: sa.Connection, endpoint: str, candidates: Sequence[Candidate]
    ) -> tuple[dict[str, int], list[Deployment]]:
        known = rows.deployments_in(connection, endpoint)
        usable = {each.identity: each.number for each in known if each.state in USABLE}
        last = max((each.number for each in known), default=0)
        wanted, new = dict[str, int](), list[Deployment]()
        for each in candidates:
            if each.identity not in usable:
                last += 1
                usable[each.identity] = last
                new.append(deployment_of(endpoint, last, each, at=self._clock(), project=self._project))
            wanted[each.variant] = usable[each.identity]
        return wanted, new

    def _want(self, connection: sa.Connection, revision: Revision, new: Sequence[Deployment], *, first: bool) -> None:
        connection.execute(sa.insert(REVISIONS).values(**rows.row_of_revision(revision)))
        if first:
            values = {"name": revision.endpoint, "project": self._project, "traffic": {}, "moved_at": 0.0}
            connection.execute(sa.insert(ENDPOINTS).values(**values, revision=revision.number))
        else:
            own = ENDPOINTS.c.name == revision.endpoint
            connection.execute(sa.update(ENDPOINTS).where(own).values(revision=revision.number, hold=None))
        for deployment in new:
            connection.execute(sa.insert(DEPLOYMENTS).values(**rows.row_of_deployment(deployment)))
        data: dict[str, JsonValue] = {
            "endpoint": revision.endpoint,
            "revision": revision.number,
            "backend": revision.document.backend,
            "wanted": dict(revision.wanted),
            "resolved": dict(revision.resolved),
            "reason": revision.reason,
        }
        record(connection, [self._event(EventKind.ENDPOINT_APPLIED, revision.at, data)])

    def _unless_outdated(self, connection: sa.Connection, state: EndpointState) -> None:
        row = rows.endpoint_row(connection, state.name, lock=True)
        if row is None or row["revision"] != state.revision.number:
            raise OutdatedError(f"{state.name} has a newer revision than {state.revision.number}; look again")

    def _event(self, kind: EventKind, at: float, data: Mapping[str, JsonValue]) -> Event:
        return Event(kind=kind, at=at, data={**data, "project": self._project, "actor": self._actor})


def resolved_of(candidates: Sequence[Candidate]) -> dict[str, str]:
    """The exact version of each variant by its name, and of the models of its ensemble by `part`."""
    versions = {each.variant: each.version.reference for each in candidates}
    return versions | {
        part(each.variant, index): other.reference for each in candidates for index, other in enumerate(each.others)
    }


def part(variant: str, index: int) -> str:
    """How a model of a variant's ensemble is called among resolved versions."""
    return f"{variant}/{index}"


def deployment_of(endpoint: str, number: int, candidate: Candidate, *, at: float, project: str) -> Deployment:
    """The candidate as the endpoint's next deployment."""
    version = candidate.version.reference.partition("@")[2]
    owner = {"project": project, "endpoint": endpoint, "number": str(number), "version": candidate.version.reference}
    name = f"{endpoint}-{version}-{number}"
    return Deployment(
        endpoint=endpoint,
        number=number,
        variant=candidate.variant,
        backend=candidate.backend,
        version=candidate.version,
        others=candidate.others,
        identity=candidate.identity,
        placement=candidate.placement.model_copy(update={"name": name, "owner": owner}),
        created_at=at,
        since=at,
    )


def facts_of(deployment: Deployment) -> dict[str, JsonValue]:
    """What events tell of a deployment."""
    return {
        "endpoint": deployment.endpoint,
        "number": deployment.number,
        "name": deployment.name,
        "variant": deployment.variant,
        "backend": deployment.backend,
        "version": deployment.version.reference,
        "artifact": deployment.version.artifact,
        "others": [other.artifact for other in deployment.others],
    }


def destination(state: EndpointState, number: int) -> JsonValue:
    """What an event tells of where traffic goes."""
    deployment = state.deployment(number)
    assert deployment is not None  # only a warm one gets traffic
    return {"number": number, "name": deployment.name, "version": deployment.version.reference}


def outdated(name: str, found: EndpointState | None, seen: int) -> str:
    """What to tell somebody whose change was based on an older revision."""
    if found is None:
        return f"there is no endpoint {name!r}, and revision {seen} of it was to be replaced"
    newest = found.revision
    return (
        f"{name} is no longer as you saw it (revision {seen}): {newest.actor} made revision {newest.number}. "
        f"Nothing was changed; look again: cm status {name}"
    )
