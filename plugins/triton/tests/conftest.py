"""Placements to make configurations of, a Triton of the tests' own, and predictors with bad manners."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.tensor import TensorSpec
from cmcore.serving.backend import Flavor, Placement
from cmcore.testing.serving_models import TinyModels
from cmcore_triton.backend import TritonBackend
from cmcore_triton.options import TritonOptions

HERE = Path(__file__).parent
RUDE = "triton_rude_predictors"


@pytest.fixture
def placement(tmp_path: Path) -> Placement:
    """Two columns in, one out."""
    folder = tmp_path / "model"
    folder.mkdir()
    return Placement(
        name="flights-v1",
        folder=folder,
        interface=Interface(
            inputs=(
                TensorSpec(name="distance", datatype=DataType.FP64, shape=(1,)),
                TensorSpec(name="carrier", datatype=DataType.BYTES, shape=(1,), optional=True),
            ),
            outputs=(TensorSpec(name="delayed", datatype=DataType.FP32, shape=(1,)),),
        ),
        flavor=Flavor(name="tiny", factory="cmcore.testing.tiny_predictors:doubling"),
        owner={"project": "flights", "endpoint": "delays", "number": "1"},
    )


@pytest.fixture(scope="session")
def rude(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The import path of a module whose predictors end their process or answer nonsense; see rude_predictors.py."""
    folder = tmp_path_factory.mktemp("modules")
    shutil.copyfile(HERE / "rude_predictors.py", folder / f"{RUDE}.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield RUDE


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonBackend]:
    """A backend whose server answers."""
    backend = TritonBackend(tmp_path_factory.mktemp("triton"), TritonOptions(stop_timeout_s=1.0))
    try:
        backend.start()
        yield backend
    finally:
        backend.stop()
        backend.close()


@pytest.fixture
def tiny(tmp_path: Path) -> TinyModels:
    """Models whose requests wait for each other."""
    return TinyModels(folder=tmp_path / "tiny", batching=True)
