"""Deployment config, inference config, interface and backend against each other: everything that cannot be, at once.

Pure. Places are JSON pointers into the Endpoint document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cmcore.inference.interface import Interface
from cmcore.serving.backend import Capabilities
from cmcore.serving.document import DeploymentConfig, Endpoint, InferenceConfig, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """One thing that cannot be: where (a JSON pointer), what was asked and found, and what to do."""

    pointer: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}; {self.fix}"


def misfits(endpoint: Endpoint, variant: Variant, able: Capabilities, interface: Interface | None) -> list[Misfit]:
    """All misfits of one variant; `interface` is None where it is not known yet."""
    index = endpoint.variants.index(variant)
    own = f"/variants/{index}"
    deployment, inference = endpoint.deployment_of(variant), endpoint.inference_of(variant)
    at_deployment = f"{own}/deployment" if variant.deployment else "/deployment"
    at_inference = f"{own}/inference" if variant.inference else "/inference"
    return [
        *_protocols(endpoint, able),
        *_hardware(deployment, able, at_deployment),
        *_server(inference, able, at_inference),
        *_together(deployment, inference, at_inference),
        *(_tensors(inference, interface, at_inference) if interface else ()),
    ]


def _protocols(endpoint: Endpoint, able: Capabilities) -> Iterator[Misfit]:
    for index, protocol in enumerate(endpoint.protocols):
        if protocol not in able.protocols:
            yield Misfit(
                pointer=f"/protocols/{index}",
                message=f"{able.server} does not offer {protocol}",
                fix=f"it offers {', '.join(sorted(able.protocols))}",
            )


def _hardware(deployment: DeploymentConfig, able: Capabilities, at: str) -> Iterator[Misfit]:
    for index, device in enumerate(deployment.devices):
        if device.partition(":")[0] not in able.devices and device not in able.devices:
            yield Misfit(
                pointer=f"{at}/devices/{index}",
                message=f"{able.server} has no device {device!r} here",
                fix=f"it has {', '.join(sorted(able.devices))}",
            )
    if deployment.gpus % 1 and not able.fractional_gpus:
        yield Misfit(
            pointer=f"{at}/gpus",
            message=f"{able.server} cannot give {deployment.gpus:g} of a GPU",
            fix="ask for a whole number",
        )
    if deployment.autoscaling and not able.autoscaling:
        yield Misfit(
            pointer=f"{at}/autoscaling",
            message=f"{able.server} does not change how many instances there are",
            fix="leave it out and give `instances`, or use a backend that scales",
        )
    if any(device != "cpu" for device in deployment.devices) and not deployment.gpus:
        yield Misfit(
            pointer=f"{at}/gpus",
            message=f"devices are {', '.join(deployment.devices)} and gpus is 0",
            fix="say how much of a GPU one instance needs, such as 1",
        )


def _server(inference: InferenceConfig, able: Capabilities, at: str) -> Iterator[Misfit]:
    asked = {
        "response_cache": inference.response_cache and not able.response_cache,
        "rate_limit": inference.rate_limit is not None and not able.rate_limit,
        "instance_groups": bool(inference.instance_groups) and not able.instance_groups,
        "ensemble": bool(inference.ensemble) and not able.ensembles,
        "server_config": bool(inference.server_config) and not able.server_config,
        "queue": inference.queue.model_dump(exclude_defaults=True) != {} and not able.queue_policy,
        "batching/max_delay_us": inference.batching.max_delay_us > 0 and not able.batching,
    }
    for key, wrong in asked.items():
        if wrong:
            yield Misfit(pointer=f"{at}/{key}", message=f"{able.server} cannot do this", fix="leave it out")
    if inference.flavor and able.flavors is not None and inference.flavor not in able.flavors:
        yield Misfit(
            pointer=f"{at}/flavor",
            message=f"{able.server} runs no {inference.flavor}",
            fix=f"it runs {', '.join(sorted(able.flavors))}",
        )


def _together(deployment: DeploymentConfig, inference: InferenceConfig, at: str) -> Iterator[Misfit]:
    batching = inference.batching
    for index, size in enumerate(batching.preferred_batch_sizes):
        if size > batching.max_batch_size:
            yield Misfit(
                pointer=f"{at}/batching/preferred_batch_sizes/{index}",
                message=f"{size} rows are preferred and {batching.max_batch_size} allowed",
                fix="raise max_batch_size or leave it out",
            )
    for index, size in enumerate(inference.warm_up.batch_sizes):
        if size > batching.max_batch_size:
            yield Misfit(
                pointer=f"{at}/warm_up/batch_sizes/{index}",
                message=f"warm-up asks with {size} rows and {batching.max_batch_size} are allowed",
                fix="raise max_batch_size or warm up with fewer",
            )
    devices = {int(device[4:]) for device in deployment.devices if device.startswith("gpu:")}
    for index, group in enumerate(inference.instance_groups):
        if strays := sorted(set(group.gpus) - devices):
            yield Misfit(
                pointer=f"{at}/instance_groups/{index}/gpus",
                message=f"GPU {strays[0]} is not among the deployment's devices ({', '.join(deployment.devices)})",
                fix=f"add gpu:{strays[0]} to the deployment config's devices",
            )
    total = sum(group.count for group in inference.instance_groups)
    if inference.instance_groups and deployment.instances not in (1, total):
        yield Misfit(
            pointer=f"{at}/instance_groups",
            message=f"they make {total} instances and the deployment config says {deployment.instances}",
            fix="let both say the same, or leave `instances` out",
        )


def _tensors(inference: InferenceConfig, interface: Interface, at: str) -> Iterator[Misfit]:
    sides = (("inputs", inference.inputs, interface.inputs), ("outputs", inference.outputs, interface.outputs))
    for part, given, own in sides:
        known = {spec.name: spec for spec in own}
        for index, tensor in enumerate(given):
            found = known.get(tensor.name)
            if found is None and f"{part[:-1]}_{index}" in known:
                continue  # the signature leaves it unnamed
            if found is None:
                yield Misfit(
                    pointer=f"{at}/{part}/{index}/name",
                    message=f"the model's signature has no {tensor.name!r}",
                    fix=f"it has {', '.join(known) or 'none'}",
                )
            elif found.datatype is not tensor.datatype:
                yield Misfit(
                    pointer=f"{at}/{part}/{index}/datatype",
                    message=f"{tensor.name!r} is {found.datatype} in the model's signature, and {tensor.datatype} here",
                    fix="write what the signature says, or leave it out",
                )
