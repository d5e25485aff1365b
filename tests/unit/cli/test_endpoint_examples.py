"""What people are told to try once an endpoint is ready."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.cli.endpoints import has_example
from cmcore.inference.interface import Interface
from cmcore.serving.backend import Flavor, Placement
from cmcore.serving.document import DeploymentConfig, Endpoint, Variant
from cmcore.serving.values import Deployment, EndpointState, Revision, ServedVersion


def served(folder: Path) -> EndpointState:
    """An endpoint whose traffic goes to the model in a folder."""
    document = Endpoint(name="delays", backend="triton", variants=(Variant(model="delays@1.0.0"),))
    revision = Revision(
        endpoint="delays", number=1, document=document, wanted={"main": 1}, resolved={}, actor="a", at=0.0
    )
    placement = Placement(
        name="delays-1.0.0-1",
        folder=folder,
        interface=Interface(inputs=(), outputs=()),
        flavor=Flavor(name="onnx", factory="m:f"),
        deployment=DeploymentConfig(),
    )
    deployment = Deployment(
        endpoint="delays", number=1, variant="main", backend="triton", identity="i", placement=placement,
        version=ServedVersion(reference="delays@1.0.0", artifact="", digest="sha256:x"),
    )  # fmt: skip
    return EndpointState(
        name="delays", project="demo", revision=revision, traffic={"main": 1}, deployments=(deployment,)
    )


@pytest.mark.parametrize(
    ("content", "has"), [('{"columns": ["a"], "data": [[1]]}', True), ('{"columns": ["a"], "data": []}', False)]
)
def test_a_sample_is_proposed_where_the_model_has_recorded_one(content: str, has: bool, tmp_path: Path) -> None:
    (tmp_path / "input_example.json").write_text(content)
    assert has_example(served(tmp_path)) is has


def test_no_sample_is_proposed_where_the_model_has_no_example(tmp_path: Path) -> None:
    assert not has_example(served(tmp_path))
