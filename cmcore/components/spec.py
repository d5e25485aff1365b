"""ComponentSpec: the contract of a component. The same model is the `kind: Component` document; no work here."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PrivateAttr,
    PydanticUserError,
    SerializerFunctionWrapHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import to_json

from cmcore.artifacts import Artifact, ValueArtifact, has_nan, value_type
from cmcore.components.secret import Secret
from cmcore.components.types import NAMED, artifact_type, python_type
from cmcore.errors import UsageError
from cmcore.resources import Resources
from cmcore.tracked import TRACKED_FILES

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
OutputKey = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]  # part of names that ignore case


ArtifactType = type[Artifact]  # in classes below, `type` is a field


SHOWN = 200


class Effect(StrEnum):
    """Whether the executor changes the world outside its outputs."""

    NONE = "none"
    EXTERNAL = "external"


class Frozen(BaseModel):
    """A part of a document: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class End(Frozen):
    """One end of an edge: what inputs and outputs have in common, the artifact type as documents write it."""

    type: str
    description: str = ""

    _type: ArtifactType | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def short_form(cls, value: object) -> object:
        """`model: Model` says what `model: {type: Model}` says."""
        return {"type": value} if isinstance(value, str) else value

    def of_type(self, reference: str) -> Self:
        """The same with its type written otherwise."""
        return self if reference == self.type else self.model_copy(update={"type": reference})


class InputSpec(End):
    """One input: artifacts of `type` or of a type derived from it; `list` takes any number of them."""

    optional: bool = False
    list: bool = False

    @property
    def artifact_type(self) -> ArtifactType:
        """The class behind `type`; raises UsageError."""
        return self._type or artifact_type(self.type)

    @classmethod
    def of(cls, artifact: ArtifactType, reference: str, *, optional: bool = False, many: bool = False) -> InputSpec:
        """The spec of an input whose class is at hand."""
        spec = cls(type=reference, optional=optional, list=many)
        spec._type = artifact
        return spec


class OutputSpec(End):
    """One output: an artifact type, or a value type (int, float, str, bool, bytes, json, or any parameter type).

    `value` says that an import path names the class of a value, not an artifact type.
    """

    value: bool = False
    allow_nan: bool = False

    _annotation: object = PrivateAttr(default=None)

    @property
    def artifact_type(self) -> ArtifactType:
        """The class of the artifact; value outputs are value artifacts. Raises UsageError."""
        if self._type is not None:
            return self._type
        return value_type(self.annotation) if self.is_value else artifact_type(self.type)

    @property
    def is_value(self) -> bool:
        """Whether the executor returns this output instead of writing it."""
        return self.value or self.type in NAMED or "[" in self.type or " | " in self.type

    @property
    def annotation(self) -> object:
        """The Python type of a value output."""
        if self._annotation is not None:
            return self._annotation
        if self.is_value:
            return python_type(self.type)
        found = self.artifact_type
        return found.python_type if issubclass(found, ValueArtifact) else found

    @classmethod
    def of(cls, *, reference: str, artifact: ArtifactType, annotation: object = None, nan: bool = False) -> OutputSpec:
        """The spec of an output whose class is at hand; `annotation` for values."""
        spec = cls(type=reference, value=annotation is not None and ":" in reference, allow_nan=nan)
        spec._type, spec._annotation = artifact, annotation
        return spec


class ParameterSpec(Frozen):
    """One parameter: a JSON value of a type within bounds. Without `default` it must be given."""

    type: str = "json"
    default: JsonValue = None
    description: str = ""
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    enum: list[JsonValue] | None = None

    _annotation: object = PrivateAttr(default=None)

    @model_serializer(mode="wrap")
    def written(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        """The document's form; a default that was given stays, also where it is None and defaults are left out."""
        written: dict[str, JsonValue] = handler(self)
        return written if self.required else {**written, "default": self.default}

    @property
    def required(self) -> bool:
        """Whether a node must give a value."""
        return "default" not in self.model_fields_set

    def is_left_out(self, value: JsonValue) -> bool:
        """Whether None stands for "not given": where the default is None, though the type may not say so."""
        return value is None and not self.required and self.default is None

    @property
    def annotation(self) -> object:
        """The Python type with its constraints; raises UsageError for a type that does not exist."""
        if self._annotation is not None:
            return self._annotation
        if self.enum is not None:
            return Literal[tuple(self.enum)]
        bounds = (
            None if self.ge is None else Ge(self.ge),
            None if self.gt is None else Gt(self.gt),
            None if self.le is None else Le(self.le),
            None if self.lt is None else Lt(self.lt),
            None if self.min_length is None else MinLen(self.min_length),
            None if self.max_length is None else MaxLen(self.max_length),
            None if self.pattern is None else StringConstraints(pattern=self.pattern),
        )
        declared, given = python_type(self.type), [bound for bound in bounds if bound is not None]
        return Annotated[(declared, *given)] if given else declared

    @cached_property
    def adapter(self) -> TypeAdapter[object]:
        """Validates and writes values of this parameter."""
        return adapter_of(self.annotation)

    @property
    def is_secret(self) -> bool:
        """Whether values are references to secrets."""
        return self.type.startswith("Secret")

    def python(self, value: JsonValue) -> object:
        """The executor's value for a JSON value; no numbers from strings. Raises pydantic's ValidationError."""
        return self.adapter.validate_python(value, strict=False) if has_nan(value) else self._strictly(value)

    def normal(self, value: JsonValue) -> JsonValue:
        """The one way to write this value: defaults inside it filled in, so that equal meanings are equal."""
        return value if self.is_left_out(value) or has_nan(value) else self.json_value(self.python(value))

    def _strictly(self, value: JsonValue) -> object:
        return self.adapter.validate_json(to_json(value), strict=True)

    def json_value(self, value: object) -> JsonValue:
        """A Python value in the form of documents, after validation. Raises pydantic's ValidationError."""
        checked = self.adapter.validate_python(value)
        written: JsonValue = self.adapter.dump_python(checked, mode="json", warnings="none")
        return written

    @classmethod
    def of(cls, annotation: object, reference: str, **given: JsonValue) -> ParameterSpec:
        """The spec of a parameter whose Python type is at hand; `default` only if it has one."""
        spec = cls.model_validate({"type": reference, **given})
        spec._annotation = annotation  # noqa: SLF001 # an instance of this very class
        return spec


def adapter_of(annotation: object) -> TypeAdapter[object]:
    """Validates and writes values of a type that is known at run time only; raises UsageError for what is no type."""
    try:
        return TypeAdapter(annotation)  # type: ignore[arg-type] # a type form, but no checker can know
    except (PydanticUserError, AttributeError) as error:  # pydantic asks some objects for a __qualname__
        raise UsageError(
            f"{annotation!r} is no type that values can be checked against; name a class with typed fields (pydantic "
            f"model, dataclass), an Enum or a built-in type"
        ) from error


class ComponentSpec(Frozen):
    """The contract: inputs, outputs, parameters, effect and needs. `executor` is an import path, `module:qualname`.

    `effect: external` says that the executor changes the world; `check` (an import path) then tells whether an
    earlier result still holds there, and only then may the cache be used.
    """

    kind: Literal["Component"] = "Component"
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,62}$")]
    summary: str = ""
    inputs: dict[Key, InputSpec] = {}
    parameters: dict[Key, ParameterSpec] = {}
    outputs: dict[OutputKey, OutputSpec] = {}
    effect: Effect = Effect.NONE
    check: str = ""
    resources: Resources = Field(default_factory=Resources)
    executor: str = ""

    @model_validator(mode="after")
    def keys_once(self) -> ComponentSpec:
        """A key names one thing: inputs, parameters and outputs share one namespace, which not every store tells
        apart by case."""
        seen: set[str] = set()
        for key in (*self.inputs, *self.parameters, *self.outputs):
            if key.lower() in seen:
                raise ValueError(
                    f"{key!r} is declared twice among inputs, parameters and outputs (case does not count)"
                )
            seen.add(key.lower())
        if TRACKED_FILES in self.outputs:
            raise ValueError(f"the output {TRACKED_FILES!r} is the one with tracked files; choose another name")
        return self

    @property
    def arguments(self) -> list[str]:
        """What a node may be given, in order."""
        return [*self.inputs, *self.parameters]

    def secrets_in(self, parameters: dict[str, JsonValue]) -> list[str]:
        """The names of the secrets among these parameter values."""
        return [
            Secret.parse(value).name
            for key, value in parameters.items()
            if self.parameters[key].is_secret and isinstance(value, str)
        ]


def first_error(error: ValidationError) -> str:
    """The first complaint of pydantic in one line: where, what, and the value found."""
    detail = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    found = "" if not where and detail["type"] == "value_error" else f", found {shortened(detail['input'])}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{where + ': ' if where else ''}{message[:1].lower()}{message[1:]}{found}"


def shortened(value: object) -> str:
    """A value as code writes it, cut where it would fill the screen."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


def checked_parameters(spec: ComponentSpec, given: dict[str, JsonValue]) -> dict[str, object]:
    """The executor's parameter values; raises UsageError naming the parameter, the type and the value found."""
    values: dict[str, object] = {}
    for key, declared in spec.parameters.items():
        if key not in given and declared.required:
            raise UsageError(f"{spec.name} needs parameter {key!r} ({declared.type}), which was not given")
        value = given.get(key, declared.default)
        try:
            values[key] = None if declared.is_left_out(value) else declared.python(value)
        except ValidationError as error:
            raise UsageError(f"{spec.name}: parameter {key!r} ({declared.type}): {first_error(error)}") from error
    return values
