"""JSON Schemas of documents, from their models; that of pipelines knows every component and resolver that there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from pydantic import BaseModel, JsonValue, PydanticUserError

from cmcore.components.spec import ComponentSpec, InputSpec, ParameterSpec
from cmcore.errors import CmError
from cmcore.pipelines.catalog import Catalog
from cmcore.pipelines.document import Pipeline
from cmcore.pipelines.plan import Plan
from cmcore.registry.policy import Policy
from cmcore.serving.document import Endpoint
from cmcore.settings import ProjectSettings

Schema = dict[str, JsonValue]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: Mapping[str, type[BaseModel]] = {
    "pipeline": Pipeline, "component": ComponentSpec, "project": ProjectSettings, "policy": Policy, "plan": Plan,
    "endpoint": Endpoint,
}  # fmt: skip
EXPRESSION: Schema = {"type": "string", "pattern": r"\$\{", "description": "an expression, ${...}"}
IMPORT_PATH: Schema = {"type": "string", "pattern": "^[^:]+:[^:]+$", "description": "package.module:name"}
SHORT_FORMS = ("InputSpec", "OutputSpec")  # a type alone may stand for them


def document_schema(kind: str) -> Schema:
    """The schema of one kind of document."""
    made: Schema = MODELS[kind].model_json_schema(by_alias=True)
    definitions = made.get("$defs", {})
    assert isinstance(definitions, dict)
    for name in SHORT_FORMS:
        if name in definitions:
            definitions[name] = {"anyOf": [{"type": "string"}, definitions[name]]}
    return {"$schema": DIALECT, **made}


def pipeline_schema(catalog: Catalog) -> Schema:
    """The schema of pipelines, knowing the names of the catalog and what each takes."""
    schema = document_schema("pipeline")
    definitions = cast(dict[str, Schema], schema["$defs"])
    components = dict(known_components(catalog))
    resolvers = dict(known_resolvers(catalog))
    node = definitions["Node"]
    properties = cast(dict[str, JsonValue], node["properties"])
    properties["component"] = {"anyOf": [named(components), IMPORT_PATH]}
    properties["resolver"] = named(resolvers)
    choices: list[JsonValue] = [
        taken_by(word, name, spec, definitions)
        for word, known in (("component", components), ("resolver", resolvers))
        for name, spec in known.items()
    ]
    definitions["Node"] = {**node, "allOf": choices} if choices else node
    return schema


def endpoint_schema(backends: Mapping[str, str]) -> Schema:
    """The schema of endpoints, knowing the serving backends that are installed, by name with their summaries."""
    schema = document_schema("endpoint")
    properties = cast(dict[str, Schema], schema["properties"])
    choices: list[JsonValue] = [{"const": name, "description": told} for name, told in sorted(backends.items())]
    if choices:
        properties["backend"] = {"oneOf": choices, "description": properties["backend"].get("description", "")}
    return schema


def known_components(catalog: Catalog) -> Iterator[tuple[str, ComponentSpec]]:
    """Components by name; one whose spec is wrong is left out (cm components says what is wrong)."""
    for name in sorted(catalog.components):
        try:
            yield name, catalog.component(name).spec
        except CmError:
            continue


def known_resolvers(catalog: Catalog) -> Iterator[tuple[str, ComponentSpec]]:
    """Resolvers by name, with what they take before anything is given."""
    for name in sorted(catalog.resolvers):
        try:
            yield name, catalog.resolver(name).spec({})
        except CmError:
            continue


def named(specs: Mapping[str, ComponentSpec]) -> Schema:
    """One of these names, each with its summary."""
    choices: list[JsonValue] = [{"const": name, "description": spec.summary} for name, spec in specs.items()]
    return {"oneOf": choices} if choices else {"type": "string"}


def taken_by(word: str, name: str, spec: ComponentSpec, definitions: dict[str, Schema]) -> Schema:
    """`if` a node is of this component, `then` this stands under its `with`."""
    inputs: Schema = {key: input_schema(it) for key, it in spec.inputs.items()}
    parameters: Schema = {key: parameter_schema(name, it, definitions) for key, it in spec.parameters.items()}
    required: list[JsonValue] = [key for key, it in spec.inputs.items() if not it.optional]
    required += [key for key, it in spec.parameters.items() if it.required]
    given: Schema = {
        "type": "object",
        "properties": {**inputs, **parameters},
        "required": required,
        "additionalProperties": False,
    }
    then: Schema = {"properties": {"with": given}, **({"required": ["with"]} if required else {})}
    return {"if": {"properties": {word: {"const": name}}, "required": [word]}, "then": then}


def input_schema(spec: InputSpec) -> Schema:
    """What may be given to an input: another node's output or a literal, several where it takes a list."""
    known: Schema = {"description": f"takes {spec.type}. {spec.description}".strip()}
    return known if spec.list else {**known, "not": {"type": "object"}}


def parameter_schema(owner: str, spec: ParameterSpec, definitions: dict[str, Schema]) -> Schema:
    """What may be given to a parameter: a value of its type, or an expression; its own definitions move to the top."""
    try:
        made: Schema = spec.adapter.json_schema(ref_template=f"#/$defs/{owner}.{{model}}")
    except (CmError, PydanticUserError):  # a type that has no schema is checked when the pipeline is planned
        return {"description": f"{spec.type}. {spec.description}".strip()}
    inner = made.pop("$defs", {})
    assert isinstance(inner, dict)
    definitions.update({f"{owner}.{key}": cast(Schema, value) for key, value in inner.items()})
    known: Schema = {"description": f"{spec.type}. {spec.description}".strip()}
    return {**known, "anyOf": [made, EXPRESSION], **({} if spec.required else {"default": spec.default})}
