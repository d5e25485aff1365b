"""The cache: earlier executions with the same key, used only after their payloads have been looked at."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from cmcore.components.code.reference import CodeRef
from cmcore.components.spec import Effect
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord
from cmcore.lineage.store import LineageStore
from cmcore.pipelines.document import CachePolicy
from cmcore.pipelines.plan import PlannedNode
from cmcore.runtime.effects import INTENTS, Effects, stale
from cmcore.runtime.key import Difference, differences
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode

CANDIDATES = 5
UNSEEN = "no execution with this key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A hit has the execution whose outputs are used; a miss has only the reason."""

    hit: ExecutionRecord | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Looks keys up in one lineage and one payload store; `verify` says how closely payloads are looked at.

    `folder` is the project's, where executors work and checks are made.
    """

    lineage: LineageStore
    payloads: PayloadStore
    folder: Path
    verify: VerifyMode = VerifyMode.AUTO
    effects: Effects = field(default_factory=dict)

    def lookup(self, node: PlannedNode, key: str, parameters: Mapping[str, JsonValue]) -> Lookup:
        """The newest execution with this key whose outputs still are what was recorded."""
        if closed := closed_to_cache(node):
            return Lookup(reason=closed)
        reason = UNSEEN
        for execution in self.lineage.cached(key, limit=CANDIDATES):
            reason = self.damage(execution) or self.stale_effect(node, execution, parameters)
            if not reason:
                return Lookup(hit=execution, reason=f"same key as {execution.name}")
        return Lookup(reason=reason)

    def damage(self, execution: ExecutionRecord) -> str:
        """Why an execution's outputs cannot be served; empty if they can."""
        for edge in execution.outputs:
            artifact = edge.artifact
            verdict = self.payloads.verify(artifact.uri, artifact.digest, self.verify)
            if not verdict.ok:
                return f"the payload of {artifact.name} is damaged: {verdict.reason}"
        return ""

    def stale_effect(self, node: PlannedNode, execution: ExecutionRecord, parameters: Mapping[str, JsonValue]) -> str:
        """Why an external effect must happen again: its own check says that the world has changed, or it has none."""
        if node.spec.effect is not Effect.EXTERNAL:
            return ""
        if INTENTS in execution.facts:
            return stale(execution, self.effects)
        if not node.spec.check:
            return "it changes the world outside and declares no check"
        properties = {edge.key: dict(edge.artifact.properties) for edge in execution.outputs}
        digests = {edge.key: edge.artifact.digest for edge in execution.inputs}
        try:
            check = CodeRef(node.spec.check).load()
            assert callable(check)
            with chdir(self.folder):  # where the executor worked
                holds = check(parameters=dict(parameters), outputs=properties, input_digests=digests)
        except Exception as error:  # noqa: BLE001 # the border: a check is its author's code, and must not end the run
            return f"its check {node.spec.check} failed: {type(error).__name__}: {error}"
        return "" if holds else f"its check {node.spec.check} says that its effect no longer holds"


def closed_to_cache(node: PlannedNode) -> str:
    """Why the cache is not asked for this node at all; empty if it is."""
    if node.in_process:
        return "its code cannot be imported again, so it has no digest"
    return {
        CachePolicy.OFF: "its cache is off",
        CachePolicy.REFRESH: "a refresh was asked for",
        CachePolicy.AUTO: "",
    }[node.cache]


def imported_before(lineage: LineageStore, imported: ArtifactRecord) -> ArtifactRecord | None:
    """The artifact under which the very same bytes at the same place, with the same properties, are recorded."""
    for artifact in lineage.artifacts_by_uri(imported.uri):
        same = (artifact.digest, artifact.type_name) == (imported.digest, imported.type_name)
        if same and dict(artifact.properties) == dict(imported.properties):
            return artifact
    return None


def why(lineage: LineageStore, pipeline: str, node: str, now: Mapping[str, JsonValue]) -> tuple[str, list[Difference]]:
    """The last execution of a node that has key parts, and the parts in which it differs from now."""
    for execution in lineage.node_executions(pipeline, node):
        before = execution.facts.get("cache_parts")
        if isinstance(before, dict):
            return execution.name, differences(before, now)
    return "", []
