"""The cache key of a node: its parts as a value, their digest, and the difference between two of them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.components.code.environment import interpreter
from cmcore.document.write import canonical
from cmcore.lineage.record import ArtifactRecord
from cmcore.pipelines.plan import PlannedNode

Inputs = Mapping[str, Sequence[ArtifactRecord]]
ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One part of a key that differs, with both values."""

    part: str
    before: JsonValue
    now: JsonValue


def key_parts(node: PlannedNode, inputs: Inputs, parameters: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What the result of a node depends on: spec, code, environment, parameter values, input content digests.

    The node's and the pipeline's names are not among it: equal work is shared between pipelines.
    """
    code = node.code
    return {
        "component": node.spec.name,
        "spec": spec_digest(node),
        "code": code.digest if code else "",
        "python": interpreter(),
        **{f"parameter {key}": value for key, value in sorted(parameters.items())},
        **{f"input {key}": [artifact.digest for artifact in found] for key, found in sorted(inputs.items())},
    }


def spec_digest(node: PlannedNode) -> str:
    """The digest of the contract, as far as it changes what is computed: not its prose, needs or check."""
    spec = node.spec.model_dump(mode="json", exclude_defaults=True, exclude={"summary", "resources", "check"})
    for group in ("inputs", "parameters", "outputs"):
        spec[group] = {key: {**it, "description": ""} for key, it in spec.get(group, {}).items()}
    return sha256(canonical(spec))


def key_of(parts: Mapping[str, JsonValue]) -> str:
    """The cache key: 64 hex digits."""
    return sha256(canonical(dict(parts)))


def differences(before: Mapping[str, JsonValue], now: Mapping[str, JsonValue]) -> list[Difference]:
    """The parts of two keys that differ, in order of their names; a part that only one has is `absent` in the other."""
    return [
        Difference(part=part, before=before.get(part, ABSENT), now=now.get(part, ABSENT))
        for part in sorted({*before, *now})
        if before.get(part, ABSENT) != now.get(part, ABSENT)
    ]


def sha256(content: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(content).hexdigest()
