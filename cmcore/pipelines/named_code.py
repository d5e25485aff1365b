"""Which code a node's parameters name, as far as that is known before it runs. Pure; code is not looked at here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import JsonValue, ValidationError

from cmcore.components.code.reference import code_refs_in
from cmcore.components.spec import ComponentSpec
from cmcore.document.expression import Reference, plain, substitute
from cmcore.errors import UsageError
from cmcore.pipelines.edges import looked_up

Resolve = Callable[[Reference], JsonValue | Reference]


def named_code(spec: ComponentSpec, parameters: Mapping[str, JsonValue], resolve: Resolve) -> list[str]:
    """The import paths among the parameters, also inside of models, lists and dicts, each once."""
    found: list[str] = []
    for key, value in parameters.items():
        try:
            known = spec.parameters[key].python(plain(substitute(value, resolve), str))
        except (ValidationError, ValueError, UsageError):
            continue  # wrong, which is said elsewhere, or known only when the pipeline runs
        found += [str(reference) for reference in code_refs_in(known)]
    return list(dict.fromkeys(found))


def known_before(parameters: Mapping[str, JsonValue], environment: Mapping[str, str]) -> Resolve:
    """What references mean before a run; those to nodes and to the run stay as they are."""

    def resolve(reference: Reference) -> JsonValue | Reference:
        match reference.head:
            case "params":
                return looked_up(parameters, reference.path)
            case "env":
                return environment.get(reference.path[0], "")
            case _:
                return reference

    return resolve
