"""Burial, event, bytes: in this order, and each again if need be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cmcore.address import Address
from cmcore.errors import LeaseLostError
from cmcore.events import EventKind
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord
from cmcore.retention.collection import Collector
from cmcore.retention.verdicts import Verdict
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.storage.store import PayloadStore
from cmcore.testing.records import RUN, an_artifact, an_execution, completed


@dataclass(frozen=True, kw_only=True)
class World:
    """A collector, and one payload that may go."""

    collector: Collector
    verdict: Verdict

    @property
    def artifact(self) -> ArtifactRecord:
        found = self.collector.lineage.artifact("r1/train/1/model/0")
        assert found is not None
        return found

    @property
    def told(self) -> list[object]:
        events = self.collector.journal.read()
        return [event.data["uri"] for event in events if event.kind is EventKind.PAYLOAD_DELETED]

    def again(self) -> Verdict:
        """The verdict of a later look."""
        return replace(self.verdict, artifacts=(self.artifact,), buried=self.artifact.deleted)


@pytest.fixture
def world(tmp_path: Path, database: StateDatabase) -> World:
    lineage, payloads = MemoryLineage(), PayloadStore(str(tmp_path / "artifacts"))
    output = payloads.output(Address(run="r1", node="train"), "model")
    (output.path / "model.bin").write_bytes(b"x" * 10)
    output.seal()
    lineage.open_run(RUN)
    (edge,) = lineage.commit(completed(an_execution(), an_artifact("r1/train/1/model/0", uri=output.uri))).outputs
    collector = Collector(
        lineage=lineage,
        journal=Journal(database),
        payloads=payloads,
        actor="ada",
        by="collected by ada",
        clock=lambda: 5.0,
    )
    return World(
        collector=collector,
        verdict=Verdict(uri=output.uri, run="r1", size_bytes=10, artifacts=(edge.artifact,), reason="old"),
    )


def nothing() -> None:
    """It may still be decided."""


def lost() -> None:
    raise LeaseLostError("somebody else collects")


def test_what_is_buried_is_recorded_as_deleted_and_told(world: World) -> None:
    world.collector.bury([world.verdict], still=nothing)
    assert (world.artifact.deleted, world.told) == (True, [world.verdict.uri])


def test_the_event_says_what_went_and_why(world: World) -> None:
    world.collector.bury([world.verdict], still=nothing)
    (event,) = world.collector.journal.read()
    assert (event.run, event.node, event.address, event.data) == (
        "r1",
        "train",
        "r1/train/1",
        {
            "uri": world.verdict.uri,
            "artifacts": ["r1/train/1/model/0"],
            "digest": "sha256:r1/train/1/model/0",
            "size_bytes": 10,
            "reason": "collected by ada",
            "actor": "ada",
        },
    )


def test_bytes_go_last(world: World) -> None:
    world.collector.bury([world.verdict], still=nothing)
    there = list(world.collector.payloads.attempts())
    world.collector.delete(world.verdict)
    assert (len(there), list(world.collector.payloads.attempts())) == (1, [])


def test_nothing_is_buried_once_the_lease_is_lost(world: World) -> None:
    with pytest.raises(LeaseLostError):
        world.collector.bury([world.verdict], still=lost)
    assert (world.artifact.deleted, world.told) == (False, [])


def test_a_burial_that_was_told_is_not_told_again(world: World) -> None:
    world.collector.bury([world.verdict], still=nothing)
    world.collector.bury([world.again()], still=nothing)
    assert len(world.told) == 1


def test_a_burial_that_was_not_told_is_told_later(world: World) -> None:
    world.collector.lineage.bury(["r1/train/1/model/0"], at=1.0, reason="killed before it was told")
    world.collector.bury([world.again()], still=nothing)
    assert world.told == [world.verdict.uri]


def test_deleting_again_is_fine(world: World) -> None:
    world.collector.delete(world.verdict)
    world.collector.delete(world.verdict)
    assert list(world.collector.payloads.attempts()) == []
