"""What a version's interface promised to callers, and whether another one keeps it. Pure; what follows is `bump`'s.

Callers send what the older interface asks for, and read what it promises. Whatever they may not have known about (a
domain or a target that nobody recorded) is not held against the newer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cmcore.registry.facts import Column, Interface
from cmcore.registry.values import Finding
from cmcore.registry.wording import listed

WIDER_TYPES: Mapping[str, frozenset[str]] = {"integer": frozenset(["long", "double"]), "float": frozenset(["double"])}
"""What an input may become: types that hold every value of the old one. A double does not hold every long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a rule has found: what breaks callers, what is worth a remark, and what to say where there is neither."""

    breaks: Iterable[str] = ()
    remarks: Iterable[str] = ()
    otherwise: str


def interface_findings(before: Interface, after: Interface) -> tuple[Finding, ...]:
    """One finding for each promise, kept or broken."""
    return (*call_findings(before, after), *target_findings(before, after))


def call_findings(before: Interface, after: Interface) -> tuple[Finding, ...]:
    """Whether calls go on working."""
    rule = "the model has a signature, if it had one"
    if not before.inputs and not before.outputs:
        return (Finding(rule=rule, holds=True, found="the previous version has no signature"),)
    if not after.inputs and not after.outputs:
        return (Finding(rule=rule, holds=False, found="the new version has no signature"),)
    return (*input_findings(before, after), *output_findings(before.outputs, after.outputs))


def input_findings(before: Interface, after: Interface) -> tuple[Finding, ...]:
    """Whether what callers send is still accepted."""
    kept = {name: (column, after.inputs[name]) for name, column in before.inputs.items() if name in after.inputs}
    return (
        _finding("no required input is added", _added_inputs(before.inputs, after.inputs)),
        _finding("inputs take the types they took", _input_types(kept)),
        _finding("no optional input becomes required", _presence(kept, before, after)),
        _finding("inputs take the values they took", _domains(kept, before, after)),
    )


def output_findings(before: Mapping[str, Column], after: Mapping[str, Column]) -> tuple[Finding, ...]:
    """Whether what callers read is still given."""
    kept = {name: (column, after[name]) for name, column in before.items() if name in after}
    gone = [f"{name!r} is gone" for name in before if name not in after]
    fresh = [f"{_shown(name, column)} is added" for name, column in after.items() if name not in before]
    return (
        _finding("every output is still given", Answer(breaks=gone, remarks=fresh, otherwise=_all_of(before))),
        _finding("outputs have the types they had", Answer(breaks=_other_types(kept), otherwise="no type changed")),
    )


def target_findings(before: Interface, after: Interface) -> tuple[Finding, ...]:
    """Whether the same thing is predicted: the label by its name, type and classes."""
    if not before.target:
        return (Finding(rule="the target is the same", holds=True, found="not known of the previous version"),)
    kept = {name: (column, after.target[name]) for name, column in before.target.items() if name in after.target}
    fresh = ", ".join(map(repr, after.target)) or "not declared"
    gone = [f"the target was {name!r} and is {fresh}" for name in before.target if name not in after.target]
    return (
        _finding("the target is the same", Answer(breaks=gone, otherwise=_all_of(before.target))),
        _finding("the target has the type it had", Answer(breaks=_other_types(kept), otherwise="no type changed")),
        _finding("the target has the classes it had", _classes(kept)),
    )


def _added_inputs(before: Mapping[str, Column], after: Mapping[str, Column]) -> Answer:
    added = {name: column for name, column in after.items() if name not in before}
    required = [f"{_shown(name, column)} must be sent now" for name, column in added.items() if column.required]
    optional = [f"{_shown(name, column)} may be sent now" for name, column in added.items() if not column.required]
    removed = [f"{name!r} is no longer read" for name in before if name not in after]
    return Answer(breaks=required, remarks=[*optional, *removed], otherwise="the same inputs")


def _input_types(kept: Mapping[str, tuple[Column, Column]]) -> Answer:
    wider = {name: pair for name, pair in kept.items() if pair[1].type in WIDER_TYPES.get(pair[0].type, ())}
    others = {name: pair for name, pair in kept.items() if name not in wider}
    return Answer(breaks=_other_types(others), remarks=_other_types(wider), otherwise="no type changed")


def _presence(kept: Mapping[str, tuple[Column, Column]], before: Interface, after: Interface) -> Answer:
    if before.schema_digest and not after.schema_digest:
        return Answer(otherwise="not compared: no schema is known of the new version")
    required = [f"{name!r} must be sent now" for name, (old, new) in kept.items() if new.required and not old.required]
    optional = [
        f"{name!r} may be left out now" for name, (old, new) in kept.items() if old.required and not new.required
    ]
    return Answer(breaks=required, remarks=optional, otherwise="none")


def _domains(kept: Mapping[str, tuple[Column, Column]], before: Interface, after: Interface) -> Answer:
    breaks, remarks, unknown = list[str](), list[str](), list[str]()
    for name, (old, new) in kept.items():
        if old.domain == new.domain:
            continue
        if new.domain is None:
            (remarks if after.schema_digest else unknown).append(f"{name!r} takes any value now")
        elif old.domain is None:
            (breaks if before.schema_digest else unknown).append(f"{name!r} takes only {_values(new.domain)} now")
        elif lost := set(old.domain) - set(new.domain):
            breaks.append(f"{name!r} no longer takes {_values(sorted(lost))}")
        elif gained := set(new.domain) - set(old.domain):
            remarks.append(f"{name!r} also takes {_values(sorted(gained))}")
    compared = f"not compared: no schema is known of one version ({len(unknown)})" if unknown else "no domain changed"
    return Answer(breaks=breaks, remarks=remarks, otherwise=compared)


def _classes(kept: Mapping[str, tuple[Column, Column]]) -> Answer:
    known = {name: (old.domain, new.domain) for name, (old, new) in kept.items() if old.domain and new.domain}
    changed = [
        f"{name!r} had the classes {_values(old)} and has {_values(new)}"
        for name, (old, new) in known.items()
        if set(old) != set(new)
    ]
    return Answer(breaks=changed, otherwise="no class changed" if known else "not compared: not known of both versions")


def _other_types(columns: Mapping[str, tuple[Column, Column]]) -> list[str]:
    """The columns whose types are known and differ."""
    return [
        f"{name!r} was {old.type} and is {new.type}"
        for name, (old, new) in columns.items()
        if old.type and new.type and old.type != new.type
    ]


def _finding(rule: str, answer: Answer) -> Finding:
    breaks, remarks = list(answer.breaks), list(answer.remarks)
    return Finding(rule=rule, holds=not breaks, found=listed(breaks or remarks) or answer.otherwise)


def _shown(name: str, column: Column) -> str:
    return f"{name!r} ({column.type})" if column.type else repr(name)


def _all_of(columns: Mapping[str, Column]) -> str:
    return listed((_shown(name, column) for name, column in columns.items()), between=", ")


def _values(values: Iterable[str]) -> str:
    return listed(map(repr, values), between=", ")
