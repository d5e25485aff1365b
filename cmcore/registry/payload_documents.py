"""Reading the small documents of payloads, which may come from strangers: bounded, no code, every problem named.

Unknown keys are left alone. What the documents mean is `evidence`'s affair.
"""

from __future__ import annotations

from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from cmcore.artifacts.payload import Payload
from cmcore.errors import DocumentError, Problem

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment] # both give the same events

DEPTH_MAX = 64
PROBLEMS_MAX = 20


class Tolerant(BaseModel):
    """A part of a document of which more may be said than is read here; no number from text."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, protected_namespaces=())


M = TypeVar("M", bound=Tolerant)


def content(payload: Payload, name: str, *, limit: int) -> bytes | None:
    """A file of a payload; None where there is none. Raises DocumentError where it is larger than the limit."""
    if not (payload.path / name).is_file():
        return None
    with payload.open(name) as stream:
        found: bytes = stream.read(limit + 1)
    if len(found) > limit:
        raise problem(payload, name, f"larger than {limit:,} bytes, which no such document is")
    return found


def json_document(payload: Payload, name: str, raw: bytes, model: type[M]) -> M:
    """A JSON document; raises DocumentError."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _problems(payload, name, error) from error


def yaml_document(payload: Payload, name: str, raw: bytes, model: type[M]) -> M:
    """A YAML document as PyYAML writes it, which MLflow does; raises DocumentError.

    Aliases are refused, because a few lines of them can stand for gigabytes, and so is deep nesting.
    """
    try:
        _check_events(payload, name, raw)
        return model.model_validate(yaml.load(raw, Loader=Loader))
    except ValidationError as error:
        raise _problems(payload, name, error) from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        raise problem(payload, name, f"no YAML: {' '.join(str(error).split())}") from error


def _check_events(payload: Payload, name: str, raw: bytes) -> None:
    depth = 0
    for event in yaml.parse(raw, Loader=Loader):
        match event:
            case yaml.AliasEvent():
                raise problem(payload, name, "aliases (*) are not read; write the value out")
            case yaml.CollectionStartEvent():
                depth += 1
            case yaml.CollectionEndEvent():
                depth -= 1
        if depth > DEPTH_MAX:
            raise problem(payload, name, f"nested more than {DEPTH_MAX} deep")


def problem(payload: Payload, name: str, message: str, *, hint: str = "") -> DocumentError:
    """One thing wrong with a file of a payload."""
    return DocumentError([Problem(message=message, file=f"{payload.uri}/{name}", hint=hint)])


def _problems(payload: Payload, name: str, error: ValidationError) -> DocumentError:
    details = error.errors(include_url=False, include_input=False, include_context=False)[:PROBLEMS_MAX]
    messages = [detail["msg"].removeprefix("Value error, ") for detail in details]
    return DocumentError(
        [
            Problem(
                message=f"{message[:1].lower()}{message[1:]}",
                path=".".join(["$", *map(str, detail["loc"])]),
                file=f"{payload.uri}/{name}",
            )
            for message, detail in zip(messages, details, strict=True)
        ]
    )
