"""What is wrong with documents of any kind: each is loaded by its `kind:` and checked as far as reading it can.

How problems are shown is the command's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path

from pydantic import ValidationError

from cmcore.components.code.closure import check_defined, code_digest
from cmcore.components.code.reference import CodeRef
from cmcore.components.spec import ComponentSpec, ParameterSpec, adapter_of, first_error
from cmcore.document.model import load
from cmcore.document.place import JsonPath
from cmcore.document.text import Document, read
from cmcore.document.wording import closest, described
from cmcore.errors import CmError, ConfigError, DocumentError, PluginError, Problem, ServingError, UsageError
from cmcore.pipelines.document import Pipeline
from cmcore.pipelines.load import load_pipeline
from cmcore.registry.names import Reference
from cmcore.registry.policy_file import load_policy
from cmcore.serving.checks import misfits
from cmcore.serving.document import Endpoint, InferenceConfig
from cmcore.serving.placing import with_server_config
from cmcore.settings import PluginChoice, ProjectSettings, StackSettings, settings_of
from cmcore.stack import Project

KINDS = ("Pipeline", "Component", "Project", "RegistryPolicy", "Endpoint")
Lead = tuple[JsonPath, Callable[[], object]]


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are meant: of a folder all its YAML documents, hidden folders left out."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
            if found.suffix in (".yaml", ".yml") and not hidden:
                yield found


def problems_in(project: Project, path: Path) -> tuple[Problem, ...]:
    """Everything wrong with one document, in the order of its text."""
    try:
        if path.suffix == ".py":
            check_python(project, path)
        else:
            check_document(project, path, read(path))
    except DocumentError as error:
        return error.problems
    except CmError as error:
        return (Problem(message=str(error), file=str(path)),)
    return ()


def check_python(project: Project, path: Path) -> None:
    """Raises what is wrong with a pipeline that a Python file makes."""
    found = load_pipeline(str(path), project.roots())
    project.plan(found.pipeline, source=found.source, locate=found.locate, complete=False)


def check_document(project: Project, path: Path, document: Document) -> None:
    """Raises what is wrong with a YAML document."""
    match document.value.get("kind"):
        case "Pipeline":
            pipeline = load(document, Pipeline)
            check_leads(parameter_leads(pipeline.parameters), document)
            project.plan(pipeline, source=path.absolute(), locate=document.problem, complete=False)
        case "Component":
            check_leads(leads(project, load(document, ComponentSpec)), document)
        case "Project":
            settings = load(document, ProjectSettings)
            settings_of(settings, {}, {}, file_name=path.name)
            refuse(option_problems(project, settings.stack, document))
        case "RegistryPolicy":
            load_policy(path)
        case "Endpoint":
            endpoint = load(document, Endpoint)
            found = lead_problems(endpoint_leads(project, endpoint), document)
            refuse([*found, *unfit(project, endpoint, document)])
        case other:
            raise DocumentError([wrong_kind(document, other)])


def wrong_kind(document: Document, found: object) -> Problem:
    """A document that does not say what it is."""
    known = f"one of {', '.join(KINDS)}"
    if "kind" not in document.value:
        return document.problem((), "the key 'kind' is missing", known)
    hint = closest(found, KINDS) if isinstance(found, str) else ""
    return document.problem(("kind",), f"expected {known}, found {described(found)}", hint)


def check_leads(found: Iterable[Lead], document: Document) -> None:
    """Raises every lead that leads nowhere: types, import paths, defaults."""
    refuse(lead_problems(found, document))


def lead_problems(found: Iterable[Lead], document: Document) -> list[Problem]:
    """Every lead that leads nowhere."""
    problems: list[Problem] = []
    for path, look in found:
        try:
            look()
        except CmError as error:
            problems.append(document.problem(path, str(error)))
    return problems


def refuse(problems: Iterable[Problem]) -> None:
    """Raises DocumentError where there are any problems, in the order of the text."""
    if ordered := sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message)):
        raise DocumentError(ordered)


def leads(project: Project, spec: ComponentSpec) -> Iterator[Lead]:
    """What a component names, each as a call that raises where it leads nowhere; code is read, not run."""
    artifact_type = attrgetter("artifact_type")
    for key, given in spec.inputs.items():
        yield ("inputs", key), partial(artifact_type, given)
    for key, made in spec.outputs.items():
        yield ("outputs", key), partial(artifact_type, made)
    yield from parameter_leads(spec.parameters)
    for name, reference in (("executor", spec.executor), ("check", spec.check)):
        if reference:
            yield (name,), partial(code_at, reference, project.roots())


def parameter_leads(parameters: Mapping[str, ParameterSpec]) -> Iterator[Lead]:
    """The types of parameters, and their defaults."""
    for key, parameter in parameters.items():
        yield ("parameters", key), partial(check_parameter, parameter)


def check_parameter(parameter: ParameterSpec) -> None:
    """Raises UsageError for a type that does not exist and for a default that is not of the type."""
    adapter_of(parameter.annotation)
    try:
        if not parameter.required:
            parameter.normal(parameter.default)
    except ValidationError as error:
        raise UsageError(f"the default {parameter.default!r} is no {parameter.type}: {first_error(error)}") from error


def option_problems(project: Project, stack: StackSettings, document: Document) -> Iterator[Problem]:
    """What the plugins that a project chooses say of their options, and which of them are not installed."""
    chosen: list[tuple[str, JsonPath, PluginChoice]] = [
        ("launcher", ("stack", "launcher"), stack.launcher),
        *(("tracker", ("stack", "trackers", index), it) for index, it in enumerate(stack.trackers)),
        *(("serving", ("stack", "serving", index), it) for index, it in enumerate(stack.serving)),
    ]
    for kind, path, it in chosen:
        try:
            model = project.plugins.options_model(project.plugins.provider(kind, it.name))
            if model is not None:
                load(document.part((*path, "options"), it.options), model)
        except PluginError as error:
            yield document.problem((*path, "name"), str(error))
        except DocumentError as error:
            yield from error.problems


def endpoint_leads(project: Project, endpoint: Endpoint) -> Iterator[Lead]:
    """What an endpoint names; which versions there are is looked up when it is deployed."""
    yield ("backend",), partial(project.backend, endpoint.backend)
    yield from config_leads(project, (), endpoint.inference)
    for index, variant in enumerate(endpoint.variants):
        own = ("variants", index)
        yield (*own, "model"), partial(Reference.parse, variant.model)
        if variant.inference is not None:
            yield from config_leads(project, own, variant.inference)


def config_leads(project: Project, own: JsonPath, config: InferenceConfig) -> Iterator[Lead]:
    """What an inference config names."""
    yield (*own, "inference", "server_config"), partial(with_server_config, config, project.folder)
    for index, step in enumerate(config.ensemble):
        yield (*own, "inference", "ensemble", index, "model"), partial(Reference.parse, step.model)


def unfit(project: Project, endpoint: Endpoint, document: Document) -> list[Problem]:
    """Everything that the backend cannot do; nothing where there is none, or only its server could say."""
    try:
        able = project.backend(endpoint.backend).capabilities()
    except (ServingError, PluginError, ConfigError):
        return []
    found = {it for variant in endpoint.variants for it in misfits(endpoint, variant, able, None)}
    return [document.problem(path_of(it.pointer), it.message, it.fix) for it in found]


def path_of(pointer: str) -> JsonPath:
    """A JSON pointer as a path."""
    return tuple(int(part) if part.isdigit() else part for part in pointer.strip("/").split("/"))


def code_at(reference: str, roots: Sequence[Path]) -> None:
    """Look for the code behind an import path, by reading; raises UsageError where there is none."""
    ref = CodeRef(reference)
    check_defined(ref, code_digest(ref, roots=roots))
