"""What is said of a node that ran again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from pydantic import JsonValue

from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord
from cmcore.provenance.reproduction.verdict import (
    MetricComparison,
    NodeComparison,
    Verdict,
    compared,
    differing_files,
    node_document,
)
from cmcore.storage.manifest import FileEntry, Manifest
from cmcore.testing.records import an_artifact, an_execution, completed

OUTPUTS = ["model"]


def ran(
    digest: str = "sha256:a", *, facts: Mapping[str, JsonValue] | None = None, **changes: object
) -> ExecutionRecord:
    return completed(an_execution(facts=facts or {}), an_artifact("r1/train/1/model/0", digest=digest, **changes))


def all_files(then: ArtifactRecord, now: ArtifactRecord) -> tuple[str, ...]:
    return (f"{then.digest} {now.digest}",)


def verdict(then: ExecutionRecord, now: ExecutionRecord) -> Verdict:
    return compared(then, now, OUTPUTS, all_files).verdict


def test_equal_digests_metrics_and_properties_are_equal() -> None:
    assert verdict(ran(), ran()) is Verdict.EQUAL


def test_another_digest_differs_and_its_files_are_named() -> None:
    found = compared(ran(), ran("sha256:b"), OUTPUTS, all_files)
    assert (found.verdict, found.outputs[0].files) == (Verdict.DIFFERS, ("sha256:a sha256:b",))


def test_another_property_differs_and_is_named() -> None:
    found = compared(ran(properties={"rows": 1}), ran(properties={"rows": 2}), OUTPUTS, all_files)
    assert (found.verdict, found.outputs[0].properties) == (Verdict.DIFFERS, ("rows",))


def test_another_metric_differs_by_how_much() -> None:
    found = compared(ran(facts={"metric.auc": 0.9}), ran(facts={"metric.auc": 0.8}), OUTPUTS, all_files)
    assert (found.verdict, round(found.metrics[0].difference or 0, 3)) == (Verdict.DIFFERS, -0.1)


def test_a_metric_that_only_one_told_differs() -> None:
    assert verdict(ran(facts={"metric.auc": 0.9}), ran()) is Verdict.DIFFERS


def test_not_a_number_twice_is_equal() -> None:
    assert verdict(ran(facts={"metric.auc": math.nan}), ran(facts={"metric.auc": math.nan})) is Verdict.EQUAL


def test_how_long_it_took_does_not_count() -> None:
    assert verdict(ran(facts={"duration_s": 1.0}), ran(facts={"duration_s": 2.0})) is Verdict.EQUAL


def test_an_output_that_the_component_does_not_declare_does_not_count() -> None:
    tracked = Edge(key="tracked_files", index=0, artifact=an_artifact("r1/train/1/tracked_files/0"))
    now = ran()
    assert verdict(ran(), replace(now, outputs=(*now.outputs, tracked))) is Verdict.EQUAL


def test_a_missing_output_differs() -> None:
    assert verdict(ran(), replace(ran(), outputs=())) is Verdict.DIFFERS


def test_files_that_changed_came_or_went_are_named() -> None:
    then, now = (
        Manifest(files=tuple(FileEntry(path=path, size=1, sha256=digest) for path, digest in files))
        for files in ((("a", "1"), ("b", "2"), ("c", "3")), (("a", "1"), ("b", "9"), ("d", "4")))
    )
    assert differing_files(then, now) == ("b", "c", "d")


def test_the_document_tells_both_sides() -> None:
    found = compared(ran(), ran("sha256:b"), OUTPUTS, all_files)
    assert node_document(found)["outputs"] == [
        {
            "key": "model", "equal": False, "then": ["sha256:a"], "now": ["sha256:b"], "files": ["sha256:a sha256:b"],
            "properties": [],
        }
    ]  # fmt: skip


def test_a_metric_without_one_side_has_no_difference() -> None:
    assert MetricComparison(name="auc", then=None, now=1.0).difference is None


def test_a_comparison_tells_whether_the_node_was_given_what_it_read_then() -> None:
    found = compared(ran(), ran(), OUTPUTS, all_files, again=True)
    assert found == NodeComparison(node="train", verdict=Verdict.EQUAL, outputs=found.outputs, on_recorded_inputs=True)
