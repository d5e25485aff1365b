"""Reference pages that are made from the code itself while mkdocs builds: commands, settings, documents, failures.

Prose that a person writes stands in docs/, never here.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from cmcore import errors
from cmcore.cli.main import cm
from cmcore.components.spec import ComponentSpec, InputSpec, OutputSpec, ParameterSpec
from cmcore.hooks.specs import API_VERSION
from cmcore.pipelines.document import Importer, Node, Pipeline, Retries
from cmcore.registry.policy import Approvals, EnvironmentPolicy, Gate, NotWorse, Policy, Signed
from cmcore.resources import Resources
from cmcore.runtime.job import ADVICE
from cmcore.serving.document import (
    Autoscaling,
    Batching,
    DeploymentConfig,
    Draining,
    Endpoint,
    EnsembleStep,
    InferenceConfig,
    InstanceGroup,
    Monitoring,
    Queue,
    RateLimit,
    TensorConfig,
    Variant,
    WarmUp,
)
from cmcore.settings import ENVIRONMENT_PREFIX, ProjectSettings, flat

WIDTH = 100
WORDS: Mapping[object, str] = {
    str: "text", int: "integer", float: "number", bool: "true or false", type(None): "nothing", JsonValue: "any value",
}  # fmt: skip
SETTINGS = """# Settings

What `cm.yaml` (`kind: Project`) may say. An environment variable wins over the file, `--set KEY=VALUE` over both;
`cm config explain KEY` shows the layers of one key. `$CM_PARAM_<NAME>` sets a pipeline parameter.
"""
FAILURES = """# Failure codes

Why an attempt failed: recorded with the execution, shown by `cm run` and `cm show`. `{node}`, `{run}` and the like are
filled in when the advice is shown.
"""
DOCUMENT_FIELDS = """# Documents

The fields of each document; `cm schema` prints the same as JSON Schema, for editors.
"""
DOCUMENTS: Mapping[str, tuple[type[BaseModel], ...]] = {
    "Pipeline": (Pipeline, Node, Importer, Retries, Resources),
    "RegistryPolicy": (Policy, EnvironmentPolicy, Approvals, Gate, Signed, NotWorse),
    "Component": (ComponentSpec, InputSpec, ParameterSpec, OutputSpec),
    "Endpoint": (
        Endpoint,
        Variant,
        DeploymentConfig,
        Autoscaling,
        InferenceConfig,
        TensorConfig,
        Batching,
        Queue,
        InstanceGroup,
        WarmUp,
        RateLimit,
        EnsembleStep,
        Monitoring,
        Draining,
    ),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by mkdocs once it has listed the folder: the generated pages join it."""
    for name, page in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page()))
    return files


def commands_page() -> str:
    """Every command's own help."""
    lines = ["# Command line", "", "What `cm` and each of its commands say of themselves with `--help`.", ""]
    for path, command in sorted(commands(cm, ("cm",)), key=lambda found: len(found[0]) > 1):
        with click.Context(command, info_name=" ".join(path), terminal_width=WIDTH, color=False) as context:
            lines += [f"## {' '.join(path)}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join([*lines, exit_codes()])


def commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """A command and those below it, with the words that call them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


def exit_codes() -> str:
    """The tree of errors with their exit codes, as `cmcore.errors` draws it."""
    tree = (errors.__doc__ or "").split("\n\n")[1]
    return f"## Exit codes\n\n0 means that everything asked for was done.\n\n```text\n{tree}\n```\n"


def settings_page() -> str:
    """Every setting of `cm.yaml` with its default, its variable and what it means."""
    rows = [
        f"| `{key}` | `{json.dumps(value)}` | `{ENVIRONMENT_PREFIX}{key.upper().replace('.', '__')}` | {meaning(key)} |"
        for key, value in flat(ProjectSettings())
    ]
    return "\n".join([SETTINGS, "| setting | default | variable | meaning |", "|---|---|---|---|", *rows, ""])


def meaning(key: str) -> str:
    """What a setting's field says of itself."""
    model: type[BaseModel] = ProjectSettings
    *sections, name = key.split(".")
    for section in sections:
        inner = model.model_fields[section].annotation
        assert isinstance(inner, type)
        model = inner
    return escaped(model.model_fields[name].description or "")


def failures_page() -> str:
    """Every failure code with its advice."""
    rows = [f"| `{code}` | {escaped(advice)} |" for code, advice in ADVICE.items()]
    return "\n".join([FAILURES, "| code | next step |", "|---|---|", *rows, ""])


def documents_page() -> str:
    """The fields of the documents that people write."""
    lines = [DOCUMENT_FIELDS]
    for kind, models in DOCUMENTS.items():
        lines += [f"## kind: {kind}", ""]
        for model in models:
            lines += [f"### {model.__name__}", "", inspect.cleandoc(model.__doc__ or ""), ""]
            lines += ["| field | type | default | meaning |", "|---|---|---|---|", *field_rows(model), ""]
    return "\n".join(lines)


def field_rows(model: type[BaseModel]) -> Iterator[str]:
    """The fields of a model as rows of a table."""
    for name, field in model.model_fields.items():
        told = escaped(field.description or "")
        yield f"| `{field.alias or name}` | {typed(field.annotation)} | {default(field)} | {told} |"


def typed(annotation: object) -> str:
    """A type in words; models by the name under which this page describes them."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in WORDS:
        return WORDS[annotation]
    if origin is Annotated:
        return typed(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(typed(argument) for argument in arguments)
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in arguments)
    if origin is dict:
        return f"map of {typed(arguments[1])}"
    if origin in (list, tuple):
        return f"list of {typed(arguments[0])}"
    assert isinstance(annotation, type)
    if issubclass(annotation, Enum):
        return " or ".join(f"`{choice.value}`" for choice in annotation)
    return annotation.__name__


def default(field: FieldInfo) -> str:
    """A field's default as YAML would write it."""
    if field.is_required():
        return "must be given"
    found = field.get_default(call_default_factory=True, validated_data={})
    return "its defaults" if isinstance(found, BaseModel) else f"`{json.dumps(found)}`"


def hooks_page() -> str:
    """The hooks by their own docstrings."""
    return (
        f"# Plugin API\n\nVersion {API_VERSION}.\n\n::: cmcore.hooks.specs\n\n## Providers\n\n"
        "::: cmcore.hooks.provider\n    options:\n      members: [Kind, Provider]\n\n"
        "## Trackers and data formats\n\n::: cmcore.tracking.tracker\n\n::: cmcore.datasets.format\n\n"
        "## Events\n\n::: cmcore.events\n"
    )


def escaped(text: str) -> str:
    """Text for a table cell."""
    return text.replace("|", "\\|").replace("<", "&lt;")


PAGES: Mapping[str, Callable[[], str]] = {
    "cli": commands_page,
    "settings": settings_page,
    "documents": documents_page,
    "failure-codes": failures_page,
    "plugin-api": hooks_page,
}
