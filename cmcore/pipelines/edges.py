"""Whether what is given fits what is taken: artifact types along edges, values in parameters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError
from pydantic_core import to_json

from cmcore.artifacts import ValueArtifact, has_nan
from cmcore.components.spec import ComponentSpec, OutputSpec, adapter_of, first_error
from cmcore.components.types import python_type
from cmcore.document.expression import Reference, SecretReference, parse_expression, plain, references, substitute
from cmcore.errors import UsageError
from cmcore.pipelines.contract import Contract
from cmcore.pipelines.plan import Source

SAMPLES: Mapping[object, JsonValue] = {int: 1, float: 1.5, str: "x", bool: True}


def wrong_edge(
    contracts: Mapping[str, Contract], source: Source | None, name: str, key: str, found: JsonValue = None
) -> str:
    """What is wrong with what an input is given; empty if it fits. Says both ends, both types and what would fit."""
    declared = contracts[name].spec.inputs[key]
    wanted = declared.artifact_type
    end = f"input {key!r} of node {name!r} ({contracts[name].spec.name}) takes {declared.type}"
    if source is None:
        return f"{end}, found the value {found!r}; {fitting(contracts, name, key)}"
    outputs = contracts[source.node].spec.outputs
    if source.output not in outputs:
        return f"node {source.node!r} has no output {source.output!r}; it has {', '.join(outputs) or 'none'}"
    given = outputs[source.output].artifact_type
    if issubclass(given, wanted):
        return ""
    return (
        f"{end}, but output {source.output!r} of node {source.node!r} ({contracts[source.node].spec.name}) is "
        f"{outputs[source.output].type}; {fitting(contracts, name, key)}"
    )


def fitting(contracts: Mapping[str, Contract], name: str, key: str) -> str:
    """What in this pipeline would fit an input."""
    wanted = contracts[name].spec.inputs[key].artifact_type
    fits = [
        f"${{{other}.{output}}}"
        for other, contract in contracts.items()
        if other != name
        for output, spec in contract.spec.outputs.items()
        if issubclass(spec.artifact_type, wanted)
    ]
    return f"what would fit: {', '.join(fits)}" if fits else "nothing in this pipeline would fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCheck:
    """Everything that is known of values before a run."""

    contracts: Mapping[str, Contract]
    parameters: Mapping[str, JsonValue]
    environment: Mapping[str, str]

    def wrong(self, spec: ComponentSpec, key: str, value: JsonValue) -> str:
        """Why a value cannot be this parameter's; empty if it can, or if that is known only when the pipeline runs."""
        declared = spec.parameters[key]
        expression = parse_expression(value) if isinstance(value, str) else value
        if has_nan(value):
            return f"{value!r} is not allowed: a parameter cannot hold NaN or an infinity"
        if any(isinstance(it, SecretReference) for _, it in references(value)) and not declared.is_secret:
            return f"a secret can only be given to a parameter of type Secret[str]; this one is {declared.type}"
        if isinstance(expression, Reference) and expression.head in self.contracts:
            if "CodeRef" in declared.type:
                return f"what code it names must be known before the run, so that its digest can be; found {expression}"
            return self.wrong_output(self.contracts[expression.head].spec.outputs[expression.path[0]], declared.type)
        if any(isinstance(it, Reference) and self.is_later(it) for _, it in references(value)):
            return ""
        if declared.is_left_out(value):
            return ""
        try:
            declared.python(plain(substitute(value, self.known), str))
        except UsageError as error:
            return str(error)
        except ValidationError as error:
            return f"type {declared.type}: {first_error(error)}"
        return ""

    def is_later(self, reference: Reference) -> bool:
        """Whether a reference has no value yet: outputs, facts of the run, parameters that nobody has given."""
        if reference.head == "params":
            return reference.path[0] not in self.parameters
        return reference.head == "run" or reference.head in self.contracts

    def wrong_output(self, output: OutputSpec, wanted: str) -> str:
        """Why an output's value cannot be a parameter of this type; empty if it may."""
        if not issubclass(output.artifact_type, ValueArtifact):
            return f"takes a value of type {wanted}, found the artifact {output.type}; give it to an input instead"
        return "" if wanted in ("json", output.type) or accepts(wanted, output.type) else (
            f"takes {wanted}, but the output given is {output.type}"
        )  # fmt: skip

    def known(self, reference: Reference) -> JsonValue:
        """The value of a reference to parameters or the environment."""
        if reference.head == "env":
            return self.environment.get(reference.path[0], "")
        return looked_up(self.parameters, reference.path)


def accepts(wanted: str, given: str) -> bool:
    """Whether a parameter of one type takes values of another: judged by sample for scalars, else trusted until run."""

    sample = SAMPLES.get(python_type(given)) if ":" not in given else None
    if sample is None or ":" in wanted:
        return True
    try:
        adapter_of(python_type(wanted)).validate_json(to_json(sample), strict=True)
    except ValidationError:
        return False
    return True


def looked_up(values: JsonValue | Mapping[str, JsonValue], path: tuple[str, ...]) -> JsonValue:
    """The value at a dotted path; None where a step does not exist."""
    found: object = values
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found  # type: ignore[return-value] # inside JSON there is only JSON
