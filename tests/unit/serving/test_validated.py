"""A blessing for another server, or for other configs, beside what an endpoint asks for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from cmcore.lineage.memory import MemoryLineage
from cmcore.sandbox.conditions import Asked, Conditions, conditions
from cmcore.sandbox.validator import discovered
from cmcore.serving.difference import Difference
from cmcore.serving.document import DeploymentConfig, Endpoint, InferenceConfig, Protocol, Variant, WarmUp
from cmcore.settings import ProjectSettings
from cmcore.stack.validated import blessed_otherwise, differing

if TYPE_CHECKING:
    from cmcore.registry.values import ModelVersion
    from cmcore.stack import Project

DOCUMENT = Endpoint(name="delays", backend="triton", variants=(Variant(model="delays@production"),))


@pytest.fixture(scope="module")
def under() -> dict[str, object]:
    """Conditions as a report records them: of a pipeline that validates for Triton, with the defaults."""
    found: Conditions = conditions(
        Asked(backend="triton"), folder=Path(), settings=ProjectSettings(), plugins=discovered(ProjectSettings())
    )
    return cast("dict[str, object]", json.loads(found.model_dump_json()))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"protocols": (Protocol.REST,)}, []),
        ({"draining": {"quiet_s": 9.0}}, []),
        ({"backend": "ray"}, [Difference(key="backend", before="triton", after="ray")]),
        (
            {"deployment": DeploymentConfig(instances=2)},
            [Difference(key="deployment.instances", before=1, after=2)],
        ),
        (
            {"inference": InferenceConfig(warm_up=WarmUp(batch_sizes=(1, 8)))},
            [Difference(key="inference.warm_up.batch_sizes.1", before=None, after=8)],
        ),
    ],
)
def test_what_was_tried_otherwise_is_told_key_by_key(
    under: dict[str, object], changes: dict[str, object], told: list[Difference]
) -> None:
    document = Endpoint.model_validate({**DOCUMENT.model_dump(exclude=set(changes)), **changes})
    assert differing(under, document, document.main) == told  # type: ignore[arg-type] # JSON


def test_a_protocol_that_was_not_tried_is_told(under: dict[str, object]) -> None:
    tried = cast("dict[str, object]", under["document"])
    rest_only = {**under, "document": {**tried, "protocols": ["rest"]}}
    assert differing(rest_only, DOCUMENT, DOCUMENT.main) == [  # type: ignore[arg-type] # JSON
        Difference(key="protocols.grpc", before=None, after="tried")
    ]


@pytest.mark.parametrize("blessed", [None, False, True])
def test_nothing_is_told_where_there_is_no_report(blessed: bool | None) -> None:
    project = cast("Project", SimpleNamespace(lineage=MemoryLineage()))
    version = cast("ModelVersion", SimpleNamespace(facts=SimpleNamespace(infra_blessed=blessed, evidence={})))
    assert blessed_otherwise(project, DOCUMENT, DOCUMENT.main, version) == []
