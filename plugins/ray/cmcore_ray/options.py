"""What the settings say of Ray Serve. Imports nothing beyond pydantic and cmcore."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cmcore.components.secret import Secret

Port = Annotated[int, Field(ge=1, le=65_535)]


class RayOptions(BaseModel):
    """`options:` of the serving backend `ray`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    address: str = Field(
        default="", description="host:port of a cluster that is there; empty: a local one, started for this folder"
    )
    host: str = Field(
        default="127.0.0.1", description="where Serve listens for REST and gRPC, and where clients find it"
    )
    http_port: Port | None = Field(default=None, description="empty: a free one, chosen once and kept in the folder")
    grpc_port: Port | None = Field(default=None, description="empty: a free one, chosen once and kept in the folder")
    num_cpus: int | None = Field(
        default=None, ge=1, description="CPU cores that models may claim together; empty: 16, or 4 per core if more"
    )
    num_gpus: int | None = Field(
        default=None, ge=0, description="GPUs of a local cluster, there or claimed; empty: those found"
    )
    object_store_mib: int = Field(default=128, ge=80, description="memory for Ray's objects, which serving hardly uses")
    haproxy: bool = Field(
        default=True, description="HAProxy in front of the models; false: Ray's own proxy, much slower"
    )
    token: Secret[str] | None = Field(
        default=None, description="of the cluster at `address`, as ${secret:NAME}; a local one has its own"
    )
    start_timeout_s: float = Field(default=120.0, gt=0)
    call_timeout_s: float = Field(default=30.0, gt=0, description="how long one call to the cluster may take")

    @model_validator(mode="after")
    def _ports_of_a_remote_cluster_are_known(self) -> RayOptions:
        if self.address and (self.http_port is None or self.grpc_port is None):
            raise ValueError("a cluster at an address needs http_port and grpc_port, where its Serve listens")
        if self.token is not None and not self.address:
            raise ValueError("a local cluster makes its own token; give one only with an address")
        return self
