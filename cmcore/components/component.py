"""Component: a spec and the executor that fulfils it. Calling one makes a node, or outside a pipeline just runs it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Generic, ParamSpec, Protocol, TypeVar, overload

from pydantic import ValidationError

from cmcore.artifacts import Artifact
from cmcore.components.code.reference import CodeRef
from cmcore.components.context import Context
from cmcore.components.signature import context_argument, spec_of
from cmcore.components.spec import ComponentSpec, Effect, first_error
from cmcore.errors import UsageError
from cmcore.resources import Resources

P = ParamSpec("P")
R = TypeVar("R")
Bound = Artifact | list[Artifact] | None


class Executor:
    """The work of a component as a class: subclass it and write `run`. One instance serves one call."""

    def run(
        self,
        inputs: Mapping[str, Bound],
        outputs: Mapping[str, Artifact],
        parameters: Mapping[str, object],
        context: Context,
    ) -> object:
        """Read `inputs`, write `outputs`, return the declared values by name (or None)."""
        raise UsageError(f"{type(self).__name__} is an Executor without a `run`")


Work = Callable[..., object] | type[Executor]


class PipelineNode(Protocol):
    """What a component call gives under `@pipeline`: its outputs are attributes and items, to be passed on.

    Type checkers see it wherever a call is not a plain call of the author's function with real values.
    """

    def __getattr__(self, key: str, /) -> object: ...

    def __getitem__(self, key: str, /) -> object: ...

    def options(self, **options: object) -> PipelineNode:
        """Set node options: retries, timeout_s, resources, cache, on_failure, labels; returns the node."""
        ...

    def named(self, name: str) -> PipelineNode:
        """Give the node another name; before its outputs are used."""
        ...

    def after(self, *others: object) -> PipelineNode:
        """Run only after these nodes, though nothing of theirs is read."""
        ...


class Builder(Protocol):
    """The pipeline that is being written: what a component call turns to while there is one."""

    def add(self, component: Component, arguments: Mapping[str, object]) -> object:
        """A new node of this component; returns what the pipeline's author goes on with."""
        ...


current_builder: ContextVar[Builder | None] = ContextVar("current_builder", default=None)


@dataclass(frozen=True, kw_only=True)
class Component:
    """A spec and the work that fulfils it.

    `executor` may be left out where `spec.executor` names it: then it is imported when this process itself needs it.
    `reference` is the path under which documents find this component. Work that cannot be imported again (a closure,
    a lambda) runs in the driver's process only, and is never cached.
    """

    spec: ComponentSpec
    executor: Work | None = None
    reference: str = ""

    def __post_init__(self) -> None:
        if self.executor is not None and not self.spec.executor:
            named = self.spec.model_copy(update={"executor": importable(self.executor)})
            object.__setattr__(self, "spec", named)

    @property
    def work(self) -> Work:
        """The work itself, imported if need be; raises UsageError."""
        return self.executor or executor_at(self.spec.executor)

    @property
    def name(self) -> str:
        """The component's name; nodes are named after it unless told otherwise."""
        return self.spec.name

    @property
    def in_process(self) -> bool:
        """Whether the executor cannot be imported again, and so runs in the driver's process only."""
        return not self.spec.executor

    def with_executor(self, executor: Work) -> Component:
        """The same contract fulfilled by other work."""
        spec = self.spec.model_copy(update={"executor": importable(executor)})
        return Component(spec=spec, executor=executor)

    def named(self) -> str:
        """The import path of this very object: `reference`, or its name in its executor's module; else empty."""
        if self.reference:
            return self.reference
        home = self.spec.executor.partition(":")[0] or getattr(self.executor, "__module__", "")
        module = sys.modules.get(home)
        held = (name for name, value in vars(module).items() if value is self) if module else iter(())
        return next((f"{home}:{name}" for name in held), "")

    def __call__(self, *args: object, **kwargs: object) -> PipelineNode:
        """A node of the pipeline being written; where none is, the executor's result for these real values."""
        builder = current_builder.get()
        arguments = self.arguments(args, kwargs, plain_call=builder is None)
        return builder.add(self, arguments) if builder else self.run(arguments)  # type: ignore[return-value] # both

    def arguments(
        self, args: tuple[object, ...], kwargs: Mapping[str, object], *, plain_call: bool
    ) -> dict[str, object]:
        """Positional and keyword arguments by name; raises UsageError naming what is unknown, double or missing."""
        order = self.argument_order(plain_call=plain_call)
        if len(args) > len(order):
            raise UsageError(f"{self.name} takes {len(order)} arguments ({', '.join(order)}), {len(args)} were given")
        given = dict(zip(order, args, strict=False))
        for key, value in kwargs.items():
            if key in given:
                raise UsageError(f"{self.name}: {key!r} is given twice, by position and by name")
            if key not in order and not (plain_call and key == "context"):
                raise UsageError(f"{self.name} has no argument {key!r}; it takes {', '.join(order) or 'none'}")
            given[key] = value
        return given

    def argument_order(self, *, plain_call: bool) -> list[str]:
        """The names that positional arguments take, in the function's order; outputs only in plain calls."""
        known = [*self.spec.arguments, *self.spec.outputs]
        if inspect.isfunction(self.executor):
            known = [key for key in inspect.signature(self.executor).parameters if key in known]
        return known if plain_call else [key for key in known if key not in self.spec.outputs]

    def run(self, arguments: Mapping[str, object]) -> object:
        """Do the work in this process with real values, as a unit test would."""
        inputs = {key: arguments.get(key) for key in self.spec.inputs}
        missing = [key for key, declared in self.spec.inputs.items() if not declared.optional and inputs[key] is None]
        missing += [key for key, out in self.spec.outputs.items() if not out.is_value and key not in arguments]
        missing += [key for key, it in self.spec.parameters.items() if it.required and key not in arguments]
        if missing:
            raise UsageError(
                f"{self.name} needs {', '.join(map(repr, missing))}. Outside a pipeline a component runs at once, on "
                f"real artifacts such as Model.at('some/folder'); inside one, call it in a function under @pipeline"
            )
        parameters = {key: self.real_value(key, arguments) for key in self.spec.parameters}
        outputs = {key: arguments[key] for key in self.spec.outputs if key in arguments}
        for output in outputs.values():
            if isinstance(output, Artifact):
                output.path.mkdir(parents=True, exist_ok=True)
        context = arguments.get("context")
        return call(
            self.work,
            inputs=inputs,  # type: ignore[arg-type] # checked by the author's own annotations
            outputs=outputs,  # type: ignore[arg-type] # likewise
            parameters=parameters,
            context=context if isinstance(context, Context) else Context(),
        )

    def real_value(self, key: str, arguments: Mapping[str, object]) -> object:
        """A parameter's value in a plain call, checked; raises UsageError."""
        declared = self.spec.parameters[key]
        value = arguments.get(key, declared.default)
        if value is None and not declared.required and declared.default is None:
            return None
        try:
            return declared.adapter.validate_python(value)
        except ValidationError as error:
            raise UsageError(f"{self.name}: parameter {key!r} ({declared.type}): {first_error(error)}") from error


class FunctionComponent(Component, Generic[P, R]):
    """A component made of a function; type checkers see the function's own signature for plain calls."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: object, **kwargs: object) -> PipelineNode: ...
    def __call__(self, *args: object, **kwargs: object) -> object:
        return Component.__call__(self, *args, **kwargs)


def call(
    executor: Work,
    *,
    inputs: Mapping[str, Bound],
    outputs: Mapping[str, Artifact],
    parameters: Mapping[str, object],
    context: Context,
) -> object:
    """One call of an executor, in whichever of the two forms it is written."""
    if isinstance(executor, type):
        if not issubclass(executor, Executor):
            raise UsageError(f"executor {executor.__qualname__!r} is a class, but does not derive from Executor")
        return executor().run(inputs, outputs, parameters, context)
    wanted = context_argument(executor)
    return executor(**inputs, **outputs, **parameters, **({wanted: context} if wanted else {}))


def importable(executor: Work) -> str:
    """The import path of an executor; empty if it cannot be imported again."""
    try:
        return str(CodeRef.of(executor))
    except UsageError:
        return ""


@overload
def component(function: Callable[P, R], /) -> FunctionComponent[P, R]: ...
@overload
def component(
    *, name: str = "", effect: str = "none", check: str = "", resources: Resources | None = None
) -> Callable[[Callable[P, R]], FunctionComponent[P, R]]: ...
def component(
    function: Callable[..., object] | None = None,
    /,
    *,
    name: str = "",
    effect: str = "none",
    check: str = "",
    resources: Resources | None = None,
) -> object:
    """Make a component of a function whose arguments say what they are: InputArtifact, OutputArtifact, Parameter."""

    def make(function: Callable[..., object]) -> Component:
        spec = spec_of(
            function,
            name=name,
            effect=Effect(effect),
            check=check,
            resources=resources,
            executor=importable(function),
        )
        return FunctionComponent(spec=spec, executor=function, reference=spec.executor)

    return make(function) if function else make


def component_or_work(path: str) -> Component | Work:
    """What an executor's import path leads to; a component knows its own types better than its written spec does."""
    found = CodeRef(path).load()
    if not callable(found):
        raise UsageError(f"executor {path!r} is {found!r}; it must be a function, a component or an Executor class")
    return found


def executor_at(path: str) -> Work:
    """The work behind an executor's import path; a component met there is unwrapped."""
    found = component_or_work(path)
    return found.work if isinstance(found, Component) else found
