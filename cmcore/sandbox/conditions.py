"""Conditions: under what a model is validated, from a document or from parameters, and with which plugins.

The cache key holds neither the endpoint's document nor the project's settings nor plugins; `Conditions.digest` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from cmcore.document.model import load
from cmcore.document.text import read
from cmcore.document.write import canonical
from cmcore.errors import NotFoundError, UsageError
from cmcore.hooks.discovery import Plugins
from cmcore.sandbox.sandbox import distribution
from cmcore.serving.document import DeploymentConfig, Endpoint, InferenceConfig, Protocol, Variant
from cmcore.serving.placing import with_server_config
from cmcore.settings import ProjectSettings, settings_of

SETTINGS = "cm.yaml"


class Asked(BaseModel):
    """The parameters of an InfraValidator: under what a model is validated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str = ""
    variant: str = ""
    backend: str = ""
    options: dict[str, JsonValue] | None = None
    deployment: DeploymentConfig = DeploymentConfig()
    inference: InferenceConfig = InferenceConfig()
    protocols: list[Protocol] = [Protocol.REST, Protocol.GRPC]
    requests: int = 0
    max_latency_ms: float = 0.0
    tolerance: float = 1e-4
    beside: bool = False


class Conditions(BaseModel):
    """Everything but the model's bytes that a verdict depends on and that can be known without a server.

    `document` is an endpoint's, or made of parameters; `plugins` are distributions with their versions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: Endpoint
    variant: str
    deployment: DeploymentConfig
    inference: InferenceConfig
    options: dict[str, JsonValue]
    requests: int
    max_latency_ms: float
    tolerance: float
    beside: bool
    plugins: tuple[str, ...]

    @property
    def chosen(self) -> Variant:
        """The variant whose configs are used."""
        return next(it for it in self.document.variants if it.name == self.variant)

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """How the model is asked."""
        return self.document.protocols

    @property
    def digest(self) -> str:
        """Equal conditions have the same; what else the document says (other variants, draining) is left out."""
        told = self.model_dump(mode="json", exclude={"document", "variant"})
        told |= {"backend": self.document.backend, "protocols": [protocol.value for protocol in self.protocols]}
        return f"sha256:{hashlib.sha256(canonical(told)).hexdigest()}"


def settings_in(folder: Path, environment: Mapping[str, str]) -> ProjectSettings:
    """The settings of the project in a folder; raises DocumentError, ConfigError."""
    file = folder / SETTINGS
    document = load(read(file), ProjectSettings) if file.is_file() else ProjectSettings()
    return settings_of(document, environment, {}).values


def conditions(asked: Asked, *, folder: Path, settings: ProjectSettings, plugins: Plugins) -> Conditions:
    """What the parameters mean in a project; raises UsageError, NotFoundError, DocumentError, PluginError."""
    document = endpoint_asked(asked, folder)
    name = asked.variant or document.main.name
    if name not in {variant.name for variant in document.variants}:
        known = ", ".join(variant.name for variant in document.variants)
        raise NotFoundError(f"the endpoint {document.name} has no variant {name!r}; it has {known}")
    options = asked.options
    if options is None:
        options = next((it.options for it in settings.stack.serving if it.name == document.backend), {})
    given = [("serving", document.backend), *(("flavor", it.name) for it in plugins.providers("flavor"))]
    chosen = next(variant for variant in document.variants if variant.name == name)
    return Conditions(
        document=document,
        variant=name,
        deployment=document.deployment_of(chosen),
        inference=inference_read(document.inference_of(chosen), folder),
        options=dict(options),
        requests=asked.requests,
        max_latency_ms=asked.max_latency_ms or document.monitoring.latency_slo_ms or 0.0,
        tolerance=asked.tolerance,
        beside=asked.beside,
        plugins=tuple(sorted({distribution(plugins, kind, provider) for kind, provider in given})),
    )


def endpoint_asked(asked: Asked, folder: Path) -> Endpoint:
    """The endpoint's document, or one made of the parameters; raises UsageError where both or none are given."""
    if bool(asked.endpoint) == bool(asked.backend):
        raise UsageError("give either `endpoint`, the path of an Endpoint document, or `backend`")
    if asked.endpoint:
        return load(read(folder / asked.endpoint), Endpoint)
    return Endpoint(
        name="sandbox",
        backend=asked.backend,
        variants=(Variant(model="candidate"),),
        protocols=tuple(asked.protocols),
        deployment=asked.deployment,
        inference=asked.inference,
    )


def inference_read(inference: InferenceConfig, folder: Path) -> InferenceConfig:
    """The config with the text of the server's own configuration, if it names a file; raises UsageError."""
    if inference.ensemble:
        raise UsageError("an ensemble cannot be validated as one model: validate its models, each by itself")
    return with_server_config(inference, folder)
