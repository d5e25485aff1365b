"""Configurations are made of placements; golden files show them as Triton reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cmcore.errors import ModelRefusedError
from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.tensor import TensorSpec
from cmcore.serving.backend import Placement, Step
from cmcore.serving.document import (
    Batching,
    DeploymentConfig,
    InferenceConfig,
    InstanceGroup,
    Queue,
    RateLimit,
)  # fmt: skip
from cmcore_triton.config import Runner, instances_of, model_config, text_of
from cmcore_triton.onnx_graph import Graph, GraphTensor

GOLDEN = Path(__file__).parent / "golden"
EVERYTHING = InferenceConfig(
    batching=Batching(max_batch_size=32, preferred_batch_sizes=(8, 32), max_delay_us=500),
    queue=Queue(max_size=100, timeout_us=20_000, priority_levels=3),
    instance_groups=(InstanceGroup(kind="cpu", count=2), InstanceGroup(kind="gpu", count=1, gpus=(0, 1))),
    rate_limit=RateLimit(resources={"seat": 2, "memory": 1}, priority=5),
    response_cache=True,
    threads=4,
    parameters={"tokenizer": "words"},
)
ROWS = TensorSpec(name="x", datatype=DataType.FP32, shape=())
ONE = TensorSpec(name="x", datatype=DataType.FP32, shape=(3,))
GRAPH = Graph(
    {
        "distance": GraphTensor(DataType.FP64, 1),
        "carrier": GraphTensor(DataType.BYTES, 2),
        "delayed": GraphTensor(DataType.FP32, 1),
    },
    frozenset(),
)


def changed(placement: Placement, **changes: object) -> Placement:
    return placement.model_copy(update=changes)


def ensemble(placement: Placement) -> Placement:
    small = InferenceConfig(batching=Batching(max_batch_size=4))
    steps = (
        Step(placement=placement, inputs={"distance": "distance"}, outputs={"delayed": "between"}),
        Step(placement=changed(placement, inference=small), inputs={"distance": "between"}, outputs={"delayed": "d"}),
    )
    return changed(placement, steps=steps)


CASES: Mapping[str, tuple[Callable[[Placement], Placement], Runner, Graph | None]] = {
    "plain": (lambda it: it, Runner.PYTHON, None),
    "everything": (lambda it: changed(it, inference=EVERYTHING), Runner.PYTHON, None),
    "onnx": (lambda it: changed(it, inference=InferenceConfig(threads=2)), Runner.ONNX, GRAPH),
    "gpus": (
        lambda it: changed(it, deployment=DeploymentConfig(devices=("gpu:1", "gpu:0"), gpus=1, instances=2)),
        Runner.PYTHON, None,
    ),
    "without-batching": (
        lambda it: changed(it, inference=InferenceConfig(batching=Batching(max_batch_size=16, enabled=False))),
        Runner.PYTHON, None,
    ),
    "rows-only": (
        lambda it: changed(it, interface=Interface(inputs=(ROWS,), outputs=(ROWS,))), Runner.PYTHON, None,
    ),
    "no-rows": (
        lambda it: changed(it, interface=Interface(inputs=(ONE,), outputs=(ONE,), batched=False)), Runner.PYTHON, None,
    ),
    "ensemble": (ensemble, Runner.ENSEMBLE, None),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(CASES))
def test_the_configuration_is_the_golden_one(case: str, placement: Placement) -> None:
    change, runner, graph = CASES[case]
    text, file = text_of(model_config(change(placement), runner, graph)), GOLDEN / f"{case}.pbtxt"
    if "CM_GOLDEN" in os.environ:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_a_queue_policy_without_batching_is_refused(placement: Placement) -> None:
    inference = InferenceConfig(batching=Batching(enabled=False), queue=Queue(max_size=1))
    with pytest.raises(ModelRefusedError, match=r"\$\.inference\.queue"):
        model_config(changed(placement, inference=inference), Runner.PYTHON)


def test_a_value_without_a_dimension_is_refused(placement: Placement) -> None:
    interface = Interface(inputs=(ROWS,), outputs=(ROWS,), batched=False)
    with pytest.raises(ModelRefusedError, match="single value without a dimension"):
        model_config(changed(placement, interface=interface), Runner.PYTHON)


@pytest.mark.parametrize("kind", list(DataType))
def test_every_datatype_has_its_own_in_triton(kind: DataType, placement: Placement) -> None:
    spec = TensorSpec(name="x", datatype=kind, shape=(2,))
    config = model_config(changed(placement, interface=Interface(inputs=(spec,), outputs=(spec,))), Runner.PYTHON)
    assert config.input[0].data_type == config.output[0].data_type != 0


def test_every_gpu_of_a_group_has_its_own_instances(placement: Placement) -> None:
    assert instances_of(model_config(changed(placement, inference=EVERYTHING), Runner.PYTHON)) == 4
