"""What a stack says of Triton. Imports nothing beyond pydantic and cmcore."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cmcore.components.secret import Secret

Port = Annotated[int, Field(ge=0, le=65535)]
REMOTE = ("grpc_url", "metrics_url", "repository", "control_key", "control_secret")
LOCAL = (
    "open_control", "http_port", "grpc_port", "metrics_port", "host", "server", "python", "arguments", "rate_limit",
    "log_verbosity", "start_timeout_s",
)  # fmt: skip


class TritonOptions(BaseModel):
    """`options:` of the serving backend `triton`: a local server that cmcore starts, or with `url` one that runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        default="", pattern=r"^(https?://[^\s/?#@]+(/[^\s?#@]*)?)?$",
        description="REST address of a server that somebody else runs, such as http://triton:8000",
    )  # fmt: skip
    grpc_url: str = Field(default="", pattern=r"^([^\s/@]+:\d+)?$", description="its gRPC address, host:port")
    metrics_url: str = Field(
        default="", pattern=r"^(https?://[^\s?#@]+)?$", description="its metrics, such as http://triton:8002/metrics"
    )
    repository: str = Field(
        default="", description="the model repository that it reads, as this machine sees it; models are placed there"
    )
    control_key: str = Field(
        default="", pattern=r"^[a-z0-9_.-]*$", description="the gRPC metadata that it asks for before it loads models"
    )
    control_secret: Secret[str] | None = Field(default=None, description="their value, as ${secret:NAME}")
    open_control: bool = Field(
        default=False,
        description="whoever reaches the local server may load models, which is to run any code; else only this folder",
    )
    http_port: Port = Field(default=0, description="0: one that is free is chosen once and kept")
    grpc_port: Port = Field(default=0, description="0: one that is free is chosen once and kept")
    metrics_port: Port = Field(default=0, description="0: one that is free is chosen once and kept")
    host: str = Field(default="127.0.0.1", min_length=1, description="address that the local server listens on")
    server: str = Field(
        default="", description="path of tritonserver; empty: on PATH, else that of the wheel nvidia-pytriton"
    )
    backend_directory: str = Field(default="", description="backends of the server; empty: those beside tritonserver")
    python: str = Field(
        default="", description="the Python whose packages models are run with; empty: that of cmcore itself"
    )
    onnxruntime: Literal["auto", "yes", "no"] = Field(
        default="auto", description="ONNX by Triton's own backend; auto: where the backend directory has it"
    )
    response_cache_mib: int = Field(default=64, ge=0, le=1_000_000, description="memory for answers; 0: no cache")
    rate_limit: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default={}, description="resources that instances share, with their amounts; empty: the rate limiter is off"
    )
    log_verbosity: int = Field(default=0, ge=0, le=5, description="0: warnings, errors, and loads")
    log_mib: int = Field(default=32, ge=1, le=10_000, description="the log is cut when it has grown to this size")
    start_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    stop_timeout_s: float = Field(default=10.0, ge=0, le=3600, description="requests under way may take so long to end")
    unload_timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="how long an unload waits for requests that are under way"
    )
    arguments: tuple[str, ...] = Field(default=(), description="further arguments of tritonserver")

    @model_validator(mode="after")
    def _local_or_not(self) -> TritonOptions:
        given = self.model_fields_set
        if self.url:
            if not self.grpc_url:
                raise ValueError("url needs grpc_url too (host:port): models are loaded by gRPC")
            if odd := [name for name in LOCAL if name in given]:
                raise ValueError(f"{', '.join(odd)} are of a local server, and url names one that somebody else runs")
            if bool(self.control_key) != (self.control_secret is not None):
                raise ValueError("control_key and control_secret are sent together: give both")
        elif odd := [name for name in REMOTE if getattr(self, name)]:
            raise ValueError(f"{', '.join(odd)} go with url, which is empty")
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> TritonOptions:
        ports = [port for port in (self.http_port, self.grpc_port, self.metrics_port) if port]
        if len(set(ports)) < len(ports):
            raise ValueError(f"http_port, grpc_port and metrics_port are {ports}: each needs its own")
        return self
