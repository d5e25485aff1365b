"""Endpoints, revisions and deployments as rows, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import sqlalchemy as sa

from cmcore.serving.backend import Placement
from cmcore.serving.document import Endpoint
from cmcore.serving.states import DeploymentState
from cmcore.serving.tables import DEPLOYMENTS, ENDPOINTS, REVISIONS
from cmcore.serving.values import Deployment, EndpointState, Hold, Revision, ServedVersion

FINAL = [state.value for state in DeploymentState if state.final]


def endpoint_row(connection: sa.Connection, name: str, *, lock: bool = False) -> sa.RowMapping | None:
    """The endpoint's own row."""
    query = sa.select(ENDPOINTS).where(ENDPOINTS.c.name == name)
    return connection.execute(query.with_for_update() if lock else query).mappings().first()


def state_of(connection: sa.Connection, row: sa.RowMapping) -> EndpointState:
    """The endpoint with its newest revision and the deployments that are not final."""
    revision = revision_in(connection, row["name"], row["revision"])
    assert revision is not None
    hold = row["hold"]
    return EndpointState(
        name=row["name"],
        project=row["project"],
        revision=revision,
        traffic={variant: int(number) for variant, number in row["traffic"].items()},
        moved_at=row["moved_at"],
        hold=Hold(**hold) if hold else None,
        deployments=tuple(deployments_in(connection, row["name"], live=True)),
    )


def revision_in(connection: sa.Connection, endpoint: str, number: int) -> Revision | None:
    """One revision of an endpoint."""
    query = sa.select(REVISIONS).where(REVISIONS.c.endpoint == endpoint, REVISIONS.c.number == number)
    row = connection.execute(query).mappings().first()
    return revision_of(row) if row else None


def revisions_in(connection: sa.Connection, endpoint: str) -> list[Revision]:
    """All revisions of an endpoint, the newest first."""
    query = sa.select(REVISIONS).where(REVISIONS.c.endpoint == endpoint).order_by(REVISIONS.c.number.desc())
    return [revision_of(row) for row in connection.execute(query).mappings()]


def deployments_in(connection: sa.Connection, endpoint: str, *, live: bool = False) -> list[Deployment]:
    """The endpoint's deployments, the oldest first; with `live` only those that are not final."""
    query = sa.select(DEPLOYMENTS).where(DEPLOYMENTS.c.endpoint == endpoint).order_by(DEPLOYMENTS.c.number)
    if live:
        query = query.where(DEPLOYMENTS.c.state.not_in(FINAL))
    return [deployment_of(row) for row in connection.execute(query).mappings()]


def deployment_named(connection: sa.Connection, name: str) -> Deployment | None:
    """The deployment that has, or had, this name on a server."""
    row = connection.execute(sa.select(DEPLOYMENTS).where(DEPLOYMENTS.c.name == name)).mappings().first()
    return deployment_of(row) if row else None


def revision_of(row: sa.RowMapping) -> Revision:
    """The row as a revision."""
    return Revision(
        endpoint=row["endpoint"],
        number=row["number"],
        document=Endpoint.model_validate(row["document"]),
        wanted={variant: int(number) for variant, number in row["wanted"].items()},
        resolved=row["resolved"],
        actor=row["actor"],
        at=row["at"],
        reason=row["reason"],
    )


def row_of_revision(revision: Revision) -> dict[str, object]:
    """The revision as a row."""
    return {
        "endpoint": revision.endpoint,
        "number": revision.number,
        "document": revision.document.model_dump(mode="json", exclude_defaults=True),
        "wanted": dict(revision.wanted),
        "resolved": dict(revision.resolved),
        "actor": revision.actor,
        "at": revision.at,
        "reason": revision.reason,
    }


def deployment_of(row: sa.RowMapping) -> Deployment:
    """The row as a deployment."""
    return Deployment(
        endpoint=row["endpoint"],
        number=row["number"],
        variant=row["variant"],
        backend=row["backend"],
        version=ServedVersion(**row["version"]),
        others=tuple(ServedVersion(**other) for other in row["others"]),
        identity=row["identity"],
        placement=Placement.model_validate(row["placement"]),
        state=DeploymentState(row["state"]),
        reason=row["reason"],
        created_at=row["created_at"],
        since=row["since"],
    )


def row_of_deployment(deployment: Deployment) -> Mapping[str, object]:
    """The deployment as a row."""
    return {
        "endpoint": deployment.endpoint,
        "number": deployment.number,
        "name": deployment.name,
        "variant": deployment.variant,
        "backend": deployment.backend,
        "version": asdict(deployment.version),
        "others": [asdict(other) for other in deployment.others],
        "identity": deployment.identity,
        "placement": deployment.placement.model_dump(mode="json"),
        "state": deployment.state.value,
        "reason": deployment.reason,
        "created_at": deployment.created_at,
        "since": deployment.since,
    }
