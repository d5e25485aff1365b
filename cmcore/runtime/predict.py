"""What a run of a plan would do, node by node: hit, miss and why, or unknown until another node has run.

Reads lineage and payloads, fingerprints imported data and asks resolvers; it records nothing and runs no component.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.document.expression import Reference, references
from cmcore.errors import CmError
from cmcore.pipelines.plan import NodeKind, Plan, PlannedNode
from cmcore.pipelines.resolver import Query
from cmcore.runtime.attempt import fingerprinted
from cmcore.runtime.cache import UNSEEN, imported_before, why
from cmcore.runtime.driver import Backends
from cmcore.runtime.jobs import job_of
from cmcore.runtime.key import Difference, key_of, key_parts
from cmcore.runtime.publish import artifact_record, by_key
from cmcore.runtime.resolve import Given, Outputs, asked, given_to
from cmcore.storage.store import PayloadStore

RUN = "next-run"


class Expectation(StrEnum):
    """What would become of a node; a resolver's is `found`, since it always looks and never works."""

    HIT = "hit"
    MISS = "miss"
    FOUND = "found"
    UNKNOWN = "unknown"
    SKIP = "skip"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One node: `until` names the node that must run first; `differences` are those from `last`, its last execution.

    `outputs` are known where no component has to run for them.
    """

    node: str
    expectation: Expectation
    reason: str = ""
    until: str = ""
    last: str = ""
    differences: tuple[Difference, ...] = ()
    outputs: Outputs = field(default_factory=dict)


def predictions(plan: Plan, backends: Backends) -> list[Prediction]:
    """What would become of every node, in the order of the plan."""
    made: dict[str, Prediction] = {}
    for node in plan.nodes:
        made[node.name] = predicted(plan, node, made, backends)
    return list(made.values())


def predicted(plan: Plan, node: PlannedNode, made: Mapping[str, Prediction], backends: Backends) -> Prediction:
    """What would become of one node, given the predictions of those before it."""
    if until := first_open(node, made):
        return Prediction(node=node.name, expectation=Expectation.UNKNOWN, until=until, reason=f"until {until} has run")
    if blocked := next((made[name] for name in node.upstream if made[name].expectation in BLOCKING), None):
        reason = f"node {blocked.node!r} would {blocked.expectation}"
        return Prediction(node=node.name, expectation=Expectation.SKIP, reason=reason)
    published = {name: made[name].outputs for name in needed(node)}
    try:
        given = given_to(plan, node, published, RUN)
        if given.missing:
            return Prediction(node=node.name, expectation=Expectation.SKIP, reason=given.missing)
        return PREDICTORS[node.kind](plan, node, given, backends)
    except CmError as error:
        return Prediction(node=node.name, expectation=Expectation.FAIL, reason=str(error))


BLOCKING = (Expectation.SKIP, Expectation.FAIL)


def first_open(node: PlannedNode, made: Mapping[str, Prediction]) -> str:
    """The node that must run before this one's cache key is known; empty if it is known now.

    A resolver looks for what others publish, so it also waits for nodes that merely come before it.
    """
    waits_for = node.upstream if node.kind is NodeKind.RESOLVER else needed(node)
    for name in waits_for:
        match made[name].expectation:
            case Expectation.MISS if not made[name].outputs:
                return name
            case Expectation.UNKNOWN:
                return made[name].until
    return ""


def needed(node: PlannedNode) -> list[str]:
    """The nodes whose outputs are this one's inputs or stand in its parameters."""
    sources = [source.node for sources in node.inputs.values() for source in sources]
    used = [it.head for _, it in references(dict(node.parameters)) if isinstance(it, Reference)]
    return [name for name in node.upstream if name in {*sources, *used}]


def resolved_now(plan: Plan, node: PlannedNode, given: Given, backends: Backends) -> Prediction:
    """A resolver finds now what it would find in the run."""
    query = Query(
        parameters=given.parameters,
        inputs=given.inputs,
        lineage=backends.lineage,
        pipeline=plan.pipeline,
        project=plan.project,
    )
    found = asked(node, backends.resolvers[node.reference](), query)
    outputs = {key: tuple(artifacts) for key, artifacts in found.items()}
    names = [artifact.name for artifacts in outputs.values() for artifact in artifacts]
    reason = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Prediction(node=node.name, expectation=Expectation.FOUND, reason=reason or "nothing fits", outputs=outputs)


def imported_now(plan: Plan, node: PlannedNode, given: Given, backends: Backends) -> Prediction:
    """Imported data is fingerprinted now; whether or not it is known, its digest is."""
    address = Address(run=RUN, node=node.name)
    job = job_of(plan, address, node, given, storage=backends.storage, scratch=Path())
    storage = backends.storage
    store = PayloadStore(
        storage.root, cache=Path(storage.cache) if storage.cache else None, options=dict(storage.options)
    )
    found = artifact_record(str(address), "artifact", fingerprinted(job, store)["artifact"])
    known = imported_before(backends.lineage, found)
    return Prediction(
        node=node.name,
        expectation=Expectation.HIT if known else Expectation.MISS,
        reason=f"same data as {known.name}" if known else f"data that was not imported before: {found.uri}",
        outputs={"artifact": (known or found,)},
    )


def looked_up(plan: Plan, node: PlannedNode, given: Given, backends: Backends) -> Prediction:
    """A component is in the cache, or it is not, and then what differs from its last execution says why."""
    parts = key_parts(node, given.inputs, given.parameters)
    lookup = backends.cache.lookup(node, key_of(parts), given.parameters)
    if lookup.hit:
        return Prediction(node=node.name, expectation=Expectation.HIT, reason=lookup.reason, outputs=by_key(lookup.hit))
    last, differences = why(backends.lineage, plan.pipeline, node.name, parts)
    return Prediction(
        node=node.name,
        expectation=Expectation.MISS,
        reason=miss_reason(lookup.reason, last, [difference.part for difference in differences]),
        last=last,
        differences=tuple(differences),
    )


def miss_reason(reason: str, last: str, parts: list[str]) -> str:
    """Why a lookup missed, with the parts of the key that have changed since the last execution."""
    if reason != UNSEEN:
        return reason
    if not last:
        return "it never ran in this pipeline"
    return f"{', '.join(parts)} changed since {last}" if parts else f"{last} ended without a result"


PREDICTORS = {
    NodeKind.COMPONENT: looked_up,
    NodeKind.LITERAL: looked_up,
    NodeKind.IMPORTER: imported_now,
    NodeKind.RESOLVER: resolved_now,
}


def as_document(prediction: Prediction) -> dict[str, JsonValue]:
    """A prediction as JSON."""
    return {
        "node": prediction.node,
        "expectation": prediction.expectation.value,
        "reason": prediction.reason,
        "until": prediction.until,
        "last": prediction.last,
        "differences": [{"part": it.part, "before": it.before, "now": it.now} for it in prediction.differences],
    }
