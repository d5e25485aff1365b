"""What the driver does for executors that ask: a model into the registry, with its origin walked from the lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from cmcore.components.intent import Intent
from cmcore.errors import UsageError
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord

if TYPE_CHECKING:
    from cmcore.stack.project import Project

REGISTER_MODEL = "register-model"
Asked = TypeVar("Asked", bound=BaseModel)


class Registration:
    """Carries out `register-model`, which the component Registrar asks for."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def apply(self, intent: Intent, execution: ExecutionRecord) -> Mapping[str, JsonValue]:
        """Register the model that the execution read, with what it was made from."""
        from cmcore.provenance.origin import origin_of
        from cmcore.registry.registrar import RegisterModel, applied

        asked = validated(RegisterModel, intent)
        model = model_read_by(execution)
        origin = origin_of(self._project.lineage, model)
        return applied(asked, self._project.registry, model=model, origin=origin)

    def stale(self, intent: Intent, execution: ExecutionRecord, properties: Mapping[str, JsonValue]) -> str:
        """Why the registry no longer has it so."""
        from cmcore.registry.registrar import RegisterModel, holds

        return holds(validated(RegisterModel, intent), self._project.registry, properties)


def validated(model: type[Asked], intent: Intent) -> Asked:
    """What the intent asks for; raises UsageError where it is not what its kind takes."""
    try:
        return model.model_validate(intent.data)
    except ValidationError as error:
        wrong = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
        raise UsageError(f"the intent {intent.kind!r} cannot be carried out: {wrong or 'its data'} is wrong") from error


def model_read_by(execution: ExecutionRecord) -> ArtifactRecord:
    """The input artifact `model` of an execution; raises UsageError."""
    for edge in execution.inputs:
        if edge.key == "model":
            return edge.artifact
    raise UsageError(f"{execution.name} asks for a registration and reads no input 'model'")
