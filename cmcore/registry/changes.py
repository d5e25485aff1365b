"""What of the training differs between two versions: steps, code, parameters, data, environment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cmcore.registry.facts import Origin
from cmcore.registry.values import Finding
from cmcore.registry.wording import listed, short

SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A rule and what was found: `changes` is empty where nothing differs; `known` false, where that cannot be told."""

    rule: str
    known: bool
    changes: tuple[str, ...]

    @property
    def finding(self) -> Finding:
        """This as a finding; what cannot be told does not hold."""
        found = listed(self.changes) or ("no difference" if self.known else "not known of both versions")
        return Finding(rule=self.rule, holds=self.known and not self.changes, found=found)


def looks(before: Origin, after: Origin) -> tuple[Look, ...]:
    """Everything that could have changed between two trainings."""
    steps = bool(before.steps and after.steps)
    kept = [name for name in before.steps if name in after.steps]
    return (
        Look(rule="the pipeline has the same steps", known=steps, changes=_steps(before, after) if steps else ()),
        Look(rule="the steps have the same code", known=steps, changes=_code(kept, before, after)),
        Look(rule="the steps have the same parameters", known=steps, changes=_parameters(kept, before, after)),
        _data(before.data, after.data, walked=steps),
        _environment(before.environment, after.environment),
    )


def _steps(before: Origin, after: Origin) -> tuple[str, ...]:
    renamed = before.pipeline and after.pipeline and before.pipeline != after.pipeline
    return (
        *([f"pipeline {before.pipeline!r} became {after.pipeline!r}"] if renamed else []),
        *(f"step {name!r} added" for name in after.steps if name not in before.steps),
        *(f"step {name!r} removed" for name in before.steps if name not in after.steps),
    )


def _code(kept: list[str], before: Origin, after: Origin) -> tuple[str, ...]:
    """The code of a step is the first word of its digests."""
    words = {name: (before.steps[name].partition(" ")[0], after.steps[name].partition(" ")[0]) for name in kept}
    return tuple(f"code of step {name!r} changed" for name, (old, new) in words.items() if old != new)


def _parameters(kept: list[str], before: Origin, after: Origin) -> tuple[str, ...]:
    words = {name: (before.steps[name].partition(" ")[2], after.steps[name].partition(" ")[2]) for name in kept}
    changed = [name for name, (old, new) in words.items() if old != new]
    return tuple(f"parameters of step {name!r} changed{_values_changed(name, before, after)}" for name in changed)


def _values_changed(step: str, before: Origin, after: Origin) -> str:
    names = sorted(name for name in {*before.parameters, *after.parameters} if name.startswith(f"{step}."))
    texts = [
        f"{name.removeprefix(f'{step}.')} from {_cut(before.parameters, name)} to {_cut(after.parameters, name)}"
        for name in names
        if before.parameters.get(name) != after.parameters.get(name)
    ]
    return f" ({listed(texts, between=', ')})" if texts else ""


def _cut(parameters: Mapping[str, str], name: str) -> str:
    text = parameters.get(name, "nothing")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _data(before: Mapping[str, str], after: Mapping[str, str], *, walked: bool) -> Look:
    """Where the steps are known, no data means that none was brought in."""
    known = walked or bool(before and after)
    pairs = {uri: (before.get(uri, ""), after.get(uri, "")) for uri in sorted({*before, *after})} if known else {}
    changes = tuple(_data_change(uri, old, new) for uri, (old, new) in pairs.items() if old != new)
    return Look(rule="the data are the same", known=known, changes=changes)


def _data_change(uri: str, old: str, new: str) -> str:
    if not old or not new:
        return f"data {uri} {'removed' if old else 'added'}"
    return f"data {uri} changed from {short(old)} to {short(new)}"


def _environment(before: str, after: str) -> Look:
    known = bool(before and after)
    changes = (f"environment changed from {short(before)} to {short(after)}",) if known and before != after else ()
    return Look(rule="the environment is the same", known=known, changes=changes)
