"""The lineage is away while an endpoint is served: the steps go on, and it is told why the lineage is behind."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from cmcore.errors import LineageError
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ExecutionRecord
from cmcore.serving.controller import Controller
from cmcore.serving.status import Condition, condition
from cmcore.serving.store import Endpoints
from cmcore.stack.serving import publish, settle
from cmcore.state.database import StateDatabase
from cmcore.state.lease import Lease
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from tests.unit.serving.wanted import candidate, document

if TYPE_CHECKING:
    from cmcore.stack import Project


class AwayLineage(MemoryLineage):
    """A store that cannot be reached."""

    def execution(self, name: str) -> ExecutionRecord | None:
        raise LineageError("connection refused")


def project_of(database: StateDatabase, lineage: MemoryLineage) -> Project:
    """As much of a project as publishing needs."""
    return cast("Project", SimpleNamespace(database=database, lineage=lineage, name="demo"))


def test_an_endpoint_is_served_and_the_lineage_is_behind_with_its_reason(
    database: StateDatabase, endpoints: Endpoints, lease: Lease, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    server, told = MemoryServer(), list[tuple[str, str]]()
    settle(
        project_of(database, AwayLineage()),
        Controller(endpoints, lease, lambda _: MemoryServing(server)),
        "tiny",
        until=lambda: False,
        told=lambda name, step: told.append((name, str(step))) if isinstance(step, LineageError) else None,
    )
    assert condition(endpoints.state("tiny"), {}) is Condition.READY
    assert set(told) == {("", "connection refused")}


def test_what_was_not_written_is_written_once_the_lineage_is_there(
    database: StateDatabase, endpoints: Endpoints, lease: Lease, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    server, lineage = MemoryServer(), MemoryLineage()
    controller = Controller(endpoints, lease, lambda _: MemoryServing(server))
    settle(project_of(database, AwayLineage()), controller, "tiny", until=lambda: False)
    assert publish(project_of(database, lineage)) is None
    assert lineage.execution("endpoint-tiny-1.0.0-1/deploy/1") is not None
