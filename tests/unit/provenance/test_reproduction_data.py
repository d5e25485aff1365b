"""Whether data still is what a run read, and what an old run's lineage is given of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionState
from cmcore.provenance.reproduction.data import DataCheck, Standing, checked
from cmcore.provenance.reproduction.seeding import seed
from cmcore.storage.manifest import Manifest
from cmcore.storage.store import PayloadStore
from cmcore.testing.records import RUN, an_artifact, an_execution, completed


@pytest.fixture
def fingerprint(tmp_path: Path) -> Callable[[str], Manifest]:
    return PayloadStore(str(tmp_path / "store")).fingerprint


@pytest.fixture
def imported(tmp_path: Path, fingerprint: Callable[[str], Manifest]) -> ArtifactRecord:
    """A file in the project, imported as it is."""
    file = tmp_path / "project" / "words.txt"
    file.parent.mkdir()
    file.write_text("hello")
    return an_artifact("r1/raw/1/artifact/0", uri=file.as_uri(), digest=fingerprint(file.as_uri()).digest)


def look(
    imported: ArtifactRecord, fingerprint: Callable[[str], Manifest], tmp_path: Path, checkout: Path | None = None
) -> DataCheck:
    return checked("raw", imported, fingerprint, tmp_path / "project", checkout)


def test_the_same_bytes_are_the_same(
    imported: ArtifactRecord, fingerprint: Callable[[str], Manifest], tmp_path: Path
) -> None:
    found = look(imported, fingerprint, tmp_path)
    assert (found.standing, found.usable, found.now) == (Standing.SAME, True, imported)


def test_other_bytes_have_changed(
    imported: ArtifactRecord, fingerprint: Callable[[str], Manifest], tmp_path: Path
) -> None:
    (tmp_path / "project" / "words.txt").write_text("other")
    found = look(imported, fingerprint, tmp_path)
    assert (found.standing, found.usable, found.now.digest != imported.digest) == (Standing.CHANGED, False, True)


def test_no_bytes_are_gone(imported: ArtifactRecord, fingerprint: Callable[[str], Manifest], tmp_path: Path) -> None:
    (tmp_path / "project" / "words.txt").unlink()
    assert look(imported, fingerprint, tmp_path).standing is Standing.GONE


def test_what_the_checked_out_commit_still_has_is_read_from_there(
    imported: ArtifactRecord, fingerprint: Callable[[str], Manifest], tmp_path: Path
) -> None:
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "words.txt").write_text("hello")
    (tmp_path / "project" / "words.txt").write_text("other")
    found = look(imported, fingerprint, tmp_path, tmp_path / "checkout")
    assert (found.standing, found.now.uri) == (Standing.CHECKED_OUT, (tmp_path / "checkout" / "words.txt").as_uri())


def test_a_declared_digest_is_not_computed(
    imported: ArtifactRecord, fingerprint: Callable[[str], Manifest], tmp_path: Path
) -> None:
    (tmp_path / "project" / "words.txt").write_text("other")
    found = look(replace(imported, digest="declared:v1"), fingerprint, tmp_path)
    assert (found.standing, found.usable) == (Standing.DECLARED, True)


def test_declared_data_can_be_gone_as_well(
    imported: ArtifactRecord, fingerprint: Callable[[str], Manifest], tmp_path: Path
) -> None:
    (tmp_path / "project" / "words.txt").unlink()
    assert look(replace(imported, digest="declared:v1"), fingerprint, tmp_path).standing is Standing.GONE


@pytest.fixture
def lineage() -> MemoryLineage:
    return MemoryLineage(clock=lambda: 0.0)


def test_a_seeded_node_is_found_as_its_newest_with_the_recorded_output(lineage: MemoryLineage) -> None:
    seed(lineage, RUN, [completed(an_execution(), an_artifact("r1/train/1/model/0"))], {})
    found = lineage.node_executions(RUN.pipeline, "train")[0]
    assert (found.state, found.outputs[0].artifact.digest) == (ExecutionState.COMPLETE, "sha256:r1/train/1/model/0")


def test_a_seeded_output_is_read_as_data_from_outside(lineage: MemoryLineage) -> None:
    seed(lineage, RUN, [completed(an_execution(), an_artifact("r1/train/1/model/0"))], {})
    assert lineage.node_executions(RUN.pipeline, "train")[0].outputs[0].artifact.facts["imported"] is True


def test_what_is_to_be_read_from_elsewhere_is(lineage: MemoryLineage) -> None:
    artifact = an_artifact("r1/train/1/model/0")
    instead = {artifact.name: replace(artifact, uri="file:///elsewhere")}
    seed(lineage, RUN, [completed(an_execution(), artifact)], instead)
    assert lineage.node_executions(RUN.pipeline, "train")[0].outputs[0].artifact.uri == "file:///elsewhere"


def test_an_artifact_that_two_nodes_gave_is_one(lineage: MemoryLineage) -> None:
    artifact = an_artifact("r0/train/1/model/0")
    found = replace(
        an_execution("r1/latest/1", internal=True), outputs=(Edge(key="model", index=0, artifact=artifact),)
    )
    seed(lineage, RUN, [completed(an_execution(), artifact), found], {})
    assert len(lineage.producers(lineage.latest("Model")[0])) == 2


def test_a_later_round_is_newer_than_what_ran_since(lineage: MemoryLineage) -> None:
    recorded = completed(an_execution(), an_artifact("r1/train/1/model/0"))
    seed(lineage, RUN, [recorded], {})
    lineage.open_run(replace(RUN, run="again"))
    lineage.commit(completed(an_execution("again/train/1"), an_artifact("again/train/1/model/0")))
    seed(lineage, RUN, [recorded], {}, round_number=2)
    assert lineage.node_executions(RUN.pipeline, "train")[0].outputs[0].artifact.name == "r1/train/1/model/0"
