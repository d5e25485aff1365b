"""From a function's signature to its ComponentSpec. Reads annotations; calls nothing of the user's."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, JsonValue, PydanticUserError, StringConstraints, ValidationError
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict  # knows the TypedDicts of typing too

from cmcore.artifacts import Artifact, value_type
from cmcore.components.annotations import Allow, Role
from cmcore.components.context import Context
from cmcore.components.spec import ComponentSpec, Effect, InputSpec, OutputSpec, ParameterSpec, first_error
from cmcore.components.types import artifact_reference, written
from cmcore.errors import UsageError
from cmcore.resources import Resources

BOUNDS: Mapping[type, str] = {
    Ge: "ge", Gt: "gt", Le: "le", Lt: "lt", MinLen: "min_length", MaxLen: "max_length", StringConstraints: "pattern",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument as its annotation tells: its role, the type inside, whether None is allowed."""

    role: Role | None
    inner: object
    optional: bool
    default: object


def spec_of(
    function: Callable[..., object],
    *,
    name: str = "",
    effect: Effect = Effect.NONE,
    check: str = "",
    resources: Resources | None = None,
    executor: str = "",
) -> ComponentSpec:
    """The contract that a function's annotations state; raises UsageError naming the argument and the mend."""
    hints = type_hints(function)
    inputs: dict[str, InputSpec] = {}
    outputs: dict[str, OutputSpec] = {}
    parameters: dict[str, ParameterSpec] = {}
    for key, signature_parameter in inspect.signature(function).parameters.items():
        if hints.get(key) is Context:
            continue
        argument = read_argument(function, signature_parameter, hints)
        match argument.role:
            case Role.INPUT:
                inputs[key] = input_spec(function, key, argument)
            case Role.OUTPUT:
                outputs[key] = output_spec(function, key, argument)
            case _:
                parameters[key] = parameter_spec(function, key, argument)
    try:
        return ComponentSpec(
            name=name or function.__name__,
            summary=(inspect.getdoc(function) or "").split("\n")[0],
            inputs=inputs,
            parameters=parameters,
            outputs=outputs | value_outputs(function, hints.get("return", type(None))),
            effect=effect,
            check=check,
            resources=resources or Resources(),
            executor=executor,
        )
    except ValidationError as error:
        raise UsageError(f"{_where(function)}: {first_error(error)}") from error


@lru_cache(maxsize=256)  # reading annotations costs a worker 0.2 ms, and it is called for every node
def context_argument(function: Callable[..., object]) -> str:
    """The name of the argument that wants a Context; empty if none does."""
    return next((key for key, hint in type_hints(function).items() if hint is Context and key != "return"), "")


def type_hints(function: Callable[..., object]) -> Mapping[str, object]:
    """Annotations as objects, also under `from __future__ import annotations`."""
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise UsageError(
            f"{_where(function)}: annotation names {error.name!r}, which its module does not define at run time; "
            f"import it outside `if TYPE_CHECKING`"
        ) from error


def read_argument(
    function: Callable[..., object], parameter: inspect.Parameter, hints: Mapping[str, object]
) -> Argument:
    """One argument, with `Optional` taken off from outside or inside of its role."""
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise UsageError(f"{_where(function)}: *{parameter.name} has no name or type; declare each argument")
    if parameter.name not in hints:
        raise UsageError(
            f"{_where(function)}: argument {parameter.name!r} has no annotation; write InputArtifact[...], "
            f"OutputArtifact[...] or Parameter[...]"
        )
    outer, outer_optional = _without_none(hints[parameter.name])
    role, annotation = _role_of(outer)
    if role in (Role.INPUT, Role.OUTPUT):
        inner, inner_optional = _without_none(annotation)
        optional = outer_optional or inner_optional
    else:
        inner, optional = (annotation | None if outer_optional else annotation), outer_optional  # type: ignore[operator] # a type form
    return Argument(role=role, inner=inner, optional=optional, default=parameter.default)


def input_spec(function: Callable[..., object], key: str, argument: Argument) -> InputSpec:
    """An `InputArtifact[T]`, `InputArtifact[list[T]]` or an optional one."""
    many = get_origin(argument.inner) is list
    artifact = _artifact(function, key, get_args(argument.inner)[0] if many else argument.inner)
    return InputSpec.of(artifact, artifact_reference(artifact), optional=argument.optional, many=many)


def output_spec(function: Callable[..., object], key: str, argument: Argument) -> OutputSpec:
    """An `OutputArtifact[T]`; never optional."""
    if argument.optional:
        raise UsageError(f"{_where(function)}: output {key!r} cannot be optional; every output is written")
    artifact = _artifact(function, key, argument.inner)
    return OutputSpec.of(reference=artifact_reference(artifact), artifact=artifact)


def parameter_spec(function: Callable[..., object], key: str, argument: Argument) -> ParameterSpec:
    """A `Parameter[T]` or a plain annotation."""
    if isinstance(argument.inner, type) and issubclass(argument.inner, Artifact):
        raise UsageError(
            f"{_where(function)}: argument {key!r} is a {argument.inner.__name__}; write "
            f"InputArtifact[{argument.inner.__name__}] if it is read, OutputArtifact[...] if it is written"
        )
    try:
        spec = ParameterSpec.of(argument.inner, parameter_type(argument.inner), **choices(argument.inner))
        if argument.default is inspect.Parameter.empty:
            return spec
        default: JsonValue = None if argument.default is None else spec.json_value(argument.default)
        return ParameterSpec.of(argument.inner, spec.type, default=default, **choices(argument.inner))
    except ValidationError as error:
        raise UsageError(f"{_where(function)}: default of {key!r}: {first_error(error)}") from error
    except PydanticUserError as error:
        raise UsageError(
            f"{_where(function)}: parameter {key!r} of type {argument.inner!r} has no JSON form; use plain types, "
            f"Enum, Literal, dataclasses or pydantic models"
        ) from error


def parameter_type(annotation: object) -> str:
    """A parameter's type as documents write it; the values of a Literal of texts stand beside it, as `choices`."""
    words = get_origin(annotation) is Literal and all(isinstance(choice, str) for choice in get_args(annotation))
    return "str" if words else written(annotation)


def choices(annotation: object) -> dict[str, JsonValue]:
    """What a spec says beside the type: the values of a Literal, the bounds of an Annotated type."""
    if get_origin(annotation) is Literal:
        return {"enum": list(get_args(annotation))}
    if get_origin(annotation) is not Annotated:
        return {}
    marks = [
        mark
        for given in get_args(annotation)[1:]
        for mark in (given.metadata if isinstance(given, FieldInfo) else [given])
    ]
    return {BOUNDS[type(mark)]: getattr(mark, BOUNDS[type(mark)]) for mark in marks if type(mark) in BOUNDS}


def value_outputs(function: Callable[..., object], returned: object) -> dict[str, OutputSpec]:
    """The outputs that a return annotation declares, key by key."""
    if returned in (None, type(None)):
        return {}
    fields = returned_fields(returned)
    if fields is None:
        raise UsageError(
            f"{_where(function)}: returns {returned!r}; to name its values return a TypedDict, NamedTuple, dataclass, "
            f"pydantic model or OutputDict(name=type)"
        )
    return {key: value_output(annotation) for key, annotation in fields.items()}


def returned_fields(returned: object) -> Mapping[str, object] | None:
    """The named values of a structured return type; None if it has no names."""
    returned, _ = _without_none(returned)
    if not isinstance(returned, type):
        return None
    if issubclass(returned, BaseModel):
        return {key: field.rebuild_annotation() for key, field in returned.model_fields.items()}
    if is_typeddict(returned) or dataclasses.is_dataclass(returned) or hasattr(returned, "_fields"):
        return get_type_hints(returned, include_extras=True)
    return None


def value_output(annotation: object) -> OutputSpec:
    """The spec of one returned value, `AllowNaN[...]` taken off."""
    nan = get_origin(annotation) is Annotated and Allow.NAN in get_args(annotation)
    inner = get_args(annotation)[0] if nan else annotation
    return OutputSpec.of(reference=written(inner), artifact=value_type(inner), annotation=inner, nan=nan)


def as_dict(returned: object) -> dict[str, object]:
    """What a component returned, key by key, whatever structure it chose; raises UsageError."""
    match returned:
        case None:
            return {}
        case BaseModel():
            return {key: getattr(returned, key) for key in type(returned).model_fields}  # by field name
        case dict():
            return returned
        case tuple() if hasattr(returned, "_asdict"):
            return dict(returned._asdict())
        case _ if dataclasses.is_dataclass(returned) and not isinstance(returned, type):
            return {field.name: getattr(returned, field.name) for field in dataclasses.fields(returned)}
        case _:
            raise UsageError(f"returned a {type(returned).__name__}, which has no named values; return a dict")


def _artifact(function: Callable[..., object], key: str, annotation: object) -> type[Artifact]:
    if isinstance(annotation, type) and issubclass(annotation, Artifact):
        return annotation
    if annotation in (int, float, str, bool, bytes):
        raise UsageError(
            f"{_where(function)}: {key!r} is declared as an artifact, but {written(annotation)} is a value; write "
            f"{value_type(annotation).__name__} for the artifact that holds one, or Parameter[{written(annotation)}]"
        )
    raise UsageError(
        f"{_where(function)}: {key!r} is declared as an artifact but {annotation!r} is not an artifact type"
    )


def _role_of(annotation: object) -> tuple[Role | None, object]:
    if get_origin(annotation) is not Annotated:
        return None, annotation
    inner, *metadata = get_args(annotation)
    role = next((mark for mark in metadata if isinstance(mark, Role)), None)
    rest = [mark for mark in metadata if not isinstance(mark, Role)]
    return role, Annotated[(inner, *rest)] if rest else inner


def _without_none(annotation: object) -> tuple[object, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    kept = tuple(argument for argument in get_args(annotation) if argument is not type(None))
    return Union[kept], len(kept) < len(get_args(annotation))  # noqa: UP007 # of values, at run time


def _where(function: Callable[..., object]) -> str:
    code = getattr(function, "__code__", None)
    place = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
    return f"component {function.__qualname__!r}{place}"
