"""A model's interface for the codec, and one local cluster for all tests that talk to one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.tensor import TensorSpec
from cmcore.serving.backend import Placement
from cmcore_ray.backend import RayBackend
from cmcore_ray.cluster import LocalCluster
from cmcore_ray.codec.question import Served
from cmcore_ray.options import RayOptions

Eventually = Callable[..., bool]
Load = Callable[[Placement], None]
Replicas = Callable[[str], list[psutil.Process]]


@pytest.fixture(scope="session")
def served() -> Served:
    """`x` FP32 [rows, 4], the optional `s` BYTES [rows, 1] and `k` INT8 [rows, any]; at most 8 rows."""
    inputs = (
        TensorSpec(name="x", datatype=DataType.FP32, shape=(4,)),
        TensorSpec(name="s", datatype=DataType.BYTES, shape=(1,), optional=True),
        TensorSpec(name="k", datatype=DataType.INT8, shape=(-1,), optional=True),
    )
    outputs = (
        TensorSpec(name="y", datatype=DataType.FP32, shape=(4,)),
        TensorSpec(name="t", datatype=DataType.BYTES, shape=(1,)),
    )
    return Served(name="multi", interface=Interface(inputs=inputs, outputs=outputs), max_rows=8)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the cluster."""
    return tmp_path_factory.mktemp("ray")


@pytest.fixture(scope="session")
def backend(folder: Path) -> Iterator[RayBackend]:
    """A backend whose cluster runs, and claims to have one GPU."""
    backend = RayBackend(folder, RayOptions(num_gpus=1))
    try:
        backend.start()
        yield backend
    finally:
        backend.stop()
        backend.close()


@pytest.fixture
def load(backend: RayBackend) -> Iterator[Load]:
    """Places and loads a model, which goes at the test's end."""
    names = []

    def loaded(placement: Placement) -> None:
        names.append(placement.name)
        backend.place(placement)
        backend.load(placement.name)

    yield loaded
    for name in names:
        backend.unload(name)
        backend.remove(name)


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """Whether a claim holds within seconds, a minute unless told."""

    def holds(claim: Callable[[], bool], timeout_s: float = 60.0) -> bool:
        until = time.monotonic() + timeout_s
        while not claim() and time.monotonic() < until:
            time.sleep(0.1)
        return claim()

    return holds


@pytest.fixture
def replicas(folder: Path) -> Replicas:
    """The processes of applications whose names begin so."""

    def found(application: str) -> list[psutil.Process]:
        cluster = LocalCluster(folder, RayOptions()).running()
        assert cluster is not None
        assert cluster.process is not None
        family = cluster.process.children(recursive=True)
        return [each for each in family if f"ServeReplica:{application}" in " ".join(words(each))]

    return found


def words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
