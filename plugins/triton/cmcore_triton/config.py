"""Triton's configuration of a model, made from its placement. Pure: no file is read or written here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from google.protobuf import text_format  # type: ignore[import-untyped]  # protobuf ships no types
from tritonclient.grpc import model_config_pb2 as triton

from cmcore.errors import ModelRefusedError
from cmcore.inference.datatype import DataType
from cmcore.inference.tensor import ANY, TensorSpec
from cmcore.serving.backend import Placement
from cmcore.serving.document import InferenceConfig, InstanceGroup
from cmcore_triton.onnx_graph import Graph

VERSION = "1"
OURS = "cmcore."


class Runner(StrEnum):
    """What computes the answers."""

    PYTHON = "python"
    ONNX = "onnxruntime"
    ENSEMBLE = "ensemble"


def model_config(placement: Placement, runner: Runner, graph: Graph | None = None) -> triton.ModelConfig:
    """The configuration of one model; `graph` is that which Triton's ONNX backend runs."""
    config = triton.ModelConfig(name=placement.name, max_batch_size=max_batch_size(placement))
    if runner is Runner.ENSEMBLE:
        config.platform = Runner.ENSEMBLE
        config.ensemble_scheduling.step.extend(steps(placement))
    else:
        config.backend = runner.value
        config.instance_group.extend(instance_groups(placement))
        add_scheduling(config, placement)
    config.input.extend(
        model_input(spec, config.max_batch_size, placement, graph) for spec in placement.interface.inputs
    )
    config.output.extend(
        model_output(spec, config.max_batch_size, placement, graph) for spec in placement.interface.outputs
    )
    if placement.inference.response_cache:
        config.response_cache.enable = True
    for key, value in parameters(placement, runner).items():
        config.parameters[key].string_value = value
    return config


def text_of(config: triton.ModelConfig) -> str:
    """The configuration as the file config.pbtxt has it."""
    return str(text_format.MessageToString(config))


def max_batch_size(placement: Placement) -> int:
    """How many rows Triton may put together; 0 where the model has none, or a tensor of nothing but rows, which Triton
    can only describe as one whose first dimension has any size."""
    interface = placement.interface
    bare = any(not spec.shape for spec in (*interface.inputs, *interface.outputs))
    own = 0 if bare or not interface.batched else placement.inference.batching.max_batch_size
    return min([own, *(max_batch_size(step.placement) for step in placement.steps)])


def model_input(spec: TensorSpec, batch: int, placement: Placement, graph: Graph | None) -> triton.ModelInput:
    """One input."""
    found = triton.ModelInput(
        name=spec.name, data_type=data_type(spec.datatype), dims=dims(spec, batch, placement), optional=spec.optional
    )
    if flattened(spec, batch, graph):
        found.reshape.SetInParent()
    return found


def model_output(spec: TensorSpec, batch: int, placement: Placement, graph: Graph | None) -> triton.ModelOutput:
    """One output."""
    found = triton.ModelOutput(name=spec.name, data_type=data_type(spec.datatype), dims=dims(spec, batch, placement))
    if flattened(spec, batch, graph):
        found.reshape.SetInParent()
    return found


def flattened(spec: TensorSpec, batch: int, graph: Graph | None) -> bool:
    """Whether a column, which clients send as [rows, 1], is a tensor of [rows] in the graph."""
    return batch > 0 and graph is not None and graph.tensors[spec.name].rank == 1 and spec.shape == (1,)


def dims(spec: TensorSpec, batch: int, placement: Placement) -> Sequence[int]:
    """The shape as Triton wants it: without the rows where it knows of them, with them where it does not."""
    if batch:
        return spec.shape
    shape = (ANY, *spec.shape) if placement.interface.batched else spec.shape
    if not shape:
        raise ModelRefusedError(
            f"{spec.name!r} is a single value without a dimension, which Triton has not; give it one"
        )
    return shape


def data_type(kind: DataType) -> int:
    """Triton's number of a datatype."""
    name = "STRING" if kind is DataType.BYTES else kind.value
    return int(triton.DataType.Value(f"TYPE_{name}"))


def instance_groups(placement: Placement) -> Iterator[triton.ModelInstanceGroup]:
    """The instances that the inference config names, else as many as the deployment config says of its devices."""
    groups = placement.inference.instance_groups or tuple(by_device(placement))
    limit = placement.inference.rate_limit
    for group in groups:
        kind = triton.ModelInstanceGroup.Kind.Value(f"KIND_{group.kind.upper()}")
        found = triton.ModelInstanceGroup(kind=kind, count=group.count, gpus=group.gpus)
        if limit is not None:
            found.rate_limiter.priority = limit.priority
            for name, count in sorted(limit.resources.items()):
                found.rate_limiter.resources.add(name=name, count=count)
        yield found


def by_device(placement: Placement) -> Iterator[InstanceGroup]:
    """One group for the CPU and one for the GPUs, where they are asked for."""
    deployment = placement.deployment
    if "cpu" in deployment.devices:
        yield InstanceGroup(kind="cpu", count=deployment.instances)
    wanted = [device for device in deployment.devices if device != "cpu"]
    if wanted:
        numbers = sorted(int(device.partition(":")[2]) for device in wanted if ":" in device)
        yield InstanceGroup(kind="gpu", count=deployment.instances, gpus=tuple(numbers))


def add_scheduling(config: triton.ModelConfig, placement: Placement) -> None:
    """Which requests wait for each other, and what happens to those that wait; raises ModelRefusedError."""
    batching, queue = placement.inference.batching, placement.inference.queue
    queued = bool(queue.max_size or queue.timeout_us or queue.priority_levels)
    if not batching.enabled:
        if queued:
            raise ModelRefusedError(
                f"{placement.name}: Triton has a queue policy only where batching is; set "
                "inference.batching.enabled, or leave inference.queue out @ $.inference.queue"
            )
        return
    if not config.max_batch_size and not queued:
        return
    found = config.dynamic_batching
    found.max_queue_delay_microseconds = batching.max_delay_us if config.max_batch_size else 0
    if config.max_batch_size:
        found.preferred_batch_size.extend(batching.preferred_batch_sizes)
    found.default_queue_policy.max_queue_size = queue.max_size
    if queue.timeout_us:
        found.default_queue_policy.default_timeout_microseconds = queue.timeout_us
        found.default_queue_policy.allow_timeout_override = True
    if queue.priority_levels:
        found.priority_levels = queue.priority_levels
        found.default_priority_level = (queue.priority_levels + 1) // 2


def parameters(placement: Placement, runner: Runner) -> dict[str, str]:
    """What the backend is told, and ours: whose the model is, for those who look at the server."""
    inference = placement.inference
    own = {f"{OURS}{key}": value for key, value in placement.owner.items()}
    return {**backend_parameters(inference, runner), **inference.parameters, **own}


def backend_parameters(inference: InferenceConfig, runner: Runner) -> dict[str, str]:
    """What the backend itself must know."""
    match runner:
        case Runner.ONNX:
            return {"intra_op_thread_count": str(inference.threads), "inter_op_thread_count": "1"}
        case Runner.PYTHON:
            return {"FORCE_CPU_ONLY_INPUT_TENSORS": "yes"}
        case Runner.ENSEMBLE:
            return {}


def part_name(name: str, index: int) -> str:
    """What one model of an ensemble is called on the server; they count from 1."""
    return f"{name}.{index + 1}"


def steps(placement: Placement) -> Iterator[triton.ModelEnsembling.Step]:
    """The steps of an ensemble."""
    for index, step in enumerate(placement.steps):
        yield triton.ModelEnsembling.Step(
            model_name=part_name(placement.name, index),
            model_version=-1,
            input_map=step.inputs,
            output_map=step.outputs,
        )


def instances_of(config: triton.ModelConfig) -> int:
    """How many instances run at least, each a process of its own with the Python backend."""
    return sum(max(group.count, 1) * max(len(group.gpus), 1) for group in config.instance_group) or 1
