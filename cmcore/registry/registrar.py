"""Registrar: reads a model's facts where executors run, asks for a version there, and makes it one in the driver.

The executor's process never sees the registry; `applied` and `stale` are the driver's side of its intent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, JsonValue

from cmcore.artifacts import Blessing, Evaluation, InfraBlessing, Model, RegisteredModel, Schema
from cmcore.components.context import Context
from cmcore.errors import NotFoundError, OutdatedError
from cmcore.lineage.record import ArtifactRecord
from cmcore.registry.evidence import Readable, version_facts
from cmcore.registry.facts import Origin, VersionFacts
from cmcore.registry.names import Reference, VersionNumber, checked_alias, checked_model
from cmcore.registry.policy import Policy
from cmcore.registry.values import Alias, Level, ModelVersion, Registered

INTENT, OUTPUT, RESULT_FILE = "register-model", "registered", "registered.json"
TRIES = 20


class RegisterModel(BaseModel):
    """What the executor asks the driver for; `level` and `reason` override what would be computed."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    model: str
    facts: VersionFacts
    level: Literal["", "major", "minor", "pipeline"] = ""
    reason: str = ""
    alias: str = ""
    properties: dict[str, JsonValue] = {}


def registrar(
    *,
    model: Model,
    evaluation: Evaluation | None,
    blessing: Blessing | None,
    schema: Schema | None,
    infra_blessing: InfraBlessing | None,
    registered: RegisteredModel,
    name: str,
    require_blessing: bool,
    level: Literal["", "major", "minor", "pipeline"],
    reason: str,
    alias: str,
    properties: Mapping[str, JsonValue],
    context: Context,
) -> None:
    """Ask for a version of the model; a model without the blessings that it needs is not asked for, and says why."""
    checked_model(name)
    if alias:
        checked_alias(alias)
    facts = version_facts(
        Readable.of(model),
        evaluation=Readable.of(evaluation) if evaluation else None,
        blessing=Readable.of(blessing) if blessing else None,
        schema=Readable.of(schema) if schema else None,
        infra_blessing=Readable.of(infra_blessing) if infra_blessing else None,
    )
    objection = not_blessed(facts) if require_blessing else ""
    result = {"registered": not objection, "reason": objection, "model": name, "digest": facts.digest}
    with registered.open(RESULT_FILE, "w") as stream:
        stream.write(json.dumps(result, indent=1, sort_keys=True) + "\n")
    if objection:
        context.log(f"nothing registered: {objection}")
        return
    asked = RegisterModel(model=name, facts=facts, level=level, reason=reason, alias=alias, properties=dict(properties))
    context.intend(INTENT, output=OUTPUT, data=asked.model_dump(mode="json"))


def not_blessed(facts: VersionFacts) -> str:
    """Why the model is not blessed; empty if it is."""
    if facts.blessed is None:
        return "no blessing of the model was given; set require_blessing to false to register it without"
    if not facts.blessed:
        return "the model is not blessed"
    return "" if facts.infra_blessed in (True, None) else "the model is not blessed by infra validation"


def nothing_was_asked(
    *, parameters: Mapping[str, object], outputs: Mapping[str, Mapping[str, object]], input_digests: Mapping[str, str]
) -> bool:
    """The check of a cached execution that intended nothing: registering nothing holds for ever."""
    del parameters, input_digests
    return not outputs[OUTPUT].get("version")


class Registrations(Protocol):
    """What a registration needs of the registry."""

    def register(self, model: str, facts: VersionFacts, *, level: Level | None = None, reason: str = "") -> Registered:
        """The version with this digest, new or known."""
        ...

    def version(self, reference: Reference) -> ModelVersion:
        """The version that a reference means; raises NotFoundError."""
        ...

    def alias(self, model: str, name: str) -> Alias | None:
        """What an alias means now."""
        ...

    def set_alias(self, reference: Reference, name: str, *, over: int) -> Alias:
        """Let a free alias name a version; raises OutdatedError where it is not at the generation `over`."""
        ...

    def policy(self, model: str) -> Policy:
        """What the environments of a model demand."""
        ...

    def describe(self, reference: Reference, properties: Mapping[str, JsonValue | None]) -> None:
        """Give a version properties."""
        ...


def applied(
    asked: RegisterModel, registry: Registrations, *, model: ArtifactRecord, origin: Origin
) -> Mapping[str, JsonValue]:
    """Make it so; the properties of the registered model. Asking again changes nothing more.

    Raises RefusedError, before there is a version, for an alias that a policy guards.

    The facts are the executor's; what the model is and where it came from is what the driver has recorded.
    """
    registry.policy(asked.model).check_free(asked.model, asked.alias)
    known = {"digest": model.digest, "uri": model.uri, "artifact": model.name, "origin": origin}
    facts = asked.facts.model_copy(update=known)
    level = Level(asked.level) if asked.level else None
    version = registry.register(asked.model, facts, level=level, reason=asked.reason).version
    reference = Reference(model=asked.model, version=version.number)
    if {**version.properties, **asked.properties} != version.properties:
        registry.describe(reference, asked.properties)
    if asked.alias:
        set_alias(registry, reference, asked.alias)
    return {"model": asked.model, "version": str(version.number), "of": model.digest}


def set_alias(registry: Registrations, reference: Reference, name: str) -> None:
    """Let an alias name the version, whoever moves it meanwhile; raises OutdatedError where that never ends."""
    for remaining in reversed(range(TRIES)):
        now = registry.alias(reference.model, name)
        if now and now.version == reference.version:
            return
        try:
            registry.set_alias(reference, name, over=now.generation if now else 0)
        except OutdatedError:
            if not remaining:
                raise
        else:
            return


def holds(asked: RegisterModel, registry: Registrations, properties: Mapping[str, JsonValue]) -> str:
    """Why an earlier registration is no longer what the registry says; empty if it is."""
    reference = Reference(model=asked.model, version=VersionNumber.parse(str(properties.get("version", ""))))
    try:
        version = registry.version(reference)
    except NotFoundError as error:
        return str(error)
    if version.facts.digest != properties.get("of"):
        return f"{reference} is {version.facts.digest}, no longer {properties.get('of')}"
    alias = registry.alias(asked.model, asked.alias) if asked.alias else None
    if asked.alias and (alias is None or alias.version != reference.version):
        return f"{asked.model}@{asked.alias} is {alias.version if alias else 'not set'}, not {reference.version}"
    return ""
