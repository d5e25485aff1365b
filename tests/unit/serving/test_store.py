"""What is wanted of endpoints, and how far they are, in the state database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cmcore.errors import LeaseHeldError, LeaseLostError, NotFoundError, OutdatedError, StateError, UsageError
from cmcore.events import EventKind
from cmcore.serving.states import Change, DeploymentState
from cmcore.serving.store import Endpoints
from cmcore.serving.tables import METADATA, SERVING_BRANCH
from cmcore.serving.values import Hold
from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder
from cmcore.state.journal import Journal
from cmcore.state.lease import COLLECTION, Lease, Leases
from cmcore.state.migration import HERE
from tests.unit.serving.wanted import candidate, document


def kinds(database: StateDatabase) -> list[EventKind]:
    """What the log tells."""
    return [event.kind for event in Journal(database).read()]


def advance(endpoints: Endpoints, lease: Lease, changes: Sequence[Change]) -> None:
    """Let these happen to the only deployment."""
    for change in changes:
        state = endpoints.state("tiny")
        endpoints.changed(lease, state, state.deployments[-1], change)


WARM = (Change.PLACED, Change.LOADED, Change.WARMED)


def test_the_declared_head_is_the_newest_script() -> None:
    scripts = ScriptDirectory(str(HERE), version_locations=[str(SERVING_BRANCH.scripts)])
    assert scripts.get_heads() == [SERVING_BRANCH.head]


def test_migrations_make_the_tables_that_the_code_expects(database: StateDatabase) -> None:
    with database.reading() as connection:
        options = {"include_object": lambda _, name, kind, *__: kind != "table" or name in METADATA.tables}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_applying_declares_a_deployment_with_a_name_of_its_own(endpoints: Endpoints, tmp_path: Path) -> None:
    revision = endpoints.apply(document(), [candidate(tmp_path)])
    deployment = endpoints.state("tiny").deployments[0]
    assert (revision.wanted, deployment.name, deployment.state) == (
        {"main": 1},
        "tiny-1.0.0-1",
        DeploymentState.DECLARED,
    )


def test_applying_the_same_again_changes_nothing(endpoints: Endpoints, tmp_path: Path, database: StateDatabase) -> None:
    first = endpoints.apply(document(), [candidate(tmp_path)])
    assert (endpoints.apply(document(), [candidate(tmp_path)]), len(kinds(database))) == (first, 1)


def test_what_means_the_same_is_the_same_deployment(endpoints: Endpoints, tmp_path: Path) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    revision = endpoints.apply(document(description="told better"), [candidate(tmp_path)])
    assert (revision.number, revision.wanted, len(endpoints.deployments("tiny"))) == (2, {"main": 1}, 1)


def test_another_version_is_another_deployment(endpoints: Endpoints, tmp_path: Path) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    revision = endpoints.apply(document("tiny@1.1.0"), [candidate(tmp_path, "1.1.0")])
    assert (revision.wanted, revision.resolved) == ({"main": 2}, {"main": "tiny@1.1.0"})


def test_going_back_to_what_still_drains_uses_it_again(endpoints: Endpoints, tmp_path: Path, lease: Lease) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    advance(endpoints, lease, (*WARM, Change.RETIRED))
    endpoints.apply(document("tiny@1.1.0"), [candidate(tmp_path, "1.1.0")])
    assert endpoints.apply(document(), [candidate(tmp_path)]).wanted == {"main": 1}


def test_what_was_refused_is_not_used_again(endpoints: Endpoints, tmp_path: Path, lease: Lease) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    advance(endpoints, lease, (Change.REFUSED, Change.CLEARED))
    assert endpoints.apply(document(), [candidate(tmp_path)]).wanted == {"main": 2}


def test_recycling_wants_nothing_and_keeps_the_document(endpoints: Endpoints, tmp_path: Path) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    revision = endpoints.recycle("tiny")
    assert (revision.wanted, revision.document) == ({}, document())


def test_a_change_based_on_an_older_revision_is_refused(endpoints: Endpoints, tmp_path: Path) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    with pytest.raises(OutdatedError, match="ada made revision 1"):
        endpoints.apply(document("tiny@1.1.0"), [candidate(tmp_path, "1.1.0")], over=0)


def test_nothing_is_applied_while_payloads_are_collected(
    endpoints: Endpoints, tmp_path: Path, database: StateDatabase
) -> None:
    Leases(database).acquire(COLLECTION, Holder.this("gc"), ttl_s=60)
    with pytest.raises(LeaseHeldError):
        endpoints.apply(document(), [candidate(tmp_path)])


def test_an_endpoint_that_is_not_there_is_told_with_those_that_are(endpoints: Endpoints, tmp_path: Path) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    with pytest.raises(NotFoundError, match=r"no endpoint 'tyni'; this project has tiny"):
        endpoints.state("tyni")


def test_another_project_in_the_same_database_does_not_see_it(
    endpoints: Endpoints, tmp_path: Path, database: StateDatabase
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    other = Endpoints(database, project="other", actor="bob")
    with pytest.raises(UsageError, match="belongs to the project 'demo'"):
        other.apply(document(), [candidate(tmp_path)])
    assert other.names() == []


def test_each_change_is_an_event_with_the_reason(
    endpoints: Endpoints, tmp_path: Path, lease: Lease, database: StateDatabase
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    state = endpoints.state("tiny")
    endpoints.changed(lease, state, state.deployments[0], Change.REFUSED, reason="no such file")
    event = Journal(database).read()[-1]
    assert (event.kind, event.data["name"], event.data["reason"]) == (
        EventKind.DEPLOYMENT_CHANGED, "tiny-1.0.0-1", "no such file",
    )  # fmt: skip


def test_a_change_that_cannot_be_is_refused(endpoints: Endpoints, tmp_path: Path, lease: Lease) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    with pytest.raises(StateError, match="a deployment that is DECLARED cannot be warmed"):
        advance(endpoints, lease, [Change.WARMED])


def test_a_change_decided_for_an_older_revision_is_refused(endpoints: Endpoints, tmp_path: Path, lease: Lease) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    seen = endpoints.state("tiny")
    endpoints.recycle("tiny")
    with pytest.raises(OutdatedError):
        endpoints.changed(lease, seen, seen.deployments[0], Change.PLACED)


def test_a_change_that_happened_meanwhile_is_refused(endpoints: Endpoints, tmp_path: Path, lease: Lease) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    seen = endpoints.state("tiny")
    endpoints.changed(lease, seen, seen.deployments[0], Change.PLACED)
    with pytest.raises(OutdatedError):
        endpoints.changed(lease, seen, seen.deployments[0], Change.PLACED)


def test_who_lost_the_lease_writes_nothing(
    endpoints: Endpoints, tmp_path: Path, lease: Lease, database: StateDatabase
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    state = endpoints.state("tiny")
    Leases(database).release(lease)
    with pytest.raises(LeaseLostError):
        endpoints.changed(lease, state, state.deployments[0], Change.PLACED)
    assert endpoints.state("tiny") == state


def test_traffic_moves_to_deployments_by_variant(
    endpoints: Endpoints, tmp_path: Path, lease: Lease, database: StateDatabase
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    advance(endpoints, lease, WARM)
    endpoints.moved(lease, endpoints.state("tiny"), {"main": 1})
    assert endpoints.state("tiny").traffic == {"main": 1}
    assert Journal(database).read()[-1].data["to"] == {
        "main": {"number": 1, "name": "tiny-1.0.0-1", "version": "tiny@1.0.0"}
    }


def test_a_hold_is_told_once_and_goes_with_the_next_revision(
    endpoints: Endpoints, tmp_path: Path, lease: Lease, database: StateDatabase
) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    for failures in (1, 2):
        endpoints.held(lease, endpoints.state("tiny"), Hold(reason="away", failures=failures, until=9.0))
    assert endpoints.state("tiny").hold == Hold(reason="away", failures=2, until=9.0)
    endpoints.recycle("tiny")
    assert (endpoints.state("tiny").hold, kinds(database).count(EventKind.ENDPOINT_HELD)) == (None, 1)


def test_a_deployment_is_found_by_its_name_for_ever(endpoints: Endpoints, tmp_path: Path, lease: Lease) -> None:
    endpoints.apply(document(), [candidate(tmp_path)])
    advance(endpoints, lease, (Change.REFUSED, Change.CLEARED))
    found = endpoints.deployment_named("tiny-1.0.0-1")
    assert found is not None
    assert (found.state, found.version.reference) == (DeploymentState.REJECTED, "tiny@1.0.0")
