"""The report of a reproduction: nodes, code, packages, data, what could not be held fixed; as value and as JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from pydantic import JsonValue

from cmcore.components.code.environment import Environment
from cmcore.pipelines.plan import Plan
from cmcore.provenance.reproduction.code import Checkout
from cmcore.provenance.reproduction.data import DataCheck, Standing
from cmcore.provenance.reproduction.packages import Change, machine_changes, package_changes
from cmcore.provenance.reproduction.verdict import NodeComparison, Verdict, node_document

DIGEST_SHOWN = 19
UNRECORDED = "not recorded"
NONDETERMINISTIC = "nondeterministic: with equal code, parameters, inputs and packages it gave something else"
UNHELD = "not everything could be held fixed; what is named below may be why"
READ_CHANGED = "it read data that has changed"


class Packages(StrEnum):
    """With which packages a run was run again."""

    CURRENT = "current"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A reproduction. `not_held` is everything that could not be as it was; `accepted` nodes may differ."""

    run: str
    again: str
    pipeline: str
    at: float
    checkout: Checkout
    packages: Packages
    nodes: tuple[NodeComparison, ...]
    data: tuple[DataCheck, ...] = ()
    not_held: tuple[Change, ...] = ()
    accepted: frozenset[str] = frozenset()
    folder: str = ""

    def named(self, *verdicts: Verdict) -> list[str]:
        """The nodes with one of these verdicts."""
        return [each.node for each in self.nodes if each.verdict in verdicts]

    @property
    def refuted(self) -> list[str]:
        """The nodes that did not give what they gave then, and that nobody has accepted."""
        return [name for name in self.named(Verdict.DIFFERS, Verdict.FAILED) if name not in self.accepted]

    @property
    def verified(self) -> bool:
        """Whether every node that ran, but for the accepted ones, gave exactly what it gave then."""
        return bool(self.named(Verdict.EQUAL)) and not self.refuted


def not_held(
    then: Environment | None,
    now: Environment,
    machines: tuple[JsonValue, JsonValue],
    checkout: Checkout,
    data: Sequence[DataCheck],
    plan: Plan,
    nodes: Collection[str],
) -> tuple[Change, ...]:
    """Everything that is not as it was when the run was recorded, the most telling first."""
    code = [
        Change(what=f"code of {node}", then=", ".join(names), now="other content")
        for node, names in checkout.differing.items()
    ]
    uncommitted = [
        Change(
            what="uncommitted files other than kept code",
            then=checkout.uncommitted[:DIGEST_SHOWN],
            now=f"as in commit {checkout.commit[:12]}",
        )
    ] if checkout.uncommitted else []  # fmt: skip
    environments = [*package_changes(then, now), *machine_changes(then, now)] if then else [
        Change(what="environment", then=UNRECORDED, now=f"{now.implementation} {now.python}")
    ]  # fmt: skip
    return (*code, *uncommitted, *_data_changes(data), *environments, *_hardware(*machines), *_secrets(plan, nodes))


def _data_changes(data: Sequence[DataCheck]) -> list[Change]:
    found = []
    for each in data:
        match each.standing:
            case Standing.CHANGED | Standing.GONE:
                found.append(Change(what=f"data {each.then.uri}", then=each.then.digest, now=each.now.digest or "gone"))
            case Standing.DECLARED:
                found.append(Change(what=f"data {each.then.uri}", then=each.then.digest, now="not checked"))
            case _:
                pass
    return found


def _hardware(then: JsonValue, now: JsonValue) -> list[Change]:
    before = then if isinstance(then, Mapping) else {}
    after = now if isinstance(now, Mapping) else {}
    return [
        Change(what=key, then=_told(before.get(key)), now=_told(after.get(key)))
        for key in ("cpu", "gpus")
        if before.get(key) != after.get(key)
    ]


def _told(value: JsonValue) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or UNRECORDED)


def _secrets(plan: Plan, nodes: Collection[str]) -> list[Change]:
    names = [
        name
        for node in plan.nodes
        if node.name in nodes
        for name in node.spec.secrets_in(node.parameters)
    ]  # fmt: skip
    return [Change(what=f"secret {name}", then=UNRECORDED, now="as it is now") for name in dict.fromkeys(names)]


def explained(
    nodes: Sequence[NodeComparison], changes: Collection[Change], readers_of_changed: Collection[str]
) -> tuple[NodeComparison, ...]:
    """The comparisons in which every node that differs has a reason: what it read, what was not held, or itself."""
    telling = [change for change in changes if change.then != UNRECORDED]

    def with_reason(each: NodeComparison) -> NodeComparison:
        if each.verdict is not Verdict.DIFFERS:
            return each
        if each.node in readers_of_changed:
            return replace(each, reason=READ_CHANGED)
        return replace(each, reason=UNHELD if telling else NONDETERMINISTIC)

    return tuple(map(with_reason, nodes))


def report_document(report: Report) -> dict[str, JsonValue]:
    """The report as JSON."""
    laid_over: list[JsonValue] = [*report.checkout.laid_over]
    data: list[JsonValue] = [
        {
            "node": each.node,
            "uri": each.then.uri,
            "read_from": each.now.uri,
            "then": each.then.digest,
            "now": each.now.digest,
            "standing": each.standing.value,
        }
        for each in report.data
    ]
    nodes: list[JsonValue] = [node_document(each) for each in report.nodes]
    changes: list[JsonValue] = [asdict(each) for each in report.not_held]
    return {
        "kind": "reproduction",
        "run": report.run,
        "again": report.again,
        "pipeline": report.pipeline,
        "at": report.at,
        "verified": report.verified,
        "nodes": nodes,
        "code": {"commit": report.checkout.commit, "laid_over": laid_over},
        "packages": report.packages.value,
        "data": data,
        "not_held": changes,
        "accepted": [*sorted(report.accepted)],
        "folder": report.folder,
    }
