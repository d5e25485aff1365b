"""`kind: Endpoint`: what should be served, on what hardware, and how the server runs it. Declared; nothing acts here.

Deployment config and inference config are two parts that `checks` compares with each other and with the backend.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from cmcore.inference.datatype import DataType

NAME = r"^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$"
Name = Annotated[str, Field(pattern=NAME)]
PositiveInt = Annotated[int, Field(gt=0)]


class Part(BaseModel):
    """A part of the document: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Protocol(StrEnum):
    """How clients may ask: both are the Open Inference Protocol, version 2."""

    REST = "rest"
    GRPC = "grpc"


class Autoscaling(Part):
    """How many instances there are, by requests under way per instance (as Ray Serve counts them)."""

    min_instances: int = Field(default=1, ge=0, le=10_000)
    max_instances: int = Field(default=1, ge=1, le=10_000)
    target_ongoing_requests: float = Field(default=2.0, gt=0, description="under way at one instance")
    upscale_delay_s: float = Field(default=30.0, ge=0)
    downscale_delay_s: float = Field(default=600.0, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Autoscaling:
        if self.min_instances > self.max_instances:
            raise ValueError(f"min_instances {self.min_instances} is above max_instances {self.max_instances}")
        return self


class DeploymentConfig(Part):
    """The hardware and placement of one variant. CPU, memory and GPU are those of one instance."""

    devices: tuple[Annotated[str, Field(pattern=r"^(cpu|gpu(:\d{1,3})?)$")], ...] = Field(
        default=("cpu",), min_length=1, description="cpu, gpu, or gpu:0, gpu:1, ..."
    )
    cpu_cores: float = Field(default=1.0, gt=0, le=4096)
    memory_mib: int = Field(default=512, gt=0)
    gpus: float = Field(default=0.0, ge=0, le=64, description="GPUs of one instance; parts of one where it is shared")
    instances: int = Field(default=1, ge=1, le=1024)
    autoscaling: Autoscaling | None = None


class TensorConfig(Part):
    """One input or output, where the model's signature does not say it; `shape` without the rows of a batch."""

    name: str = Field(min_length=1)
    datatype: DataType
    shape: tuple[Annotated[int, Field(ge=-1)], ...] = (1,)
    optional: bool = False


class Batching(Part):
    """Requests that wait for each other and are answered together (dynamic batching)."""

    max_batch_size: int = Field(default=64, ge=1, le=1_000_000, description="rows that one call of the model takes")
    preferred_batch_sizes: tuple[PositiveInt, ...] = ()
    max_delay_us: int = Field(default=0, ge=0, description="how long a request waits for others, microseconds")
    enabled: bool = Field(default=True, description="false: max_batch_size is a limit, and nothing waits")


class Queue(Part):
    """What happens to requests that wait: how many may, how long, and in how many classes of priority."""

    max_size: int = Field(default=0, ge=0, description="0: no limit")
    timeout_us: int = Field(default=0, ge=0, description="0: none; a request that waited longer is refused")
    priority_levels: int = Field(default=0, ge=0, le=100)


class InstanceGroup(Part):
    """Instances of one kind: where they are not all alike."""

    kind: Literal["cpu", "gpu", "auto"] = "auto"
    count: int = Field(default=1, ge=1, le=1024)
    gpus: tuple[Annotated[int, Field(ge=0)], ...] = ()


class WarmUp(Part):
    """Requests that a version must answer well before it gets traffic: recorded ones where its folder has any."""

    requests: int = Field(default=3, ge=1, le=10_000, description="how many of each batch size, by each protocol")
    batch_sizes: tuple[PositiveInt, ...] = Field(default=(1,), min_length=1)
    source: Literal["auto", "recorded", "generated"] = "auto"
    timeout_s: float = Field(default=30.0, gt=0, description="for each request")


class RateLimit(Part):
    """Named resources that an instance holds while it computes, and who goes first (Triton's rate limiter)."""

    resources: dict[str, PositiveInt] = {}
    priority: int = Field(default=0, ge=0)


class EnsembleStep(Part):
    """One model of an ensemble: `inputs` and `outputs` are its own tensors' names to the ensemble's."""

    model: str = Field(min_length=1, description="MODEL@VERSION or MODEL@ALIAS")
    inputs: dict[str, str]
    outputs: dict[str, str]


class InferenceConfig(Part):
    """How the server runs the model. What is left out comes from the model's own signature."""

    flavor: str = Field(default="", description="which of the model's flavors is run; empty: the first that can be")
    inputs: tuple[TensorConfig, ...] = Field(default=(), description="empty: those of the model's signature")
    outputs: tuple[TensorConfig, ...] = Field(default=(), description="empty: those of the model's signature")
    batching: Batching = Batching()
    queue: Queue = Queue()
    instance_groups: tuple[InstanceGroup, ...] = Field(default=(), description="empty: as many as `instances` says")
    warm_up: WarmUp = WarmUp()
    response_cache: bool = Field(default=False, description="equal requests are answered from memory")
    rate_limit: RateLimit | None = None
    ensemble: tuple[EnsembleStep, ...] = Field(
        default=(), description="models that together are the one that is served"
    )
    server_config: str | dict[str, JsonValue] = Field(
        default="", description="the backend's own configuration, by file (pbtxt, JSON) or as a mapping; it wins"
    )
    threads: int = Field(default=1, ge=1, le=1024, description="threads that one instance computes with")
    load_timeout_s: float = Field(default=120.0, gt=0)
    parameters: dict[str, str] = {}


class Monitoring(Part):
    """What is kept of traffic; records of single requests come with the gateway."""

    metrics: bool = Field(default=True, description="the server's own counters are read and shown by cm status")
    latency_slo_ms: float | None = Field(default=None, gt=0, description="the p99 that cm profile looks for")


class Variant(Part):
    """One model version behind the endpoint, with its share of traffic, and configs of its own if need be."""

    name: Name = "main"
    model: str = Field(min_length=1, description="MODEL@VERSION or MODEL@ALIAS; an alias is followed as it moves")
    share: float = Field(default=100.0, ge=0, le=100, description="percent of the traffic")
    deployment: DeploymentConfig | None = Field(default=None, description="instead of the endpoint's")
    inference: InferenceConfig | None = Field(default=None, description="instead of the endpoint's")


class Draining(Part):
    """How long a version that lost its traffic stays: until it has had none for `quiet_s`, at most `timeout_s`. Where
    its server is away, it is taken off once the server is back, or taken for gone (and may still be loaded there) when
    each look at the server has failed for `forget_after_s`: for one that never comes back."""

    quiet_s: float = Field(default=2.0, ge=0)
    timeout_s: float = Field(default=60.0, ge=0)
    forget_after_s: float | None = Field(default=None, ge=0)


class Endpoint(Part):
    """A stable address for predictions, and what should be behind it."""

    kind: Literal["Endpoint"] = "Endpoint"
    name: Name
    description: str = ""
    backend: str = Field(min_length=1, description="a serving backend's name; `cm plugins list` shows which there are")
    variants: tuple[Variant, ...] = Field(min_length=1, max_length=100)
    protocols: tuple[Protocol, ...] = Field(default=(Protocol.REST, Protocol.GRPC), min_length=1)
    deployment: DeploymentConfig = DeploymentConfig()
    inference: InferenceConfig = InferenceConfig()
    monitoring: Monitoring = Monitoring()
    draining: Draining = Draining()
    infra_blessing: bool = Field(default=False, description="only versions that infra validation has blessed")

    @model_validator(mode="after")
    def _variants_differ(self) -> Endpoint:
        names = [variant.name for variant in self.variants]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"variants has {twice[0]!r} more than once")
        return self

    @model_validator(mode="after")
    def _one_has_all(self) -> Endpoint:
        shares = {variant.name: variant.share for variant in self.variants}
        if sorted(shares.values())[-1:] != [100.0] or sum(shares.values()) != 100.0:
            told = ", ".join(f"{name} {share:g}" for name, share in shares.items())
            raise ValueError(
                f"shares are {told}: without a gateway nothing can split traffic, so exactly one variant has 100 and "
                "every other 0"
            )
        return self

    def deployment_of(self, variant: Variant) -> DeploymentConfig:
        """The variant's deployment config."""
        return variant.deployment or self.deployment

    def inference_of(self, variant: Variant) -> InferenceConfig:
        """The variant's inference config."""
        return variant.inference or self.inference

    @property
    def main(self) -> Variant:
        """The variant that has the traffic."""
        return next(variant for variant in self.variants if variant.share == 100)
