"""A model's interface for the codec, and one local cluster for all tests that talk to one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.tensor import TensorSpec
from cmcore_ray.backend import RayBackend
from cmcore_ray.codec.question import Served


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
    """A backend whose cluster runs."""
    backend = RayBackend(folder)
    try:
        backend.start()
        yield backend
    finally:
        backend.stop()
        backend.close()
