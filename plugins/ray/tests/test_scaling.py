"""How many instances there are, and what they claim, on a real cluster with one claimed GPU."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cmcore.errors import ModelRefusedError
from cmcore.serving.backend import Flavor, Placement, Protocol
from cmcore.serving.document import Autoscaling
from cmcore.testing.serving_models import TinyModels, to_double, to_measure
from cmcore_ray.backend import RayBackend

from .conftest import Eventually, Load, Replicas

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]
ASKED = to_double([[1, 2]])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    return TinyModels(folder=tmp_path_factory.mktemp("tiny"), batching=True)


def deployed(placement: Placement, **changes: object) -> Placement:
    """The placement on other hardware."""
    return placement.model_copy(update={"deployment": placement.deployment.model_copy(update=changes)})


def on_gpu(placement: Placement, gpus: float) -> Placement:
    return deployed(placement, devices=("gpu",), gpus=gpus)


def in_vain(placement: Placement) -> Placement:
    """The placement, with no more time to load than one needs who will be refused."""
    return placement.model_copy(update={"inference": placement.inference.model_copy(update={"load_timeout_s": 4.0})})


def test_two_halves_of_a_gpu_are_served_on_one(backend: RayBackend, tiny: TinyModels, load: Load) -> None:
    load(on_gpu(tiny.doubling("half-1"), 0.5))
    load(on_gpu(tiny.doubling("half-2"), 0.5))
    assert [list(backend.infer(name, ASKED).output("y").data) for name in ("half-1", "half-2")] == [[2.0, 4.0]] * 2


def test_what_no_longer_fits_on_a_gpu_is_refused_with_what_is_free(tiny: TinyModels, load: Load) -> None:
    load(on_gpu(tiny.doubling("most-1"), 0.75))
    with pytest.raises(ModelRefusedError, match=r"GPU 0\.5, free 0\.25"):
        load(in_vain(on_gpu(tiny.doubling("most-2"), 0.5)))


def test_what_was_refused_claims_nothing(backend: RayBackend, tiny: TinyModels, load: Load) -> None:
    load(on_gpu(tiny.doubling("whole-1"), 1.0))
    with pytest.raises(ModelRefusedError):
        load(in_vain(on_gpu(tiny.doubling("whole-2"), 1.0)))
    backend.unload("whole-1")
    load(on_gpu(tiny.doubling("whole-3"), 1.0))
    assert list(backend.infer("whole-3", ASKED).output("y").data) == [2.0, 4.0]


def test_a_gpu_that_is_claimed_can_be_asked_for(backend: RayBackend) -> None:
    assert backend.capabilities().devices == {"cpu", "gpu"}


@pytest.mark.parametrize("protocol", list(Protocol))
def test_answers_come_from_every_instance(
    backend: RayBackend,
    tiny: TinyModels,
    load: Load,
    protocol: Protocol,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    name, flavor = f"twice-{protocol}", Flavor(name="telling", factory="telling_predictors:ProcessId")
    load(deployed(tiny.doubling(name), instances=2).model_copy(update={"flavor": flavor}))

    def processes() -> int:
        return len({backend.infer(name, ASKED, protocol=protocol).output("y").data[0] for _ in range(20)})

    assert eventually(lambda: processes() == 2)


def test_an_autoscaled_model_gets_another_instance_under_load_and_loses_it_again(
    backend: RayBackend, tiny: TinyModels, load: Load, eventually: Eventually, replicas: Replicas
) -> None:
    scaling = Autoscaling(max_instances=2, target_ongoing_requests=1, upscale_delay_s=0.5, downscale_delay_s=1)
    load(deployed(tiny.moody("scaling-1"), autoscaling=scaling))
    before, over = len(replicas("scaling-1")), threading.Event()

    def ask() -> None:
        while not over.is_set():
            backend.infer("scaling-1", to_measure("sleep!0.2"))

    with ThreadPoolExecutor(max_workers=4) as clients:
        asking = [clients.submit(ask) for _ in range(4)]
        more = eventually(lambda: len(replicas("scaling-1")) == 2, 90.0)
        over.set()
    failures = [each.exception() for each in asking]
    fewer = eventually(lambda: len(replicas("scaling-1")) == 1, 90.0)
    assert (before, more, fewer, failures) == (1, True, True, [None] * 4)
