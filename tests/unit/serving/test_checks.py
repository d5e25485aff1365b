"""What cannot be, found before anything is placed."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from cmcore.inference import DataType, Interface, TensorSpec
from cmcore.serving.backend import Capabilities, Protocol
from cmcore.serving.checks import misfits
from cmcore.serving.document import Endpoint

INTERFACE = Interface(
    inputs=(TensorSpec(name="x", datatype=DataType.FP32, shape=(2,)),),
    outputs=(TensorSpec(name="y", datatype=DataType.FP32, shape=(2,)),),
)
PLAIN = Capabilities(server="plain", protocols=frozenset({Protocol.REST}), flavors=frozenset({"onnx"}))
ABLE = Capabilities(
    server="able", batching=True, queue_policy=True, response_cache=True, rate_limit=True, instance_groups=True,
    ensembles=True, autoscaling=True, fractional_gpus=True, server_config=True, devices=frozenset({"cpu", "gpu"}),
)  # fmt: skip
REST: dict[str, JsonValue] = {"protocols": ["rest"]}
STEP: dict[str, JsonValue] = {"model": "m@1.0.0", "inputs": {}, "outputs": {}}


def pointers(told: dict[str, JsonValue], able: Capabilities) -> list[str]:
    """Where misfits are."""
    document = Endpoint.model_validate({"name": "e", "backend": "b", "variants": [{"model": "m@1.0.0"}], **told})
    return [misfit.pointer for misfit in misfits(document, document.variants[0], able, INTERFACE)]


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ({}, "/protocols/1"),
        (REST | {"deployment": {"devices": ["gpu:0"], "gpus": 1}}, "/deployment/devices/0"),
        (REST | {"deployment": {"gpus": 0.5}}, "/deployment/gpus"),
        (REST | {"deployment": {"autoscaling": {}}}, "/deployment/autoscaling"),
        (REST | {"inference": {"response_cache": True}}, "/inference/response_cache"),
        (REST | {"inference": {"rate_limit": {}}}, "/inference/rate_limit"),
        (REST | {"inference": {"instance_groups": [{}]}}, "/inference/instance_groups"),
        (
            REST | {"inference": {"ensemble": [{"model": "m@1.0.0", "inputs": {}, "outputs": {}}]}},
            "/inference/ensemble",
        ),
        (REST | {"inference": {"server_config": {"a": 1}}}, "/inference/server_config"),
        (REST | {"inference": {"queue": {"max_size": 3}}}, "/inference/queue"),
        (REST | {"inference": {"batching": {"max_delay_us": 5}}}, "/inference/batching/max_delay_us"),
        (REST | {"inference": {"flavor": "sklearn"}}, "/inference/flavor"),
    ],
)
def test_what_a_server_cannot_do_is_found(told: dict[str, JsonValue], pointer: str) -> None:
    assert pointers(told, PLAIN) == [pointer]


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        (
            {"inference": {"batching": {"preferred_batch_sizes": [4, 128]}}},
            "/inference/batching/preferred_batch_sizes/1",
        ),
        ({"inference": {"warm_up": {"batch_sizes": [65]}}}, "/inference/warm_up/batch_sizes/0"),
        ({"deployment": {"devices": ["gpu"]}}, "/deployment/gpus"),
        ({"inference": {"instance_groups": [{"gpus": [2]}]}}, "/inference/instance_groups/0/gpus"),
        (
            {"deployment": {"instances": 3}, "inference": {"instance_groups": [{"count": 2}]}},
            "/inference/instance_groups",
        ),
        ({"inference": {"inputs": [{"name": "z", "datatype": "FP32"}]}}, "/inference/inputs/0/name"),
        ({"inference": {"outputs": [{"name": "y", "datatype": "INT64"}]}}, "/inference/outputs/0/datatype"),
        (
            {"variants": [{"model": "m@1.0.0", "inference": {"warm_up": {"batch_sizes": [65]}}}]},
            "/variants/0/inference/warm_up/batch_sizes/0",
        ),
    ],
)
def test_what_contradicts_itself_is_found(told: dict[str, JsonValue], pointer: str) -> None:
    assert pointers(told, ABLE) == [pointer]


def test_all_misfits_are_told_at_once() -> None:
    told: dict[str, JsonValue] = {"deployment": {"gpus": 0.5, "autoscaling": {}}, "inference": {"response_cache": True}}
    assert len(pointers(told, PLAIN)) == 4


def test_what_can_be_is_not_complained_of() -> None:
    told: dict[str, JsonValue] = {
        "deployment": {"devices": ["cpu", "gpu"], "gpus": 0.5, "autoscaling": {"max_instances": 4}},
        "inference": {"response_cache": True, "queue": {"max_size": 3}, "inputs": [{"name": "x", "datatype": "FP32"}]},
    }
    assert pointers(told, ABLE) == []
