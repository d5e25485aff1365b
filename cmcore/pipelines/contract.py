"""What each node of a pipeline promises: its kind, spec and component, before any edge is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.artifacts import Artifact, value_type
from cmcore.components.component import Component
from cmcore.components.spec import ComponentSpec, OutputSpec, ParameterSpec
from cmcore.components.types import python_type
from cmcore.pipelines.catalog import Catalog
from cmcore.pipelines.document import Node, Pipeline
from cmcore.pipelines.plan import NodeKind

VALUE_NAMES: Mapping[str, type[Artifact]] = {
    name: value_type(python_type(name)) for name in ("int", "float", "str", "bool", "bytes", "json")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A node as far as it stands alone: `arguments` is what it was given, by input or parameter."""

    kind: NodeKind
    spec: ComponentSpec
    arguments: Mapping[str, JsonValue]
    component: Component | None = None


def contract_of(pipeline: Pipeline, name: str, catalog: Catalog) -> Contract:
    """The contract of one node; raises UsageError or DocumentError where its component cannot be found."""
    node = pipeline.nodes[name]
    if node.importer is not None:
        return importer_contract(node, catalog)
    if node.resolver:
        return Contract(
            kind=NodeKind.RESOLVER,
            spec=catalog.resolver(node.resolver).spec(node.with_),
            arguments=node.with_,
        )
    component = pipeline.components.get(name) or catalog.component(node.component)
    spec = catalog.typed(component.spec)
    for taken in spec.inputs.values():
        taken.artifact_type  # noqa: B018 # a wrong type is said here, before edges are looked at
    for made in spec.outputs.values():
        made.artifact_type  # noqa: B018 # likewise
    return Contract(kind=NodeKind.COMPONENT, spec=spec, arguments=node.with_, component=component)


def importer_contract(node: Node, catalog: Catalog) -> Contract:
    """An importer as a node without inputs, whose output `artifact` has the declared type."""
    assert node.importer is not None
    spec = ComponentSpec(
        name="Importer",
        parameters={
            "uri": ParameterSpec(type="str"),
            "fingerprint": ParameterSpec(type="str", default=""),
            "properties": ParameterSpec(type="dict", default={}),
        },
        outputs={"artifact": OutputSpec(type=node.importer.type)},
    )
    spec = catalog.typed(spec)
    spec.outputs["artifact"].artifact_type  # noqa: B018 # a wrong type is said here
    arguments = node.importer.model_dump(mode="json", include={"uri", "fingerprint", "properties"})
    return Contract(kind=NodeKind.IMPORTER, spec=spec, arguments=arguments)


def literal_contract(value: JsonValue, wanted: type[Artifact]) -> Contract | None:
    """A value that stands where an artifact is read, as a node of its own: output `value`; None if none can."""
    held = {artifact: name for name, artifact in VALUE_NAMES.items() if issubclass(artifact, wanted)}
    kind = held.get(wanted) or held.get(value_type(type(value)))
    if kind is None:
        return None
    spec = ComponentSpec(
        name="Literal",
        parameters={"given": ParameterSpec(type=kind)},
        outputs={"value": OutputSpec(type=kind)},
    )
    return Contract(kind=NodeKind.LITERAL, spec=spec, arguments={"given": value})
