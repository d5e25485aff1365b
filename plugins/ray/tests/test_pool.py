"""Models that share the replicas of a pool, on a real cluster: each answers as itself, comes and goes on demand."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from cmcore.errors import InferenceError, ModelRefusedError
from cmcore.serving.backend import Placement, Protocol
from cmcore.testing.serving_models import TinyModels, to_double, to_measure
from cmcore_ray.backend import RayBackend

from .conftest import Eventually, Load, Replicas

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]
DOUBLING, MOODY = ("pooled-1", "pooled-2", "pooled-3"), "pooled-4"
NAMES = (*DOUBLING, MOODY)
POOL = {"ray.pool": "small-models", "ray.models_per_replica": "2"}
ASKED = to_double([[1, 2]])


def pooled(placement: Placement, **parameters: str) -> Placement:
    """The placement, in a pool."""
    inference = placement.inference.model_copy(update={"parameters": {**POOL, **parameters}})
    return placement.model_copy(update={"inference": inference})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    return TinyModels(folder=tmp_path_factory.mktemp("tiny"), batching=True)


@pytest.fixture(scope="module")
def pool(backend: RayBackend, tiny: TinyModels) -> Iterator[RayBackend]:
    """The backend with four models in a pool of two per replica."""
    for placement in (*(tiny.doubling(name) for name in DOUBLING), tiny.moody(MOODY)):
        backend.place(pooled(placement))
        backend.load(placement.name)
    yield backend
    for name in NAMES:
        backend.unload(name)
        backend.remove(name)


def doubled(backend: RayBackend, name: str, protocol: Protocol = Protocol.REST) -> list[object]:
    return list(backend.infer(name, ASKED, protocol=protocol).output("y").data)


def measured(backend: RayBackend) -> object:
    return backend.infer(MOODY, to_measure("four")).output("length").data[0]


def sum_of(metric: str, text: str) -> float:
    """All samples of a metric."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{metric}(_total)?\{{", line))


@pytest.mark.parametrize("protocol", list(Protocol))
def test_each_model_of_a_pool_answers_as_itself(pool: RayBackend, protocol: Protocol) -> None:
    found = [(*(doubled(pool, name, protocol) for name in DOUBLING), measured(pool)) for _ in range(3)]
    assert found == [([2.0, 4.0], [2.0, 4.0], [2.0, 4.0], 4.0)] * 3


def test_a_pool_has_one_process_for_its_models(pool: RayBackend, replicas: Replicas) -> None:
    assert len(replicas("cmcore-pool.small-models")) == 1


def test_a_pool_is_no_model(pool: RayBackend) -> None:
    assert sorted(name for name in pool.models() if "pool" in name) == sorted(NAMES)


def test_models_that_are_not_asked_for_make_room_for_others(pool: RayBackend, eventually: Eventually) -> None:
    measured(pool)
    assert eventually(lambda: sum_of("ray_serve_multiplexed_models_unload_counter", pool.metrics()) >= 2)


def test_a_replica_keeps_no_more_models_than_it_may(pool: RayBackend, eventually: Eventually) -> None:
    measured(pool)
    assert eventually(lambda: sum_of("ray_serve_num_multiplexed_models", pool.metrics()) == 2)


def test_requests_are_counted_for_each_model(pool: RayBackend) -> None:
    before = pool.traffic()
    doubled(pool, "pooled-1")
    doubled(pool, "pooled-1")
    measured(pool)
    after = pool.traffic()
    assert [after[name].answered - before[name].answered for name in NAMES] == [2, 0, 0, 1]


def test_seconds_of_computing_are_those_of_the_model_that_was_asked(pool: RayBackend, eventually: Eventually) -> None:
    before = pool.traffic()
    pool.infer(MOODY, to_measure("sleep!0.3"))
    assert eventually(lambda: pool.traffic()[MOODY].compute_s - before[MOODY].compute_s >= 0.3, 5.0)


def test_what_a_model_of_a_pool_cannot_answer_is_its_own_failure(pool: RayBackend) -> None:
    with pytest.raises(InferenceError, match="no length of"):
        pool.infer(MOODY, to_measure("raise!"))


def test_a_model_that_cannot_be_loaded_is_refused_with_its_reason(pool: RayBackend, tiny: TinyModels) -> None:
    pool.place(pooled(tiny.doubling("pooled-bad", refuses="no weights here")))
    with pytest.raises(ModelRefusedError, match="no weights here"):
        pool.load("pooled-bad")
    pool.remove("pooled-bad")


def test_a_refused_model_leaves_the_others_as_they_were(pool: RayBackend, tiny: TinyModels) -> None:
    pool.place(pooled(tiny.doubling("pooled-bad-2", refuses="no weights here")))
    with pytest.raises(ModelRefusedError):
        pool.load("pooled-bad-2")
    pool.remove("pooled-bad-2")
    assert [doubled(pool, name) for name in DOUBLING] == [[2.0, 4.0]] * 3


def test_a_model_that_takes_too_long_lets_others_be_loaded_meanwhile(pool: RayBackend, tiny: TinyModels) -> None:
    placement = pooled(tiny.doubling("pooled-slow", loads_for_s=30))
    short = placement.inference.model_copy(update={"load_timeout_s": 3.0})
    pool.place(placement.model_copy(update={"inference": short}))
    with pytest.raises(ModelRefusedError, match="in 3 s"):
        pool.load("pooled-slow")
    pool.remove("pooled-slow")
    found = [list(pool.infer(name, ASKED, timeout_s=8.0).output("y").data) for name in DOUBLING]
    assert found == [[2.0, 4.0]] * 3


def test_a_model_that_was_unloaded_is_served_no_longer(pool: RayBackend, tiny: TinyModels, load: Load) -> None:
    load(pooled(tiny.doubling("pooled-5")))
    doubled(pool, "pooled-5")
    pool.unload("pooled-5")
    with pytest.raises(InferenceError, match="not found"):
        doubled(pool, "pooled-5")


def test_a_model_that_was_unloaded_is_forgotten(pool: RayBackend, tiny: TinyModels, load: Load) -> None:
    load(pooled(tiny.doubling("pooled-6")))
    doubled(pool, "pooled-6")
    pool.unload("pooled-6")
    assert "pooled-6" not in pool.traffic()


def test_a_model_can_be_loaded_again(pool: RayBackend, tiny: TinyModels, load: Load) -> None:
    load(pooled(tiny.doubling("pooled-7")))
    pool.unload("pooled-7")
    pool.load("pooled-7")
    assert doubled(pool, "pooled-7") == [2.0, 4.0]


def test_a_pool_goes_with_its_last_model(
    backend: RayBackend,
    tiny: TinyModels,
    load: Load,
    replicas: Replicas,
    eventually: Eventually,
) -> None:
    load(pooled(tiny.doubling("pooled-8"), **{"ray.pool": "other"}))
    there = len(replicas("cmcore-pool.other"))
    backend.unload("pooled-8")
    assert (there, eventually(lambda: not replicas("cmcore-pool.other"), 10.0)) == (1, True)


def test_a_model_that_asks_for_other_hardware_gets_another_pool_of_that_name(
    pool: RayBackend,
    tiny: TinyModels,
    load: Load,
    replicas: Replicas,
) -> None:
    load(pooled(tiny.doubling("pooled-9"), **{"ray.models_per_replica": "5"}))
    assert len(replicas("cmcore-pool.small-models")) == 2


def test_a_pool_whose_replica_was_killed_answers_again(
    pool: RayBackend, replicas: Replicas, eventually: Eventually
) -> None:
    for process in replicas("cmcore-pool.small-models"):
        process.kill()
    assert eventually(lambda: answered(pool))


def answered(backend: RayBackend) -> bool:
    """Whether all models answer now."""
    try:
        return [doubled(backend, name) for name in DOUBLING] == [[2.0, 4.0]] * 3
    except InferenceError:
        return False
