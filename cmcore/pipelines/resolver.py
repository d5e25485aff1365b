"""Resolver: finds artifacts of earlier runs when a pipeline runs. The Protocol, and the three that cmcore ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.components.spec import ComponentSpec, InputSpec, OutputSpec, ParameterSpec
from cmcore.errors import UsageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.lineage.store import LineageStore

SEARCHED = 1000
NODE = ParameterSpec(type="str", default="", description="only what this node published; empty: any node")
Found = Mapping[str, Sequence[ArtifactRecord]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a resolver is asked: its parameters, the artifacts on its inputs, where to look, and for which pipeline."""

    parameters: Mapping[str, JsonValue]
    inputs: Found
    lineage: LineageStore
    pipeline: str
    project: str = ""

    def latest(self, type_name: str) -> list[ArtifactRecord]:
        """Artifacts of a type, newest first, that this project's pipeline published.

        The parameter `any_pipeline` widens that to the project's other pipelines, `node` narrows it to one node.
        """
        pipeline = "" if self.parameters.get("any_pipeline") else self.pipeline
        node = self.parameters.get("node")
        found = self.lineage.latest(type_name, pipeline=pipeline, limit=SEARCHED)
        own = [it for it in found if self.project in ("", it.project)]  # a store may serve many projects
        return [it for it in own if not node or Address.parse("/".join(it.name.split("/")[:3])).node == node]


class Resolver(Protocol):
    """A named query. What it finds enters the cache key of its readers by content digest, not by name or time."""

    def spec(self, parameters: Mapping[str, JsonValue]) -> ComponentSpec:
        """Its inputs, parameters and outputs, which may depend on the parameters given."""
        ...

    def resolve(self, query: Query) -> Found:
        """The artifacts of each output, best first; empty where nothing fits (readers must be optional then)."""
        ...


class LatestArtifact:
    """`latest-artifact`: the newest artifact of a type, of this pipeline or of any."""

    def spec(self, parameters: Mapping[str, JsonValue]) -> ComponentSpec:
        return ComponentSpec(
            name="latest-artifact",
            parameters={
                "type": ParameterSpec(type="str", description="artifact type"),
                "node": NODE,
                "any_pipeline": ParameterSpec(type="bool", default=False),
            },
            outputs={"artifact": OutputSpec(type=str(parameters.get("type", "Artifact")))},
        )

    def resolve(self, query: Query) -> Found:
        type_name = self.spec(query.parameters).outputs["artifact"].artifact_type.type_name
        return {"artifact": query.latest(type_name)[:1]}


class LatestBlessedModel:
    """`latest-blessed-model`: the newest model with a positive Blessing, other than `candidate` by content.

    Without that exception a second run of the same pipeline would find its own candidate and could never be cached.
    """

    def spec(self, parameters: Mapping[str, JsonValue]) -> ComponentSpec:
        return ComponentSpec(
            name="latest-blessed-model",
            inputs={"candidate": InputSpec(type="Model", optional=True)},
            parameters={"any_pipeline": ParameterSpec(type="bool", default=False)},
            outputs={"model": OutputSpec(type="Model")},
        )

    def resolve(self, query: Query) -> Found:
        candidates = {artifact.digest for artifact in query.inputs.get("candidate", ())}
        models = {model.digest: model for model in reversed(query.latest("Model"))}
        for blessing in query.latest("ModelBlessing"):
            digest = blessing.properties.get("current_model")
            if blessing.properties.get("blessed") and digest in models and digest not in candidates:
                return {"model": [models[str(digest)]]}
        return {"model": []}


class SpanRange:
    """`span-range`: the examples of spans `first` to `last`, the newest of each span, in the order of spans."""

    def spec(self, parameters: Mapping[str, JsonValue]) -> ComponentSpec:
        return ComponentSpec(
            name="span-range",
            parameters={
                "first": ParameterSpec(type="int", default=0),
                "last": ParameterSpec(type="int | None", default=None, description="none: up to the newest"),
                "count": ParameterSpec(type="int | None", default=None, ge=1, description="only the newest so many"),
                "node": NODE,
            },
            outputs={"examples": OutputSpec(type="Examples")},
        )

    def resolve(self, query: Query) -> Found:
        first, last = query.parameters.get("first") or 0, query.parameters.get("last")
        newest: dict[int, ArtifactRecord] = {}
        for examples in query.latest("Examples"):
            span = examples.properties.get("span")
            if isinstance(span, int) and within(span, first, last):
                newest.setdefault(span, examples)
        spans = sorted(newest)
        count = query.parameters.get("count")
        kept = spans[-count:] if isinstance(count, int) else spans
        return {"examples": [newest[span] for span in kept]}


def within(span: int, first: JsonValue, last: JsonValue) -> bool:
    """Whether a span lies in a range whose end may be open; raises UsageError for bounds that are no integers."""
    if not isinstance(first, int) or not (last is None or isinstance(last, int)):
        raise UsageError(f"spans are counted in integers; found first={first!r}, last={last!r}")
    return first <= span and (last is None or span <= last)
