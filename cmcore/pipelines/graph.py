"""From a pipeline to its plan: names resolved, edges type-checked, order found. Every problem is said at once."""

from __future__ import annotations

import itertools
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pydantic import JsonValue

from cmcore.components.code.closure import check_defined, code_digest
from cmcore.components.code.reference import CodeRef
from cmcore.document.expression import Reference, parse_expression, references
from cmcore.document.wording import did_you_mean
from cmcore.errors import CmError, DocumentError, Problem
from cmcore.pipelines.catalog import Catalog
from cmcore.pipelines.contract import Contract, contract_of, literal_contract
from cmcore.pipelines.document import Node, Pipeline
from cmcore.pipelines.edges import ParameterCheck, wrong_edge
from cmcore.pipelines.named_code import known_before, named_code
from cmcore.pipelines.parameters import bound_parameters
from cmcore.pipelines.plan import Code, LayeredValue, Plan, PlannedNode, Source

Locate = Callable[[Sequence[str | int], str, str], Problem]
RUN_FACTS = ("id", "pipeline", "project")


def nowhere(path: Sequence[str | int], message: str, hint: str = "") -> Problem:
    """A problem of a pipeline that was written in Python: its path, but no line."""
    return Problem(message=message, path="$" + "".join(f".{part}" for part in path), hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a pipeline is bound to: parameter values by layer, environment variables, import roots.

    Unless `complete`, parameters without a value are given one later: enough to check a document, not to run it.
    """

    project: str = "default"
    parameters: Mapping[str, LayeredValue] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    roots: Sequence[Path] = ()
    source: str = ""
    complete: bool = True


def plan_of(pipeline: Pipeline, catalog: Catalog, binding: Binding, locate: Locate = nowhere) -> Plan:
    """The checked plan; raises DocumentError with every problem found."""
    planning = Planning(pipeline, catalog, binding, locate)
    nodes = planning.nodes()
    if planning.problems:
        raise DocumentError(sorted(planning.problems, key=lambda problem: (problem.line, problem.column)))
    return Plan(
        pipeline=pipeline.name,
        project=binding.project,
        source=binding.source,
        roots=[str(root) for root in binding.roots],
        parameters=planning.parameters,
        environment=planning.environment,
        python=platform.python_version(),
        nodes=nodes,
    )


class Planning:
    """One pass over one pipeline; collects problems instead of stopping at the first."""

    def __init__(self, pipeline: Pipeline, catalog: Catalog, binding: Binding, locate: Locate) -> None:
        self.pipeline, self.catalog, self.binding, self.locate = pipeline, catalog, binding, locate
        self.problems: list[Problem] = []
        self.environment: dict[str, str] = {}
        self.parameters, wrong = bound_parameters(pipeline.parameters, binding.parameters, complete=binding.complete)
        for path, message in wrong:
            self.say(path, message)
        self.contracts: dict[str, Contract] = {}
        self.codes: dict[str, Code] = {}

    def say(self, path: Sequence[str | int], message: str, hint: str = "") -> None:
        """One more problem."""
        self.problems.append(self.locate(path, message, hint))

    def nodes(self) -> list[PlannedNode]:
        """The planned nodes in topological order; empty where problems make an order meaningless."""
        for name in self.pipeline.nodes:
            try:
                self.contracts[name] = contract_of(self.pipeline, name, self.catalog)
            except DocumentError as error:
                self.problems.extend(error.problems)
            except CmError as error:
                self.say(["nodes", name, self._kind_key(name)], str(error))
        planned = [node for name in list(self.contracts) for node in self.planned(name)]
        return self.ordered(planned)

    def _kind_key(self, name: str) -> str:
        node = self.pipeline.nodes[name]
        return "component" if node.component else "resolver" if node.resolver else "importer"

    def planned(self, name: str) -> list[PlannedNode]:
        """One node with the literals that it reads in front of it."""
        contract, node = self.contracts[name], self.pipeline.nodes[name]
        inputs: dict[str, list[Source]] = {}
        literals: list[PlannedNode] = []
        parameters: dict[str, JsonValue] = {}
        for key, value in contract.arguments.items():
            path = self._argument_path(name, key)
            if key in contract.spec.inputs:
                sources, literal = self.bound_input(name, key, value, path)
                inputs[key] = sources
                literals.extend(literal)
            elif key in contract.spec.parameters:
                self.check_parameter(name, key, value, path)
                parameters[key] = value
            else:
                known = contract.spec.arguments
                self.say(path, f"{contract.spec.name} has no input or parameter {key!r}{did_you_mean(key, known)}",
                         f"it takes {', '.join(known) or 'none'}")  # fmt: skip
        self.check_missing(name, contract)
        for key, declared in contract.spec.parameters.items():
            if not declared.required:
                parameters.setdefault(key, declared.default)
        upstream = {source.node for sources in inputs.values() for source in sources} | self.upstream_of(name, node)
        return [*literals, self.node(name, contract, node, inputs, parameters, sorted(upstream))]

    def _argument_path(self, name: str, key: str) -> list[str | int]:
        return ["nodes", name, "importer" if self.pipeline.nodes[name].importer else "with", key]

    def node(
        self,
        name: str,
        contract: Contract,
        node: Node,
        inputs: Mapping[str, list[Source]],
        parameters: Mapping[str, JsonValue],
        upstream: list[str],
    ) -> PlannedNode:
        """The planned node with its options and code."""
        component = contract.component
        return PlannedNode(
            name=name,
            kind=contract.kind,
            spec=contract.spec,
            reference=node.resolver or node.component,
            inputs=dict(inputs),
            parameters=dict(parameters),
            upstream=upstream,
            code=self.code(name, contract.spec.executor, parameters)
            if component and not component.in_process
            else None,
            in_process=bool(component and component.in_process),
            retries=node.retries,
            timeout_s=node.timeout_s,
            resources=node.resources or contract.spec.resources,
            cache=node.cache,
            on_failure=node.on_failure,
            labels=node.labels,
        )

    def code(self, name: str, executor: str, parameters: Mapping[str, JsonValue]) -> Code | None:
        """What code a node runs: its executor's closure and that of functions named in its parameters."""
        known = known_before({key: it.value for key, it in self.parameters.items()}, self.environment)
        named = named_code(self.contracts[name].spec, parameters, known)
        try:
            parts = [self.code_of(reference) for reference in (executor, *named)]
        except CmError as error:
            self.say(["nodes", name, "component"], str(error))
            return None
        return Code(
            digest=" ".join(part.digest for part in parts),
            references=[executor, *named],
            files={file: digest for part in parts for file, digest in part.files.items()},
            distributions={name: version for part in parts for name, version in part.distributions.items()},
        )

    def code_of(self, reference: str) -> Code:
        """The closure of one import path, looked at once per plan."""
        if reference not in self.codes:
            found = code_digest(CodeRef(reference), roots=list(self.binding.roots))
            check_defined(CodeRef(reference), found)
            self.codes[reference] = Code(
                digest=found.digest, files=dict(found.files), distributions=dict(found.distributions)
            )
        return self.codes[reference]

    def upstream_of(self, name: str, node: Node) -> set[str]:
        """The nodes that must end first although no input reads them: `after`, and outputs used in parameters."""
        for other in node.after:
            if other not in self.pipeline.nodes:
                self.say(["nodes", name, "after"], f"no node {other!r}{did_you_mean(other, self.pipeline.nodes)}")
        try:
            found = found_references(self.contracts[name].arguments)
        except ValueError:  # a broken expression was said where its argument was looked at
            found = []
        used = {reference.head for _, reference in found if reference.head in self.pipeline.nodes}
        return used | {other for other in node.after if other in self.pipeline.nodes}

    def bound_input(
        self, name: str, key: str, value: JsonValue, path: list[str | int]
    ) -> tuple[list[Source], list[PlannedNode]]:
        """The sources of one input; a value in an artifact's place becomes a literal node."""
        spec = self.contracts[name].spec
        if value is None and spec.inputs[key].optional:
            return [], []
        items = value if isinstance(value, list) and spec.inputs[key].list else [value]
        sources: list[Source] = []
        literals: list[PlannedNode] = []
        for item in items:
            expression = parsed(item)
            if isinstance(expression, Reference) and expression.head in self.contracts:
                source = Source(node=expression.head, output=".".join(expression.path))
                if message := wrong_edge(self.contracts, source, name, key):
                    self.say(path, message)
                sources.append(source)
            elif isinstance(expression, Reference) and expression.head in self.pipeline.nodes:
                continue  # what is wrong with that node was said there
            elif isinstance(expression, Reference) and expression.head not in ("params", "env", "run"):
                self.say(path, f"no node {expression.head!r}{did_you_mean(expression.head, self.pipeline.nodes)}")
            else:
                literal = self.literal(name, key, item, path)
                literals.extend(literal)
                sources.extend(Source(node=node.name, output="value") for node in literal)
        return sources, literals

    def literal(self, name: str, key: str, value: JsonValue, path: list[str | int]) -> list[PlannedNode]:
        """A node that holds a value which stands where an artifact is read, if that type can hold values."""
        contract = literal_contract(value, self.contracts[name].spec.inputs[key].artifact_type)
        if contract is None:
            self.say(path, wrong_edge(self.contracts, None, name, key, found=value))
            return []
        literal_name = self.free_name(f"{name[:40]}-{key[:16]}".lower())
        self.contracts[literal_name] = contract
        self.check_parameter(literal_name, "given", value, path)
        node = Node(component="Literal")
        upstream = self.upstream_of(literal_name, node)
        return [self.node(literal_name, contract, node, {}, {"given": value}, sorted(upstream))]

    def free_name(self, stem: str) -> str:
        """A node name that is not taken: the stem, or the stem with a number."""
        taken = {*self.pipeline.nodes, *self.contracts}
        numbered = (f"{stem}-{count}" for count in itertools.count(2))
        return next(name for name in itertools.chain([stem], numbered) if name not in taken)

    def check_parameter(self, name: str, key: str, value: JsonValue, path: list[str | int]) -> None:
        """Whether a parameter's value, as far as it is known now, fits its type."""
        if not self.check_references(value, path):
            return
        check = ParameterCheck(
            contracts=self.contracts,
            parameters={key: layered.value for key, layered in self.parameters.items()},
            environment=self.environment,
        )
        if message := check.wrong(self.contracts[name].spec, key, value):
            self.say(path, f"{self.contracts[name].spec.name}.{key}: {message}")

    def check_references(self, value: JsonValue, path: list[str | int]) -> bool:
        """Whether everything that a value refers to exists and is known; environment variables are noted."""
        before = len(self.problems)
        try:
            found = found_references(value)
        except ValueError as error:
            self.say(path, str(error))
            return False
        for _, reference in found:
            if message := self.dangling(reference):
                self.say(path, message)
        unknown = self.pipeline.nodes.keys() - self.contracts.keys()  # what is wrong with them was said there
        return len(self.problems) == before and not any(reference.head in unknown for _, reference in found)

    def dangling(self, reference: Reference) -> str:
        """What is wrong with a reference; empty if it means something."""
        first = reference.path[0] if reference.path else ""
        match reference.head:
            case "params" if first not in self.pipeline.parameters:
                return f"no pipeline parameter {first!r}{did_you_mean(first, self.pipeline.parameters)}"
            case "env" if first not in self.binding.environment:
                return f"environment variable {first!r} is not set"
            case "env":
                self.environment[first] = self.binding.environment[first]
            case "run" if first not in RUN_FACTS:
                return f"a run has no {first!r}; it has {', '.join(RUN_FACTS)}"
            case "params" | "run":
                pass
            case head if head not in self.contracts and head not in self.pipeline.nodes:
                return f"no node {head!r}{did_you_mean(head, self.pipeline.nodes)}"
            case head if head in self.contracts and first not in self.contracts[head].spec.outputs:
                outputs = self.contracts[head].spec.outputs
                return (
                    f"node {head!r} has no output {first!r}{did_you_mean(first, outputs)}; it has {', '.join(outputs)}"
                )
        return ""

    def check_missing(self, name: str, contract: Contract) -> None:
        """Whether every input and parameter that must be given is."""
        needed = [key for key, declared in contract.spec.inputs.items() if not declared.optional]
        needed += [key for key, declared in contract.spec.parameters.items() if declared.required]
        for key in needed:
            if key not in contract.arguments:
                kind = (
                    contract.spec.inputs[key].type
                    if key in contract.spec.inputs
                    else contract.spec.parameters[key].type
                )
                self.say(
                    ["nodes", name], f"{contract.spec.name} needs {key!r} ({kind}), which node {name!r} does not give"
                )

    def ordered(self, planned: list[PlannedNode]) -> list[PlannedNode]:
        """Topological order, ties in the order of the text; a cycle is a problem that shows its way round."""
        by_name = {node.name: node for node in planned}
        sorter = TopologicalSorter({node.name: [up for up in node.upstream if up in by_name] for node in planned})
        try:
            return [by_name[name] for name in sorter.static_order()]
        except CycleError as error:
            ring = list(reversed(error.args[1]))
            self.say(["nodes", ring[0]], f"nodes wait for each other: {' -> '.join(ring)}")
            return []


def parsed(value: JsonValue) -> object:
    """The expression in a value; the value itself where there is none or where it is broken (said elsewhere)."""
    if not isinstance(value, str):
        return value
    try:
        return parse_expression(value)
    except ValueError:
        return value


def found_references(value: object) -> list[tuple[object, Reference]]:
    """The references inside a JSON-like value, secrets left out; raises ValueError for a broken expression."""
    return [(path, it) for path, it in references(value) if isinstance(it, Reference)]  # type: ignore[arg-type] # JSON
