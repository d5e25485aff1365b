"""A blessing for another server, or for other configs, beside what an endpoint asks for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.sandbox.conditions import Asked, Conditions, conditions
from cmcore.sandbox.validator import discovered
from cmcore.serving.difference import Difference
from cmcore.serving.document import Batching, DeploymentConfig, Endpoint, InferenceConfig, Protocol, Variant, WarmUp
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
        Difference(key="protocols", before="rest", after="rest, grpc")
    ]


def test_a_list_that_is_filled_by_now_is_told_by_its_elements(under: dict[str, object]) -> None:
    filled = DOCUMENT.model_copy(update={"inference": InferenceConfig(batching=Batching(preferred_batch_sizes=(8,)))})
    keys = [it.key for it in differing(under, filled, filled.main)]  # type: ignore[arg-type] # JSON
    assert keys == ["inference.batching.preferred_batch_sizes.0"]


def test_a_report_from_before_a_key_was_there_has_its_default(under: dict[str, object]) -> None:
    deployment = cast("dict[str, object]", under["deployment"])
    older = {**under, "deployment": {name: it for name, it in deployment.items() if name != "gpus"}}
    assert differing(older, DOCUMENT, DOCUMENT.main) == []  # type: ignore[arg-type] # JSON


def test_a_report_that_cannot_be_read_says_nothing(under: dict[str, object]) -> None:
    assert differing({**under, "deployment": {"of": "tomorrow"}}, DOCUMENT, DOCUMENT.main) == []  # type: ignore[arg-type] # JSON


@pytest.mark.parametrize(("blessed", "keys"), [(None, []), (False, []), (True, ["backend"])])
def test_only_of_a_blessed_version_it_is_told(
    under: dict[str, object], tmp_path: Path, blessed: bool | None, keys: list[str]
) -> None:
    (tmp_path / "infra_validation.json").write_text(json.dumps({"conditions": under}))
    lineage = MemoryLineage()
    report = ArtifactRecord(
        name="r/check/1/infra/0", type_name="InfraBlessing", uri=tmp_path.as_uri(), digest="sha256:1"
    )
    lineage.open_run(RunRecord(run="r", pipeline="p", project="demo"))
    lineage.commit(ExecutionRecord(
        name="r/check/1", type_name="InfraValidator", state=ExecutionState.COMPLETE, project="demo", pipeline="p",
        run="r", node="check", outputs=(Edge(key="infra", index=0, artifact=report),),
    ))  # fmt: skip
    project = cast("Project", SimpleNamespace(lineage=lineage))
    facts = SimpleNamespace(infra_blessed=blessed, evidence={"infra_blessing": report.name})
    on_ray = DOCUMENT.model_copy(update={"backend": "ray"})
    version = cast("ModelVersion", SimpleNamespace(facts=facts))
    assert [it.key for it in blessed_otherwise(project, on_ray, on_ray.main, version)] == keys


def test_nothing_is_told_where_there_is_no_report() -> None:
    project = cast("Project", SimpleNamespace(lineage=MemoryLineage()))
    version = cast("ModelVersion", SimpleNamespace(facts=SimpleNamespace(infra_blessed=True, evidence={})))
    assert blessed_otherwise(project, DOCUMENT, DOCUMENT.main, version) == []
