"""The files of one model as the server loads them: for each kind of runner, what lies in its version folder."""

from __future__ import annotations

import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import yaml

from cmcore.errors import ModelRefusedError
from cmcore.inference.interface import MODEL_FILE
from cmcore.inference.tensor import TensorSpec
from cmcore.serving.backend import Placement
from cmcore.serving.predictor import predictor_settings
from cmcore_triton.onnx_graph import Graph, read_graph

ADAPTER = Path(__file__).with_name("adapter.py")
ONNX_FLAVOR, ONNX_FILE = "onnx", "model.onnx"


def write_python_model(placement: Placement, version: Path, *, link: bool) -> None:
    """The adapter, a copy of the flavor's predictor, its settings and the model's files; raises ModelRefusedError."""
    module, _, factory = placement.flavor.factory.partition(":")
    told = predictor_settings(placement.interface, threads=placement.inference.threads)
    settings = {"factory": factory, "predictor": told}
    shutil.copyfile(ADAPTER, version / "model.py")
    shutil.copyfile(predictor_module(module, placement), version / "predictor.py")
    (version / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    write_tree(placement.folder, version / "payload", link=link)


def predictor_module(module: str, placement: Placement) -> Path:
    """The file of the flavor's predictor; raises ModelRefusedError where this environment has none."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError) as error:
        raise ModelRefusedError(f"{placement.name}: {placement.flavor.factory!r} cannot be found: {error}") from error
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise ModelRefusedError(
            f"{placement.name}: the flavor {placement.flavor.name!r} is run by {placement.flavor.factory!r}, "
            "and there is no such module file here"
        )
    return Path(spec.origin)


def onnx_file(placement: Placement) -> Path | None:
    """The model's ONNX file; None where it has no flavor of that name."""
    if placement.flavor.name != ONNX_FLAVOR:
        return None
    try:
        document = yaml.safe_load((placement.folder / MODEL_FILE).read_text(encoding="utf-8"))
        named = document["flavors"][ONNX_FLAVOR].get("data", ONNX_FILE)
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        named = ONNX_FILE
    found = placement.folder / str(named)
    return found if found.is_file() else None


def served_graph(placement: Placement) -> Graph | None:
    """The model's graph; None where Triton's ONNX backend, which converts nothing, could not serve what is promised."""
    file = onnx_file(placement)
    graph = None if file is None else read_graph(file)
    interface = placement.interface
    if graph is None or not graph.fed <= {spec.name for spec in interface.inputs}:
        return None
    specs = (*interface.inputs, *interface.outputs)
    return graph if all(fits(graph, spec, batched=interface.batched) for spec in specs) else None


def fits(graph: Graph, spec: TensorSpec, *, batched: bool) -> bool:
    """Whether a tensor of the interface is the graph's own; a column may be one dimension less there."""
    found = graph.tensors.get(spec.name)
    ranks = {len(spec.shape) + batched} | ({1} if batched and spec.shape == (1,) else set())
    return found is not None and found.datatype is spec.datatype and found.rank in ranks


def write_onnx_model(placement: Placement, version: Path, *, link: bool) -> None:
    """The ONNX file, and those beside it that hold its weights."""
    file = onnx_file(placement)
    assert file is not None  # served_graph has read it
    beside = [each for each in file.parent.iterdir() if each.name.startswith(file.name) and each != file]
    write_file(file, version / ONNX_FILE, link=link)
    for each in beside:
        write_file(each, version / each.name, link=link)


def write_tree(folder: Path, target: Path, *, link: bool) -> None:
    """The model's files under the target; raises ModelRefusedError for what is neither a file nor a folder."""
    target.mkdir(parents=True, exist_ok=True)
    for each in sorted(folder.iterdir()):
        if each.is_dir():
            write_tree(each, target / each.name, link=link)
        elif each.is_file():
            write_file(each, target / each.name, link=link)
        else:
            raise ModelRefusedError(f"{each} is neither a file nor a folder, or leads nowhere")


def write_file(file: Path, target: Path, *, link: bool) -> None:
    """One file: the same on this disk where that is possible, else a copy."""
    if link:
        try:
            os.link(file.resolve(), target)
        except OSError:  # another disk, or a file system without hard links
            shutil.copyfile(file, target)
    else:
        shutil.copyfile(file, target)
