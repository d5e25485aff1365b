"""Endpoints, their revisions and deployments as values, as the state database keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cmcore.serving.backend import Placement
from cmcore.serving.document import Endpoint
from cmcore.serving.states import DeploymentState


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVersion:
    """A registered version as it is to be served: `reference` is MODEL@MAJOR.MINOR.PIPELINE, `artifact` its name in the
    lineage, `digest` that of its payload."""

    reference: str
    artifact: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One version on one server. `number` counts the endpoint's deployments from 1; `version` is what is served.

    `identity` is the digest of everything that makes an answer: version, backend and configs. `reason` says why it was
    refused, `since` when its state began. `others` are the further versions of an ensemble.
    """

    endpoint: str
    number: int
    variant: str
    backend: str
    version: ServedVersion
    identity: str
    placement: Placement
    state: DeploymentState = DeploymentState.DECLARED
    reason: str = ""
    created_at: float = 0.0
    since: float = 0.0
    others: tuple[ServedVersion, ...] = ()

    @property
    def name(self) -> str:
        """Its name on the server, which every answer carries as `model_name`: unique in the project, for ever."""
        return self.placement.name

    def __str__(self) -> str:
        return f"{self.name} ({self.version.reference})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What somebody wanted of an endpoint: the document, and which deployment each variant means (none: recycled).

    `resolved` is the exact version of each variant then, by the variant's name; `NAME/0` and so on are those of the
    models of its ensemble.
    """

    endpoint: str
    number: int
    document: Endpoint
    wanted: Mapping[str, int]
    resolved: Mapping[str, str]
    actor: str
    at: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why the controller waits before it tries the next step again; `failures` in a row lengthen the wait."""

    reason: str
    failures: int
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """An endpoint as it is: the newest revision is desired, `traffic` is where clients are sent, by variant.

    `deployments` are those that are not final, the oldest first; `moved_at` is when traffic moved last.
    """

    name: str
    project: str
    revision: Revision
    traffic: Mapping[str, int] = field(default_factory=dict)
    moved_at: float = 0.0
    hold: Hold | None = None
    deployments: tuple[Deployment, ...] = ()

    def deployment(self, number: int) -> Deployment | None:
        """One that is not final."""
        return next((each for each in self.deployments if each.number == number), None)
