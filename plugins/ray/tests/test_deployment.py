"""What Ray Serve is told of a placement, what it cannot do, and how its words of failure are read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from cmcore.serving.backend import Flavor, Placement
from cmcore.serving.document import Autoscaling, DeploymentConfig, InferenceConfig, InstanceGroup, Queue, RateLimit
from cmcore_ray.codec.question import Served
from cmcore_ray.deployment import deployment_options, fingerprint, misfits, reason_of
from cmcore_ray.pool import Pool, pool_of
from cmcore_ray.servicer import is_model


@pytest.fixture
def placement(served: Served) -> Placement:
    return Placement(
        name="m-1", folder=Path("/m"), interface=served.interface, flavor=Flavor(name="tiny", factory="a.b:c")
    )


def deployed(placement: Placement, **changes: object) -> Placement:
    return placement.model_copy(update={"deployment": DeploymentConfig.model_validate(changes)})


def inferred(placement: Placement, **changes: object) -> Placement:
    return placement.model_copy(update={"inference": InferenceConfig.model_validate(changes)})


def test_claims_are_those_of_one_instance(placement: Placement) -> None:
    options = deployment_options(deployed(placement, cpu_cores=1.5, memory_mib=10, gpus=0.25, devices=("gpu",)))
    assert options["ray_actor_options"] == {"num_cpus": 1.5, "memory": 10 * 2**20, "num_gpus": 0.25}


def test_instances_are_replicas(placement: Placement) -> None:
    assert deployment_options(deployed(placement, instances=3))["num_replicas"] == 3


@pytest.mark.parametrize(
    "scaling",
    [
        Autoscaling(max_instances=4),
        Autoscaling(min_instances=0, max_instances=1),
        Autoscaling(min_instances=2, max_instances=2, upscale_delay_s=0, downscale_delay_s=0),
        Autoscaling(max_instances=9, target_ongoing_requests=0.5, upscale_delay_s=1, downscale_delay_s=2),
    ],
)
def test_ray_serve_accepts_every_autoscaling(placement: Placement, scaling: Autoscaling) -> None:
    options = deployment_options(deployed(placement, autoscaling=scaling.model_dump()))
    with warnings.catch_warnings(action="ignore"):  # those of Ray's own import
        from ray.serve.config import AutoscalingConfig
    assert AutoscalingConfig.model_validate(options["autoscaling_config"]).max_replicas == scaling.max_instances


def test_with_autoscaling_there_is_no_fixed_number_of_replicas(placement: Placement) -> None:
    assert "num_replicas" not in deployment_options(deployed(placement, autoscaling={"max_instances": 2}))


def test_own_options_win(placement: Placement) -> None:
    options = deployment_options(inferred(placement, server_config={"max_ongoing_requests": 7}))
    assert options["max_ongoing_requests"] == 7


def test_a_plain_placement_can_be_served(placement: Placement) -> None:
    assert list(misfits(placement)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"response_cache": True},
        {"rate_limit": RateLimit()},
        {"instance_groups": (InstanceGroup(),)},
        {"queue": Queue(priority_levels=2)},
        {"server_config": "max_batch_size: 4"},
        {"server_config": {"num_replicas": 4}},
        {"ensemble": ({"model": "a@1", "inputs": {}, "outputs": {}},)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_ray_serve_cannot_do_is_told(placement: Placement, changes: dict[str, object]) -> None:
    assert len(list(misfits(inferred(placement, **changes)))) == 1


@pytest.mark.parametrize("name", ["", "a/b", "../a", "-a", "a b", "cmcore-door", "cmcore-pool.a", "a" * 300])
def test_odd_names_are_refused(placement: Placement, name: str) -> None:
    assert len(list(misfits(placement.model_copy(update={"name": name})))) == 1


def test_a_numbered_gpu_cannot_be_asked_for(placement: Placement) -> None:
    assert "gpu" in next(misfits(deployed(placement, devices=("gpu:1",), gpus=1)))


@pytest.mark.parametrize(("gpus", "count"), [(0.25, 0), (1, 0), (3, 0), (1.5, 1)])
def test_parts_of_several_gpus_cannot_be_asked_for(placement: Placement, gpus: float, count: int) -> None:
    assert len(list(misfits(deployed(placement, devices=("gpu",), gpus=gpus)))) == count


@pytest.mark.parametrize(
    "parameters",
    [
        {"ray.pool": "Small Models"},
        {"ray.pool": ""},
        {"ray.models_per_replica": "3"},
        {"ray.pool": "small", "ray.models_per_replica": "0"},
        {"ray.pool": "small", "ray.models_per_replica": "many"},
        {"ray.pools": "small"},
    ],
    ids=str,
)
def test_odd_pools_are_told(placement: Placement, parameters: dict[str, str]) -> None:
    assert len(list(misfits(inferred(placement, parameters=parameters)))) == 1


def test_parameters_of_others_are_left_alone(placement: Placement) -> None:
    assert list(misfits(inferred(placement, parameters={"threshold": "0.5"}))) == []


POOLED = {"ray.pool": "small", "ray.models_per_replica": "2"}


def pool(placement: Placement, folder: str = "/shelf", options: JsonValue = None) -> Pool:
    found = pool_of(placement, Path(folder), options)
    assert found is not None
    return found


def test_without_a_pool_there_is_none(placement: Placement) -> None:
    assert pool_of(placement, Path("/shelf"), None) is None


def test_versions_that_ask_for_the_same_share_a_pool(placement: Placement) -> None:
    one = inferred(placement, parameters=POOLED)
    assert pool(one) == pool(one.model_copy(update={"name": "m-2", "interface": placement.interface}))


def test_a_pool_keeps_as_many_models_as_ray_serve_does_unless_told(placement: Placement) -> None:
    assert pool(inferred(placement, parameters={"ray.pool": "small"})).limit == 3


@pytest.mark.parametrize(
    "other", [{"folder": "/else"}, {"options": {"num_replicas": 2}}], ids=lambda other: next(iter(other))
)
def test_another_projects_or_other_hardware_is_another_pool(placement: Placement, other: dict[str, Any]) -> None:
    one = inferred(placement, parameters=POOLED)
    assert pool(one).application != pool(one, **other).application


def test_another_limit_is_another_pool(placement: Placement) -> None:
    more = {**POOLED, "ray.models_per_replica": "5"}
    one, other = inferred(placement, parameters=POOLED), inferred(placement, parameters=more)
    assert pool(one).application != pool(other).application


def test_a_pool_is_no_model(placement: Placement) -> None:
    assert not is_model(pool(inferred(placement, parameters=POOLED)).application)


def test_the_fingerprint_does_not_depend_on_the_folder(placement: Placement) -> None:
    assert fingerprint(placement) == fingerprint(placement.model_copy(update={"folder": Path("/other")}))


def test_the_fingerprint_depends_on_the_owner(placement: Placement) -> None:
    assert fingerprint(placement) != fingerprint(placement.model_copy(update={"owner": {"project": "b"}}))


TOLD = """Failed to update the deployments ['model'].
The deployment failed to start 1 times in a row. Error:
ray::ServeReplica:m:model.initialize_and_get_metadata() (pid=1)
  File "a.py", line 3, in load
    raise OSError("no weights")
OSError: no weights here
"""


def test_the_last_error_is_the_reason() -> None:
    assert reason_of(TOLD) == "OSError: no weights here"


def test_an_exception_need_not_be_called_an_error() -> None:
    message = (
        "RuntimeError: Traceback (most recent call last):\n  File x\nonnxruntime.capi.state.InvalidGraph: no NoSuchOp"
    )
    assert reason_of(message) == "onnxruntime.capi.state.InvalidGraph: no NoSuchOp"


def test_without_an_error_all_is_the_reason() -> None:
    assert reason_of("no room\nfor it") == "no room for it"
