"""Giving a new lineage what an old run read: recorded executions with their outputs, as a run there would find them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.lineage.store import LineageStore


def seed(
    lineage: LineageStore,
    run: RunRecord,
    executions: Iterable[ExecutionRecord],
    instead: Mapping[str, ArtifactRecord],
    *,
    round_number: int = 1,
) -> None:
    """Record executions of an old run as its own, so that they are the newest of their nodes.

    Their outputs stay where they lie, as data from outside: `instead` gives by name those that are to be read from
    elsewhere. Each round names them anew, because a node that ran since would otherwise be newer.
    """
    name = f"recorded-{round_number}"
    lineage.open_run(replace(run, run=name, id=0))
    for each in executions:
        outputs = tuple(
            Edge(key=edge.key, index=edge.index, artifact=_given(lineage, edge.artifact, instead))
            for edge in each.outputs
        )
        given = replace(
            each,
            name=f"{name}/{each.node}/1",
            run=name,
            pipeline=run.pipeline,
            project=run.project,
            state=ExecutionState.COMPLETE,
            cache_key="",
            internal=False,
            parameters={},
            facts={},
            inputs=(),
            outputs=outputs,
            id=0,
        )
        lineage.commit(given)


def _given(lineage: LineageStore, artifact: ArtifactRecord, instead: Mapping[str, ArtifactRecord]) -> ArtifactRecord:
    known = lineage.artifact(artifact.name)
    if known is not None:
        return known
    found = instead.get(artifact.name, artifact)
    return replace(found, id=0, facts={**found.facts, "imported": True})
