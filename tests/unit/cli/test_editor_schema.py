"""JSON Schemas for editors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import JsonValue

from cmcore import Project
from cmcore.cli.editor_schema import MODELS, document_schema, endpoint_schema, pipeline_schema
from cmcore.components.spec import ComponentSpec

TRAIN = """\
kind: Component
name: Train
summary: Fits
inputs: {examples: Examples, more: {type: Examples, list: true, optional: true}}
parameters: {epochs: {type: int, default: 1, ge: 1}, layers: {type: "list[int]", default: []}}
outputs: {model: Model}
executor: json:dumps
"""


@pytest.fixture
def validator(tmp_path: Path) -> Iterator[jsonschema.Draft202012Validator]:
    """The schema of pipelines in a project with one component of its own."""
    specs = tmp_path / "component_specs"
    specs.mkdir()
    (specs / "Train.yaml").write_text(TRAIN)
    with Project(tmp_path, environment={}) as project:
        yield jsonschema.Draft202012Validator(pipeline_schema(project.catalog))


def pipeline(**node: JsonValue) -> dict[str, JsonValue]:
    """A pipeline of one node."""
    return {"kind": "Pipeline", "name": "p", "nodes": {"a": node}}


@pytest.mark.parametrize("kind", list(MODELS))
def test_every_kind_has_a_valid_schema(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(document_schema(kind))


@pytest.mark.parametrize(
    "node",
    [
        {"component": "Train", "with": {"examples": "${b.examples}"}},
        {"component": "Train", "with": {"examples": "${b.examples}", "epochs": 3, "layers": [1, 2]}},
        {"component": "Train", "with": {"examples": "${b.examples}", "epochs": "${params.epochs}", "more": ["${c.d}"]}},
        {"component": "own.module:Train", "with": {"whatever": 1}},
        {"resolver": "latest-artifact", "with": {"type": "Model"}},
        {"importer": {"uri": "data"}},
    ],
)
def test_valid(node: dict[str, JsonValue], validator: jsonschema.Draft202012Validator) -> None:
    assert [error.message for error in validator.iter_errors(pipeline(**node))] == []


@pytest.mark.parametrize(
    "node",
    [
        {"component": "Trian", "with": {}},
        {"component": "Train"},
        {"component": "Train", "with": {"examples": "${b.examples}", "epoch": 3}},
        {"component": "Train", "with": {"examples": "${b.examples}", "epochs": "three"}},
        {"component": "Train", "with": {"examples": "${b.examples}", "epochs": 0}},
        {"resolver": "latest", "with": {}},
        {"resolver": "latest-artifact", "with": {}},
        {"component": "own.module:Train", "retires": 3},
    ],
)
def test_invalid(node: dict[str, JsonValue], validator: jsonschema.Draft202012Validator) -> None:
    assert not validator.is_valid(pipeline(**node))


def test_a_spec_with_short_forms_is_valid() -> None:
    validator = jsonschema.Draft202012Validator(document_schema("component"))
    assert [error.message for error in validator.iter_errors(yaml.safe_load(TRAIN))] == []


def test_the_long_form_of_a_spec_is_valid_too() -> None:
    written = ComponentSpec.model_validate(yaml.safe_load(TRAIN)).model_dump(mode="json", exclude_defaults=True)
    assert jsonschema.Draft202012Validator(document_schema("component")).is_valid({"kind": "Component", **written})


@pytest.mark.parametrize(("backend", "allowed"), [("triton", True), ("tritn", False)])
def test_the_schema_of_endpoints_knows_the_installed_backends(backend: str, allowed: bool) -> None:
    validator = jsonschema.Draft202012Validator(endpoint_schema({"triton": "Triton"}))
    document = {"kind": "Endpoint", "name": "delays", "backend": backend, "variants": [{"model": "delays@1.0.0"}]}
    assert validator.is_valid(document) is allowed


def test_without_any_backend_the_schema_of_endpoints_takes_every_name() -> None:
    document = {"kind": "Endpoint", "name": "delays", "backend": "x", "variants": [{"model": "delays@1.0.0"}]}
    assert jsonschema.Draft202012Validator(endpoint_schema({})).is_valid(document)
