"""From a placement to what Ray Serve is told of it, and why it cannot be served so. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from cmcore.serving.backend import Placement
from cmcore.serving.document import Autoscaling, DeploymentConfig
from cmcore_ray.pool import odd_parameters
from cmcore_ray.servicer import is_model

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
DEPLOYMENT = "model"  # the one of each application
ONGOING = 1000  # requests at one instance; who waits, waits in the instance's own queue
OWN_OPTIONS = frozenset(
    {
        "graceful_shutdown_timeout_s",
        "graceful_shutdown_wait_loop_s",
        "health_check_period_s",
        "health_check_timeout_s",
        "logging_config",
        "max_ongoing_requests",
        "max_queued_requests",
        "max_replicas_per_node",
        "request_router_config",
    }
)
LOOK_BACK_S = 10.5  # Ray Serve wants more than 10
Options = dict[str, JsonValue]


def misfits(placement: Placement) -> Iterator[str]:
    """Everything that Ray Serve cannot do for this placement."""
    inference, config = placement.inference, placement.inference.server_config
    if not NAME.fullmatch(placement.name) or not is_model(placement.name):
        yield f"{placement.name!r} is no name of an application; use letters, digits, dots, dashes and underscores"
    if placement.steps or inference.ensemble:
        yield "ensembles are not offered; serve each model, or use the backend triton"
    if inference.response_cache:
        yield "there is no response cache; leave response_cache out"
    if inference.rate_limit:
        yield "there is no rate limiter; leave rate_limit out"
    if inference.instance_groups:
        yield "instances are all alike; leave instance_groups out and give instances"
    if inference.queue.priority_levels:
        yield "requests have no priorities; leave priority_levels out"
    if isinstance(config, str) and config:
        yield "server_config is a mapping of Ray Serve's deployment options, not a text"
    if isinstance(config, dict) and (unknown := sorted(config.keys() - OWN_OPTIONS)):
        yield f"server_config has {unknown[0]!r}, which is not among {', '.join(sorted(OWN_OPTIONS))}"
    yield from odd_hardware(placement.deployment)
    yield from odd_parameters(placement)


def odd_hardware(deployment: DeploymentConfig) -> Iterator[str]:
    """Everything that Ray cannot place."""
    if deployment.gpus > 1 and deployment.gpus % 1:
        yield f"gpus is {deployment.gpus:g}: Ray shares one GPU in parts below 1; from 1 on, write a whole number"
    if any(":" in device for device in deployment.devices):
        yield "Ray chooses the GPU itself; write gpu without a number"


def deployment_options(placement: Placement) -> Options:
    """The options of the version's one deployment. CPU, memory and GPUs are claims that Ray places by."""
    deployment, config = placement.deployment, placement.inference.server_config
    actor: Options = {"num_cpus": deployment.cpu_cores, "memory": deployment.memory_mib * 2**20}
    if deployment.gpus:
        actor["num_gpus"] = deployment.gpus
    scaling = deployment.autoscaling
    options: Options = {
        "name": DEPLOYMENT,
        "max_ongoing_requests": ONGOING,
        "max_constructor_retry_count": 1,
        "ray_actor_options": actor,
        "health_check_period_s": 2.0,
        "graceful_shutdown_wait_loop_s": 0.2,
        "graceful_shutdown_timeout_s": 60.0,
        **({"autoscaling_config": autoscaling(scaling)} if scaling else {"num_replicas": deployment.instances}),
    }
    return {**options, **(config if isinstance(config, dict) else {})}


def front_options(pool: str) -> Options:
    """Those of a version whose pool computes: its deployment is named after the pool, so that Ray Serve knows it."""
    return {
        "name": pool,
        "max_ongoing_requests": ONGOING,
        "max_constructor_retry_count": 1,
        "ray_actor_options": {"num_cpus": 0},
        "health_check_period_s": 2.0,
        "graceful_shutdown_wait_loop_s": 0.2,
        "graceful_shutdown_timeout_s": 60.0,
    }


def autoscaling(scaling: Autoscaling) -> Options:
    """In Ray Serve's words; it starts with as many instances as there must be."""
    delays = [delay for delay in (scaling.upscale_delay_s, scaling.downscale_delay_s) if delay > 0]
    return {
        "min_replicas": scaling.min_instances,
        "max_replicas": scaling.max_instances,
        "initial_replicas": max(1, scaling.min_instances),
        "target_ongoing_requests": scaling.target_ongoing_requests,
        "upscale_delay_s": scaling.upscale_delay_s,
        "downscale_delay_s": scaling.downscale_delay_s,
        "look_back_period_s": max(LOOK_BACK_S, min([30.0, *(3 * delay for delay in delays)])),
    }


def fingerprint(placement: Placement) -> str:
    """What a replica shows of its placement, so that nobody takes it for another: all of it but the folder."""
    return hashlib.sha256(placement.model_dump_json(exclude={"folder"}).encode()).hexdigest()


def reason_of(message: str) -> str:
    """The last exception's own words in what Ray tells of a failed deployment, else the whole."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    told = [line for line in lines if ERROR_LINE.match(line) and not any(each in line for each in NOT_OWN)]
    return told[-1] if told else " ".join(lines)


ERROR_LINE = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt|Warning)\b|([a-z_]\w*\.)+[A-Z]\w*: ")
NOT_OWN = ("RayTaskError", "Traceback (most recent call last)")  # what Ray puts around it


def claims(placement: Placement) -> Mapping[str, float]:
    """What one instance claims of the cluster, in Ray's words."""
    deployment = placement.deployment
    return {"CPU": deployment.cpu_cores, "GPU": deployment.gpus, "memory": deployment.memory_mib * 2**20}
