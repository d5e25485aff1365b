"""From a model's folder and its configs to a placement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cmcore.errors import UsageError
from cmcore.inference import DataType
from cmcore.serving.backend import Flavor, Placement
from cmcore.serving.document import DeploymentConfig, InferenceConfig, TensorConfig
from cmcore.serving.placing import placement_of, with_server_config

FLAVORS = [Flavor(name=name, factory=f"plugin:{name}") for name in ("python_function", "sklearn", "onnx")]
COLUMNS = json.dumps([{"name": "x", "type": "double"}])


def model(folder: Path, *flavors: str, signature: bool = True) -> Path:
    """A folder with an `MLmodel`."""
    document: dict[str, object] = {"flavors": {flavor: {} for flavor in flavors}}
    if signature:
        document["signature"] = {"inputs": COLUMNS, "outputs": COLUMNS}
    (folder / "MLmodel").write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def placed(folder: Path, **inference: object) -> Placement:
    """The placement."""
    config = InferenceConfig.model_validate(inference)
    return placement_of("m", folder, DeploymentConfig(), config, FLAVORS, {})


@pytest.mark.parametrize(
    ("has", "chosen"),
    [
        (["python_function", "sklearn", "onnx"], "onnx"),
        (["python_function", "sklearn"], "sklearn"),
        (["python_function", "exotic"], "python_function"),
    ],
)
def test_the_most_preferred_flavor_is_run(has: list[str], chosen: str, tmp_path: Path) -> None:
    assert placed(model(tmp_path, *has)).flavor.name == chosen


def test_a_flavor_that_is_asked_for_is_run(tmp_path: Path) -> None:
    assert placed(model(tmp_path, "onnx", "sklearn"), flavor="sklearn").flavor.factory == "plugin:sklearn"


def test_a_flavor_that_the_model_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no flavor 'onnx': .* has sklearn; installed plugins run onnx"):
        placed(model(tmp_path, "sklearn"), flavor="onnx")


def test_a_model_that_nothing_runs_is_refused_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pip install cmcore-models"):
        placed(model(tmp_path, "exotic"))


def test_a_model_without_a_signature_needs_its_tensors_in_the_config(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no signature"):
        placed(model(tmp_path, "onnx", signature=False))


def test_tensors_of_the_config_stand_for_the_signature(tmp_path: Path) -> None:
    x, y = (TensorConfig(name=name, datatype=DataType.FP32, shape=(3,)).model_dump() for name in "xy")
    found = placed(model(tmp_path, "onnx", signature=False), inputs=[x], outputs=[y])
    assert ([it.name for it in found.interface.inputs], found.interface.outputs[0].shape) == (["x"], (3,))


def test_a_file_of_the_servers_own_configuration_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "own.pbtxt").write_text('name: "m"', encoding="utf-8")
    read = with_server_config(InferenceConfig(server_config="own.pbtxt"), tmp_path)
    assert (read.server_config, with_server_config(read, tmp_path / "elsewhere")) == ('name: "m"\n', read)


@pytest.mark.parametrize("path", ["/etc/passwd", "../own.pbtxt", "link.pbtxt"])
def test_a_file_outside_the_project_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "own.pbtxt").write_text('name: "m"', encoding="utf-8")
    project = tmp_path / "project"
    project.mkdir()
    (project / "link.pbtxt").symlink_to(tmp_path / "own.pbtxt")
    with pytest.raises(UsageError, match="leads out of"):
        with_server_config(InferenceConfig(server_config=path), project)
