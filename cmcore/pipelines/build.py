"""Pipelines in Python: calling components under `@pipeline` makes nodes. The result is the document of `document`."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn, overload

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from cmcore.artifacts import Artifact
from cmcore.components.component import Component, current_builder
from cmcore.components.signature import parameter_spec, read_argument, type_hints
from cmcore.components.spec import ParameterSpec, first_error
from cmcore.components.types import artifact_reference, plain
from cmcore.document.wording import did_you_mean
from cmcore.errors import UsageError
from cmcore.pipelines.document import RESERVED, Importer, Node, Pipeline

ArtifactClass = type[Artifact]  # where `type` is an argument's name


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A value that is known later: a pipeline parameter or a node's output. Usable in f-strings."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        raise UsageError(
            f"{self.text} is known only when the pipeline runs, so Python's `if`, `and` and `or` cannot look at it"
        )

    def __iter__(self) -> Iterator[object]:
        raise UsageError(f"{self.text} is known only when the pipeline runs, so it cannot be looped over")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Expression):
            return self.text == other.text
        raise UsageError(f"{self.text} is known only when the pipeline runs, so it cannot be compared with {other!r}")

    def __hash__(self) -> int:
        return hash(self.text)

    def _computed(self, *_: object) -> NoReturn:
        raise UsageError(
            f"{self.text} has no value while the pipeline is built; "
            "compute inside a component, or write it in a document's template"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _computed
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _computed
    __lt__ = __le__ = __gt__ = __ge__ = _computed
    __neg__ = __int__ = __float__ = __len__ = _computed


class BuiltNode:
    """A node in the pipeline being written; its outputs are attributes and items."""

    def __init__(self, name: str, outputs: tuple[str, ...], pipeline: PipelineBuilder) -> None:
        self._name, self._outputs, self._pipeline = name, outputs, pipeline

    @property
    def node_name(self) -> str:
        """The node's name in its pipeline."""
        return self._name

    def __getattr__(self, key: str) -> Expression:
        if key.startswith("_"):
            raise AttributeError(key)
        return self[key]

    def __getitem__(self, key: str) -> Expression:
        if self._outputs and key not in self._outputs:
            meant = did_you_mean(key, self._outputs)
            raise UsageError(f"node {self._name!r} has no output {key!r}{meant}; it has {', '.join(self._outputs)}")
        return Expression(f"${{{self._name}.{key}}}")

    def __iter__(self) -> Iterator[Expression]:
        return (self[key] for key in self._outputs)

    def options(self, **options: object) -> BuiltNode:
        """Set node options: retries, timeout_s, resources, cache, on_failure, labels; returns the node."""
        self._pipeline.amend(self._name, options)
        return self

    def named(self, name: str) -> BuiltNode:
        """Give the node another name; before its outputs are used."""
        self._pipeline.rename(self._name, name)
        self._name = name
        return self

    def after(self, *others: object) -> BuiltNode:
        """Run only after these nodes, though nothing of theirs is read."""
        names = [other.node_name if isinstance(other, BuiltNode) else str(other) for other in others]
        before = self._pipeline.nodes[self._name].after
        self._pipeline.amend(self._name, {"after": list(dict.fromkeys([*before, *names]))})
        return self


class PipelineBuilder:
    """Collects the nodes of one pipeline while its function runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: dict[str, Node] = {}
        self.components: dict[str, Component] = {}

    def add(self, component: Component, arguments: Mapping[str, object]) -> BuiltNode:
        """A node of a component."""
        name = self.free_name(component.name)
        given = {key: written_value(value, component.spec.parameters.get(key)) for key, value in arguments.items()}
        self.nodes[name] = Node.model_validate({"component": component.named() or component.name, "with": given})
        self.components[name] = component
        return BuiltNode(name, tuple(component.spec.outputs), self)

    def add_node(self, stem: str, node: Node, outputs: tuple[str, ...]) -> BuiltNode:
        """A node of another kind."""
        name = self.free_name(stem)
        self.nodes[name] = node
        return BuiltNode(name, outputs, self)

    def free_name(self, stem: str) -> str:
        """`CsvExampleGen` becomes csv_example_gen; the second one csv_example_gen-2."""
        snake = re.sub(r"[^a-z0-9_-]", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower())[:56]
        name, count = snake, 1
        while name in self.nodes or name in RESERVED:
            count += 1
            name = f"{snake}-{count}"
        return name

    def rename(self, old: str, new: str) -> None:
        """Another name for a node; raises UsageError where it is taken or already referred to."""
        if (new in self.nodes and new != old) or new in RESERVED:
            raise UsageError(f"node name {new!r} is taken in pipeline {self.name!r}")
        if any(f"${{{old}." in str(node.with_) or old in node.after for node in self.nodes.values()):
            raise UsageError(f"node {old!r} is already referred to; name it before its outputs are used")
        self.nodes = {new if name == old else name: node for name, node in self.nodes.items()}
        if old in self.components:
            self.components[new] = self.components.pop(old)

    def amend(self, name: str, options: Mapping[str, object]) -> None:
        """Set options of a node; raises UsageError for unknown or wrong ones."""
        node = self.nodes[name]
        try:
            self.nodes[name] = Node.model_validate(
                {**node.model_dump(by_alias=True, exclude_unset=True), **options}, by_alias=True
            )
        except ValidationError as error:
            raise UsageError(f"node {name!r}: {first_error(error)}") from error

    def built(self, description: str, parameters: Mapping[str, ParameterSpec]) -> Pipeline:
        """The finished pipeline; raises UsageError for one without nodes or with a name that cannot be."""
        try:
            pipeline = Pipeline(name=self.name, description=description, parameters=dict(parameters), nodes=self.nodes)
        except ValidationError as error:
            raise UsageError(f"pipeline {self.name!r}: {first_error(error)}") from error
        return pipeline.holding(self.components)


def written_value(value: object, declared: ParameterSpec | None) -> JsonValue:
    """A Python argument as documents write it; expressions inside become `${...}`."""
    match value:
        case BuiltNode():
            raise UsageError(f"node {value.node_name!r} was passed whole; pass one of its outputs, node.output")
        case Artifact():
            raise UsageError(
                f"a real {type(value).__name__} was passed inside a pipeline; bring it in with importer(uri=...)"
            )
        case _:
            return json_form(value if holds_expression(value) or declared is None else typed(value, declared))


def typed(value: object, declared: ParameterSpec) -> object:
    """A real value in the form that its parameter's type writes, if it fits; the graph's check complains if not."""
    try:
        declared.adapter.validate_python(value, strict=True)  # no numbers from strings in Python either
        return declared.json_value(value)
    except (ValidationError, PydanticSerializationError):
        return value


def json_form(value: object) -> JsonValue:
    """Plain data of a Python value; raises UsageError where there is none."""
    match plain(value):
        case Expression() as expression:
            return str(expression)
        case None | bool() | int() | float() | str() as scalar:
            return scalar
        case dict() as mapping:
            return {str(key): json_form(item) for key, item in mapping.items()}
        case list() | tuple() | set() | frozenset() as items:
            return [json_form(item) for item in items]
        case BaseModel() as model:
            return json_form({key: getattr(model, key) for key in type(model).model_fields})
        case other if dataclasses.is_dataclass(other) and not isinstance(other, type):
            return json_form({field.name: getattr(other, field.name) for field in dataclasses.fields(other)})
        case other:
            try:
                dumped: JsonValue = TypeAdapter(type(other)).dump_python(other, mode="json")
            except Exception as error:
                raise UsageError(f"{other!r} has no JSON form, so it cannot be a pipeline's value") from error
            return dumped


def holds_expression(value: object) -> bool:
    """Whether an expression stands anywhere inside a value."""
    match value:
        case Expression():
            return True
        case str():
            return "${" in value
        case dict():
            return any(holds_expression(item) for item in value.values())
        case list() | tuple():
            return any(holds_expression(item) for item in value)
        case BaseModel():
            return any(holds_expression(getattr(value, key)) for key in type(value).model_fields)
        case _:
            return False


def importer(
    *,
    uri: object,
    type: ArtifactClass,  # noqa: A002 # the document's own word
    fingerprint: str = "",
    **properties: object,
) -> BuiltNode:
    """A node that brings in data at a URI as an artifact: output `artifact`."""
    source = Importer(
        uri=str(uri),
        type=artifact_reference(type),
        fingerprint=fingerprint,
        properties={key: json_form(value) for key, value in properties.items()},
    )
    return _active("importer").add_node("importer", Node(importer=source), ("artifact",))


def resolver(name: str, **arguments: object) -> BuiltNode:
    """A node that finds artifacts of earlier runs when the pipeline runs, by the resolver of that name."""
    node = Node.model_validate({"resolver": name, "with": {key: json_form(value) for key, value in arguments.items()}})
    return _active("resolver").add_node(name, node, ())


@contextmanager
def building(name: str) -> Iterator[PipelineBuilder]:
    """Component calls inside make nodes of this pipeline."""
    builder = PipelineBuilder(name)
    token = current_builder.set(builder)
    try:
        yield builder
    finally:
        current_builder.reset(token)


@overload
def pipeline(function: Callable[..., object], /) -> Pipeline: ...
@overload
def pipeline(*, name: str) -> Callable[[Callable[..., object]], Pipeline]: ...
def pipeline(function: Callable[..., object] | None = None, /, *, name: str = "") -> object:
    """Make a pipeline of a function: its parameters are the pipeline's, the components it calls are the nodes."""

    def make(function: Callable[..., object]) -> Pipeline:
        parameters = declared_parameters(function)
        with building(name or function.__name__.replace("_", "-")) as builder:
            function(**{key: Expression(f"${{params.{key}}}") for key in parameters})
        return builder.built((inspect.getdoc(function) or "").split("\n")[0], parameters)

    return make(function) if function else make


def declared_parameters(function: Callable[..., object]) -> dict[str, ParameterSpec]:
    """A pipeline's parameters from the function's signature."""
    hints = type_hints(function)
    return {
        key: parameter_spec(function, key, read_argument(function, parameter, hints))
        for key, parameter in inspect.signature(function).parameters.items()
    }


def _active(what: str) -> PipelineBuilder:
    builder = current_builder.get()
    if not isinstance(builder, PipelineBuilder):
        raise UsageError(f"{what}(...) makes a node, so it is called inside a function under @pipeline")
    return builder
