"""What a node gets when its turn comes: input artifacts, parameter values, or why it cannot run. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from cmcore.artifacts import has_nan
from cmcore.components.spec import first_error
from cmcore.document.expression import Reference, plain, substitute
from cmcore.errors import CmError, UsageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.pipelines.edges import looked_up
from cmcore.pipelines.plan import Plan, PlannedNode
from cmcore.pipelines.resolver import Found, Query, Resolver

Outputs = Mapping[str, tuple[ArtifactRecord, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A node's inputs and parameters with nothing left to resolve but secrets; `missing` names what is not there.

    `values` are the names of the artifacts whose values stand in parameters.
    """

    inputs: Mapping[str, tuple[ArtifactRecord, ...]] = field(default_factory=dict)
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    missing: str = ""


def given_to(plan: Plan, node: PlannedNode, published: Mapping[str, Outputs], run: str) -> Given:
    """What one node gets from what has been published; raises UsageError for a value that no output has."""
    inputs: dict[str, tuple[ArtifactRecord, ...]] = {}
    for key, sources in node.inputs.items():
        inputs[key] = tuple(it for source in sources for it in published.get(source.node, {}).get(source.output, ()))
        declared = node.spec.inputs[key]
        if len(inputs[key]) > 1 and not declared.list:
            raise UsageError(
                f"input {key!r} of {node.spec.name} takes one {declared.type}, found {len(inputs[key])}: "
                f"{', '.join(it.name for it in inputs[key][:3])}; let it take a list, or ask for one"
            )
        if not inputs[key] and not declared.optional:
            origin = ", ".join(f"{source.node}.{source.output}" for source in sources)
            return Given(missing=f"input {key!r} is empty: {origin} gave no artifact")

    values: dict[str, None] = {}

    def value_of(reference: Reference) -> JsonValue:
        value = resolved(reference, plan, published, run)
        if reference.head in published:
            values[published[reference.head][reference.path[0]][0].name] = None
        return value

    parameters = {key: plain(substitute(value, value_of), str) for key, value in node.parameters.items()}
    if nan := [key for key, value in parameters.items() if has_nan(value)]:
        raise UsageError(
            f"parameter {nan[0]!r} of {node.spec.name} is {parameters[nan[0]]}; a parameter cannot hold NaN or an "
            f"infinity. Read it as an artifact instead: InputArtifact[Float]"
        )
    return Given(inputs=inputs, parameters=normal_parameters(node, parameters), values=tuple(values))


def normal_parameters(node: PlannedNode, parameters: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The parameters as their types write them; raises UsageError for a value that its type does not take."""
    normal: dict[str, JsonValue] = {}
    for key, value in parameters.items():
        declared = node.spec.parameters[key]
        try:
            normal[key] = declared.normal(value)
        except ValidationError as error:
            raise UsageError(f"{node.spec.name}: parameter {key!r} ({declared.type}): {first_error(error)}") from error
    return normal


def resolved(reference: Reference, plan: Plan, published: Mapping[str, Outputs], run: str) -> JsonValue:
    """The value that a reference means in this run."""
    head, path = reference.head, reference.path
    match head:
        case "params":
            return looked_up({key: layered.value for key, layered in plan.parameters.items()}, path)
        case "env":
            return plan.environment[path[0]]
        case "run":
            return {"id": run, "pipeline": plan.pipeline, "project": plan.project}[path[0]]
        case _:
            return output_value(reference, published)


def output_value(reference: Reference, published: Mapping[str, Outputs]) -> JsonValue:
    """The value that a node's output holds, or a field inside it."""
    found = published.get(reference.head, {}).get(reference.path[0], ())
    if not found or "value" not in found[0].facts:
        raise UsageError(f"{reference} was asked for as a value; that output holds none in this run")
    value = found[0].facts["value"]
    return looked_up(value, reference.path[1:]) if len(reference.path) > 1 else value


def asked(node: PlannedNode, resolver: Resolver, query: Query) -> Found:
    """What a resolver finds; raises UsageError that names it where it breaks."""
    try:
        return resolver.resolve(query)
    except CmError:
        raise
    except Exception as error:  # the border: whose resolver broke is said, and the run goes on without the node
        raise UsageError(f"resolver {node.reference!r} failed: {type(error).__name__}: {error}") from error
