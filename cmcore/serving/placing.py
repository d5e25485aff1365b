"""From a model's folder and its two configs to a placement: the interface, and the flavor that runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cmcore.errors import UsageError
from cmcore.inference.interface import Interface, ServableModel, read_model
from cmcore.inference.tensor import TensorSpec
from cmcore.serving.backend import Flavor, Placement
from cmcore.serving.document import DeploymentConfig, InferenceConfig, TensorConfig

PREFERRED = ("onnx", "sklearn", "python_function")  # the first runs without the code that made the model


def placement_of(
    name: str,
    folder: Path,
    deployment: DeploymentConfig,
    inference: InferenceConfig,
    flavors: Sequence[Flavor],
    owner: Mapping[str, str],
) -> Placement:
    """The placement of one model; `flavors` are those that can be run here. Raises UsageError where it cannot be
    served."""
    model = read_model(folder)
    return Placement(
        name=name,
        folder=folder,
        interface=interface_for(model, inference, folder),
        flavor=flavor_for(model, inference.flavor, flavors, folder),
        deployment=deployment,
        inference=inference,
        owner=dict(owner),
    )


def with_server_config(config: InferenceConfig, folder: Path) -> InferenceConfig:
    """The config with the text of the server's own configuration where it names a file in there; raises UsageError.

    A text has a line end, a path has none, so that what was read is not taken for a path again.
    """
    given = config.server_config
    if not isinstance(given, str) or not given or "\n" in given or "{" in given:
        return config
    try:
        path = (folder / given).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise UsageError(f"server_config {given!r} leads out of {folder}; put the file into the project")
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"server_config {given!r} cannot be read: {error}") from error
    return config.model_copy(update={"server_config": f"{text.rstrip()}\n"})


def interface_for(model: ServableModel, inference: InferenceConfig, folder: Path) -> Interface:
    """The model's own interface, but for the sides that the config gives; raises UsageError where nobody says it."""
    own = model.interface
    if own is None and not (inference.inputs and inference.outputs):
        raise UsageError(
            f"the model in {folder} has no signature: write its inputs and outputs in the inference config, or log it "
            "with one"
        )
    inputs = own.inputs if own else ()
    outputs = own.outputs if own else ()
    return Interface(
        inputs=tuple(map(spec, inference.inputs)) or inputs,
        outputs=tuple(map(spec, inference.outputs)) or outputs,
        batched=own.batched if own else True,
    )


def spec(given: TensorConfig) -> TensorSpec:
    """The tensor that a config describes."""
    return TensorSpec(name=given.name, datatype=given.datatype, shape=given.shape, optional=given.optional)


def flavor_for(model: ServableModel, asked: str, flavors: Sequence[Flavor], folder: Path) -> Flavor:
    """The flavor that is asked for, else the most preferred one that the model has; raises UsageError."""
    can_run = {flavor.name: flavor for flavor in flavors}
    has = [name for name in (*PREFERRED, *sorted(can_run)) if name in model.flavors]
    chosen = asked or next((name for name in has if name in can_run), "")
    told = f"the model in {folder} has {', '.join(model.flavors) or 'none'}; installed plugins run "
    if asked and asked not in model.flavors:
        raise UsageError(f"no flavor {asked!r}: {told}{', '.join(sorted(can_run)) or 'none'}")
    if chosen not in can_run:
        raise UsageError(
            f"no flavor of it can be run: {told}{', '.join(sorted(can_run)) or 'none'}. Try: pip install cmcore-models"
        )
    return can_run[chosen]
