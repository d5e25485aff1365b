"""A catalog without plugins, and plans made with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cmcore.document.model import load
from cmcore.document.text import parse
from cmcore.errors import DocumentError
from cmcore.pipelines.catalog import Catalog
from cmcore.pipelines.document import Pipeline
from cmcore.pipelines.graph import Binding, plan_of
from cmcore.pipelines.plan import LayeredValue, Plan
from cmcore.pipelines.resolver import LatestArtifact, LatestBlessedModel, SpanRange

STEPS = "tests.unit.pipelines.steps"
NAMES = ("make", "embed", "train", "merge", "read", "read_any", "push", "tune")
MakePlan = Callable[..., Plan]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog(
        components={name: f"{STEPS}:{name}" for name in NAMES},
        resolvers={
            "latest-artifact": LatestArtifact, "latest-blessed-model": LatestBlessedModel, "span-range": SpanRange,
        },
    )  # fmt: skip


@pytest.fixture(scope="session")
def planned(catalog: Catalog) -> MakePlan:
    """The plan of a pipeline, or of YAML text with some nodes."""

    def plan(
        source: Pipeline | str,
        parameters: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Plan:
        pipeline = source if isinstance(source, Pipeline) else of_yaml(source)
        layers = {key: LayeredValue(value=value, layer="set") for key, value in (parameters or {}).items()}
        roots = [Path(__file__).parents[3]]
        return plan_of(pipeline, catalog, Binding(parameters=layers, environment=environment or {}, roots=roots))

    return plan


@pytest.fixture(scope="session")
def problems(planned: MakePlan) -> Callable[..., list[str]]:
    """What is wrong with a pipeline, problem by problem; empty if nothing is."""

    def wrong(*args: object, **kwargs: object) -> list[str]:
        try:
            planned(*args, **kwargs)
        except DocumentError as error:
            return [str(problem) for problem in error.problems]
        return []

    return wrong


def of_yaml(text: str) -> Pipeline:
    """The pipeline of a document; `nodes` alone will do."""
    head = "" if text.startswith("kind:") else "kind: Pipeline\nname: p\n"
    return load(parse((head + text).encode(), file="p.yaml"), Pipeline)


@pytest.fixture
def golden() -> Callable[[str, str], str]:
    """The text that a golden file holds; with $CM_GOLDEN it is written first."""

    def kept(name: str, text: str) -> str:
        path = Path(__file__).parent / "golden" / name
        if os.environ.get("CM_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        return path.read_text(encoding="utf-8")

    return kept
