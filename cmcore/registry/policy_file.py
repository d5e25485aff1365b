"""Reads a policy from its file, with the public keys that it names by path; every problem is told with its place."""

from __future__ import annotations

from pathlib import Path

from cmcore.document.model import load
from cmcore.document.place import JsonPath
from cmcore.document.text import Document, read
from cmcore.errors import CmError, DocumentError, Problem, UsageError
from cmcore.registry.policy import EnvironmentPolicy, Gate, Policy, Signed, fingerprint

KEY_FILE_MAX_BYTES = 20_000


def load_policy(file: Path) -> Policy:
    """The policy in a file, whole: keys are texts, so that it means the same wherever it is read; DocumentError."""
    document = read(file)
    policy, problems = load(document, Policy), list[Problem]()
    environments = {
        name: with_keys(environment, ("environments", name), document, problems)
        for name, environment in policy.environments.items()
    }
    if problems:
        raise DocumentError(problems)
    return policy.model_copy(update={"environments": environments})


def with_keys(
    environment: EnvironmentPolicy, path: JsonPath, document: Document, problems: list[Problem]
) -> EnvironmentPolicy:
    """The environment with the texts of its keys; what cannot be read is added to `problems`."""
    gates: list[Gate] = []
    for index, gate in enumerate(environment.gates):
        if gate.signed is None:
            gates.append(gate)
            continue
        keys: list[str] = []
        for place, key in enumerate(gate.signed.keys):
            try:
                keys.append(key_text(key, Path(document.file).parent))
            except CmError as error:
                where = (*path, "gates", index, "signed", "keys", place)
                problems.append(document.problem(where, str(error)))
        gates.append(Gate(signed=Signed(keys=tuple(keys) or gate.signed.keys)))
    return environment.model_copy(update={"gates": tuple(gates)})


def key_text(key: str, folder: Path) -> str:
    """A key's text, read from its file unless it is one; raises UsageError."""
    text = key
    if "-----BEGIN" not in key:
        try:
            with (folder / key).open(encoding="ascii") as stream:
                text = stream.read(KEY_FILE_MAX_BYTES)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no PEM file"
            raise UsageError(f"the public key {key!r} cannot be read: {reason}") from error
    fingerprint(text)
    return text
