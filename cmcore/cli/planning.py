"""From words on the command line to a plan: the pipeline found, parameters set, nodes chosen, cache policy applied."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.cli.invocation import Invocation
from cmcore.cli.sets import Sets, parameter_values
from cmcore.document.wording import did_you_mean
from cmcore.errors import UsageError
from cmcore.pipelines.document import CachePolicy, Pipeline
from cmcore.pipelines.load import LoadedPipeline, load_pipeline
from cmcore.pipelines.plan import NodeKind, Plan, PlannedNode, selected
from cmcore.settings import PARAMETER_PREFIX, parsed
from cmcore.stack import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What `--from`, `--to` and `--only` say."""

    first: Collection[str] = ()
    last: Collection[str] = ()
    only: Collection[str] = ()

    def chosen(self, plan: Plan) -> set[str]:
        """The nodes to run; empty means all. Raises UsageError for names that do not exist and for an empty choice."""
        names = [node.name for node in plan.nodes]
        for name in (*self.first, *self.last, *self.only):
            if name not in names:
                known = f"nodes: {', '.join(names)}"
                raise UsageError(f"pipeline {plan.pipeline!r} has no node {name!r}{did_you_mean(name, names)}; {known}")
        found = selected(plan, first=self.first, last=self.last, only=self.only)
        if not found:
            raise UsageError("no node lies between --from and --to; leave one of them out, or swap them")
        return set() if len(found) == len(names) else with_literals(plan, found)


def with_literals(plan: Plan, chosen: set[str]) -> set[str]:
    """The chosen nodes and the values that stand in their inputs: a value needs no earlier run."""
    literals = {node.name for node in plan.nodes if node.kind is NodeKind.LITERAL}
    return chosen | {name for node in plan.nodes if node.name in chosen for name in node.upstream if name in literals}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan with what it was made from."""

    project: Project
    loaded: LoadedPipeline
    plan: Plan

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that is planned."""
        return self.loaded.pipeline


@contextmanager
def planned(
    invocation: Invocation, target: str, sets: Sets, *, settings: Mapping[str, str] | None = None
) -> Iterator[Planned]:
    """The plan of the pipeline that `target` names, in the project that is meant; `settings` win over `sets`."""
    with invocation.project({**sets.settings, **(settings or {})}) as project:
        loaded = load_pipeline(target, project.roots())
        values = parameter_values(sets.parameters, loaded.pipeline.parameters, below(project, loaded.pipeline))
        plan = project.plan(loaded.pipeline, values, source=loaded.source, locate=loaded.locate)
        yield Planned(project=project, loaded=loaded, plan=plan)


def below(project: Project, pipeline: Pipeline) -> dict[str, JsonValue]:
    """What file and environment say of a pipeline's parameters: what `--set cfg.lr=...` changes one field of."""
    from_file = {key: value for key, value in project.settings.values.parameters.items() if key in pipeline.parameters}
    variables = {key: os.environ.get(PARAMETER_PREFIX + key.upper()) for key in pipeline.parameters}
    return {**from_file, **{key: parsed(text) for key, text in variables.items() if text is not None}}


def with_cache(plan: Plan, policy: CachePolicy) -> Plan:
    """The plan with another cache policy for all nodes; a node whose cache is off keeps it off."""

    def changed(node: PlannedNode) -> PlannedNode:
        return node if node.cache is CachePolicy.OFF else node.model_copy(update={"cache": policy})

    return plan.model_copy(update={"nodes": [changed(node) for node in plan.nodes]})
