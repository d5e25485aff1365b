"""A pipeline's own parameters: which layer gave each value, and whether it fits. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue, ValidationError

from cmcore.components.spec import ParameterSpec, first_error
from cmcore.document.wording import did_you_mean
from cmcore.errors import UsageError
from cmcore.pipelines.plan import LayeredValue
from cmcore.settings import PARAMETER_PREFIX, parsed

Wrong = list[tuple[list[str | int], str]]


def layered_parameters(
    declared: Mapping[str, ParameterSpec],
    file: Mapping[str, JsonValue],
    environment: Mapping[str, str],
    sets: Mapping[str, JsonValue],
) -> dict[str, LayeredValue]:
    """The values that layers give, the later ones winning: `cm.yaml`, `$CM_PARAM_<NAME>`, then what was set.

    The file's parameters serve all pipelines of a project, so those that this one does not declare are left out.
    """
    layers = {key: LayeredValue(value=value, layer="file cm.yaml") for key, value in file.items() if key in declared}
    for key, spec in declared.items():
        variable = PARAMETER_PREFIX + key.upper()
        if variable in environment:
            text = environment[variable]
            value = text if spec.type == "str" else parsed(text)
            layers[key] = LayeredValue(value=value, layer=f"environment ${variable}")
    return layers | {key: LayeredValue(value=value, layer="set") for key, value in sets.items()}


def bound_parameters(
    declared: Mapping[str, ParameterSpec], given: Mapping[str, LayeredValue], *, complete: bool = True
) -> tuple[dict[str, LayeredValue], Wrong]:
    """Every declared parameter with its value and layer, and what is wrong with them by path.

    Unless `complete`, one without a value is given it later.
    """
    wrong: Wrong = [
        (["parameters"], f"no pipeline parameter {key!r}{did_you_mean(key, declared)} (set by layer {layered.layer!r})")
        for key, layered in given.items()
        if key not in declared
    ]
    bound: dict[str, LayeredValue] = {}
    for key, spec in declared.items():
        if key not in given and spec.required:
            if complete:
                wrong.append(
                    (["parameters", key], f"parameter {key!r} ({spec.type}) has no value; give --set {key}=...")
                )
            continue
        layered = given.get(key, LayeredValue(value=spec.default, layer="default"))
        bound[key] = layered
        if spec.is_left_out(layered.value):
            continue
        try:
            spec.python(layered.value)
        except UsageError as error:
            wrong.append((["parameters", key, "type"], str(error)))
        except ValidationError as error:
            wrong.append(
                (["parameters", key], f"parameter {key!r} ({spec.type}) from {layered.layer}: {first_error(error)}")
            )
    return bound, wrong
