"""The packages of a recorded run beside those of now: what differs, as values. Building an environment is `venv`'s."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cmcore.components.code.environment import Environment

ABSENT = "not installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not as it was: a package, the interpreter, the platform, a file of a node's code."""

    what: str
    then: str
    now: str


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions by name, from `name==version`."""
    return {name: version for name, _, version in (each.partition("==") for each in packages)}


def package_changes(then: Environment, now: Environment) -> tuple[Change, ...]:
    """The packages whose version is another one, those that are gone, and those that were not there."""
    before, after = versions(then.packages), versions(now.packages)
    return tuple(
        Change(what=name, then=before.get(name, ABSENT), now=after.get(name, ABSENT))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )


def machine_changes(then: Environment, now: Environment) -> tuple[Change, ...]:
    """What no installation can bring back: the interpreter and the platform."""
    pairs = (
        ("python", f"{then.implementation} {then.python}", f"{now.implementation} {now.python}"),
        ("platform", then.platform, now.platform),
    )
    return tuple(Change(what=what, then=before, now=after) for what, before, after in pairs if before != after)
