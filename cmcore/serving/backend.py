"""ServingBackend: what cmcore asks of a model server. Backends are providers of kind `serving`.

The factory is called as `factory(folder, **options)`: the folder is the backend's own in the project, for model
repositories, logs and what it must remember; several processes may use one folder one after the other. A local server
that a backend starts outlives the process that started it, and is found again.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest, InferenceResponse
from cmcore.serving.document import DeploymentConfig, InferenceConfig, Protocol

__all__ = [
    "Address", "Capabilities", "Placement", "Protocol", "ServedModel", "ServedState", "ServingBackend", "Traffic",
]  # fmt: skip


class Flavor(BaseModel):
    """How a model is run: the flavor's name, and the import path of the factory of its Predictor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    factory: str


class Step(BaseModel):
    """One model of an ensemble as it is placed: its tensors' names to the ensemble's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    placement: Placement
    inputs: dict[str, str]
    outputs: dict[str, str]


class Placement(BaseModel):
    """One model version as it is to be served. `name` is its own on the server and never used for another one.

    `folder` has the model's files in MLflow's layout; they are read-only, and stay until the placement is removed.
    `owner` says whose it is (project, endpoint, number): a backend that shares a server refuses a name that somebody
    else has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    folder: Path
    interface: Interface
    flavor: Flavor
    deployment: DeploymentConfig = DeploymentConfig()
    inference: InferenceConfig = InferenceConfig()
    steps: tuple[Step, ...] = ()
    owner: dict[str, str] = {}


Step.model_rebuild()


class ServedState(StrEnum):
    """How a model stands on the server."""

    LOADING = "loading"
    READY = "ready"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """One model that the server knows; `reason` says why it is unavailable."""

    name: str
    state: ServedState
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where clients ask for one model: `rest` is a URL to which `/v2/models/...` is added, `grpc` is host:port; empty
    where the protocol is not offered. `metadata` goes with every gRPC call."""

    model: str
    rest: str = ""
    grpc: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What a model has had since it was loaded: requests answered, requests failed, and those under way now.

    `cache_hits` of the answered ones came from the response cache. Seconds are sums over requests.
    """

    answered: int = 0
    failed: int = 0
    pending: int = 0
    cache_hits: int = 0
    queue_s: float = 0.0
    compute_s: float = 0.0

    @property
    def total(self) -> int:
        """All that arrived, so that a rise means traffic."""
        return self.answered + self.failed + self.pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a backend can do with this server; documents that ask for more are refused before anything is placed."""

    server: str
    version: str = ""
    protocols: frozenset[Protocol] = frozenset(Protocol)
    flavors: frozenset[str] | None = None  # None: every flavor that some plugin can run
    devices: frozenset[str] = frozenset({"cpu"})
    batching: bool = False
    queue_policy: bool = False
    response_cache: bool = False
    rate_limit: bool = False
    instance_groups: bool = False
    ensembles: bool = False
    autoscaling: bool = False
    fractional_gpus: bool = False
    server_config: bool = False


class ServingBackend(typing.Protocol):
    """Calls raise ServingError where the server cannot be reached (try again) and ModelRefusedError where it will not
    serve a model (do not). Every call that changes something can be made again, also by another process after a kill.
    """

    def capabilities(self) -> Capabilities:
        """What can be asked for. May need the server to be there; starts none."""
        ...

    def start(self) -> None:
        """Have a server that answers: found, or started and waited for."""
        ...

    def place(self, placement: Placement) -> None:
        """Put the model where the server will load it from, whole or not at all; again with the same changes nothing.

        Nothing that is loaded is touched. Raises ModelRefusedError where it cannot be served so, or the name is taken.
        """
        ...

    def load(self, name: str) -> None:
        """Load what was placed, and return once it is ready; loaded already, it does nothing.

        Raises ModelRefusedError with the server's reason, after `load_timeout_s` too. Other models go on undisturbed.
        """
        ...

    def unload(self, name: str) -> None:
        """Take it from the server's memory and devices; nothing where it is not loaded. Requests under way finish."""
        ...

    def remove(self, name: str) -> None:
        """Forget what was placed; nothing where nothing was. Only for what is not loaded."""
        ...

    def models(self) -> Mapping[str, ServedModel]:
        """What the server knows, also what others loaded, by name. Raises ServingError where it does not answer."""
        ...

    def address(self, name: str) -> Address:
        """Where clients ask for it."""
        ...

    def infer(
        self, name: str, request: InferenceRequest, *, protocol: Protocol = Protocol.REST, timeout_s: float = 30.0
    ) -> InferenceResponse:
        """Ask a loaded model; raises InferenceError where it has no answer."""
        ...

    def traffic(self) -> Mapping[str, Traffic]:
        """What each model has had, by name; a model that had nothing may be missing."""
        ...

    def metrics(self) -> str:
        """The server's metrics in Prometheus' text format."""
        ...

    def stop(self) -> None:
        """End a local server that this backend started; nothing where it is somebody else's."""
        ...

    def close(self) -> None:
        """Give connections back; the server and its models stay."""
        ...
