"""50 client processes on one registry at once: registering, describing, approving, promoting; then one tampered row."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cmcore.registry.audit import WITNESSED, verified
from cmcore.registry.bump import next_number
from cmcore.registry.chain import AuditReport
from cmcore.registry.names import VersionNumber
from cmcore.registry.store import Registry
from cmcore.registry.values import AuditEntry, Level, ModelVersion
from cmcore.state.database import StateDatabase, is_sqlite
from cmcore.state.journal import Journal
from tests.integration.registry.conftest import BRANCHES

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
CLIENTS, ROUNDS = 50, 3


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """What the clients did, and the registry that they left."""

    database: StateDatabase
    registry: Registry
    clients: list[dict[str, Any]]

    @property
    def versions(self) -> list[ModelVersion]:
        """All versions in the order of their numbers."""
        return self.registry.versions("flights", order_by="version", limit=10_000)

    @property
    def entries(self) -> list[AuditEntry]:
        """The whole log."""
        return list(self.registry.audit.entries())

    def promotions(self, *, won: bool) -> list[dict[str, Any]]:
        """The tries that ended so, with who tried."""
        return [
            {**each, "client": client["client"]}
            for client in self.clients
            for each in client["promotions"]
            if each["won"] is won
        ]


@pytest.fixture(scope="module")
def crowd(module_url: str) -> Iterator[Crowd]:
    script = Path(__file__).parent / "clients.py"
    command = [sys.executable, str(script), module_url, str(CLIENTS), str(ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    database = StateDatabase.open(module_url, branches=BRANCHES)
    registry = Registry(database, actor="test")
    yield Crowd(database=database, registry=registry, clients=told["clients"])
    database.close()


def test_no_client_met_an_error(crowd: Crowd) -> None:
    assert [client.get("error") for client in crowd.clients] == [None] * CLIENTS


def test_every_client_made_its_own_versions(crowd: Crowd) -> None:
    assert [client["created"] for client in crowd.clients] == [ROUNDS] * CLIENTS


def test_one_client_made_each_version_that_all_registered(crowd: Crowd) -> None:
    assert sum(client["shared_created"] for client in crowd.clients) == ROUNDS


def test_versions_are_dense_and_unique(crowd: Crowd) -> None:
    numbers = [version.number for version in crowd.versions]
    levels = [version.level for version in crowd.versions]
    assert len(numbers) == ROUNDS * CLIENTS + ROUNDS
    assert numbers == [VersionNumber(1, 0, 0), *map(next_number, numbers, levels[1:])]


def test_each_version_was_compared_with_the_one_before(crowd: Crowd) -> None:
    numbers: list[VersionNumber | None] = [version.number for version in crowd.versions]
    assert [version.bump.over for version in crowd.versions] == [None, *numbers[:-1]]


def test_majors_and_minors_are_those_that_were_asked_for(crowd: Crowd) -> None:
    levels = Counter(version.level for version in crowd.versions if version.number != VersionNumber(1, 0, 0))
    overridden = Counter(version.level for version in crowd.versions if version.override)
    assert levels[Level.MAJOR] + levels[Level.MINOR] == overridden.total()


def test_each_generation_has_one_winner(crowd: Crowd) -> None:
    won = crowd.promotions(won=True)
    assert sorted(each["generation"] for each in won) == list(range(1, ROUNDS + 1))
    assert sorted(each["over"] for each in won) == list(range(ROUNDS))


def test_each_loser_learns_who_won_what(crowd: Crowd) -> None:
    winners = {
        each["over"]: f"client-{each['client']} moved to {each['version']} at" for each in crowd.promotions(won=True)
    }
    lost = crowd.promotions(won=False)
    assert len(lost) == ROUNDS * (CLIENTS - 1)
    assert [each for each in lost if winners[each["over"]] not in each["said"]] == []


def test_the_alias_is_where_the_last_winner_put_it(crowd: Crowd) -> None:
    last = max(crowd.promotions(won=True), key=lambda each: int(each["generation"]))
    alias = crowd.registry.alias("flights", "production")
    assert alias
    assert (str(alias.version), alias.generation) == (last["version"], ROUNDS)


def test_the_chain_holds(crowd: Crowd) -> None:
    assert crowd.registry.audit.verify() == AuditReport(entries=len(crowd.entries), ok=True)


def test_the_log_has_every_change_once(crowd: Crowd) -> None:
    assert Counter(entry.action for entry in crowd.entries) == {
        "model.created": 1,
        "version.registered": ROUNDS * (CLIENTS + 1),
        "model.described": ROUNDS * CLIENTS,
        "approval.given": ROUNDS * CLIENTS,
        "version.described": ROUNDS * CLIENTS,
        "alias.moved": ROUNDS,
    }


def test_events_and_entries_are_one_to_one(crowd: Crowd) -> None:
    events = [event for event in Journal(crowd.database).read(limit=100_000) if event.kind in WITNESSED]
    assert [(event.kind.value, event.at, event.data["actor"], event.data["audit"]) for event in events] == [
        (entry.action, entry.at, entry.actor, {"seq": entry.seq, "hash": entry.hash}) for entry in crowd.entries
    ]


def test_times_of_a_models_entries_never_go_back(crowd: Crowd) -> None:
    times = [entry.at for entry in crowd.entries]
    assert times == sorted(times)


class UndoError(Exception):
    """Ends a transaction that must not be kept, and has what was found in it."""

    def __init__(self, report: AuditReport) -> None:
        super().__init__(report)
        self.report = report


UNGUARDED = {
    True: ["DROP TRIGGER registry_audit_unchanged", "DROP TRIGGER registry_audit_undeleted"],
    False: ["DROP TRIGGER registry_audit_unchanged ON registry_audit"],
}


def tamper(connection: sa.Connection, statements: list[str]) -> None:
    """Run raw statements as somebody can who may change tables, and raise what a verification finds."""
    for statement in [*UNGUARDED[is_sqlite(connection)], *statements]:
        connection.execute(sa.text(statement.replace(":", r"\:")))
    raise UndoError(verified(connection))


def report_after(crowd: Crowd, statements: list[str]) -> AuditReport:
    """What a verification finds after statements that are undone then."""
    with pytest.raises(UndoError) as undone, crowd.database.writing() as connection:
        tamper(connection, statements)
    return undone.value.report


LAST = 1 + ROUNDS * (CLIENTS + 1) + 3 * ROUNDS * CLIENTS + ROUNDS
REST = "at, actor, action, model, version, data, previous, hash"
TAMPERINGS = {
    "who": (["UPDATE registry_audit SET actor = 'mallory' WHERE seq = 77"], 77),
    "when": (["UPDATE registry_audit SET at = at - 86400 WHERE seq = 78"], 78),
    "what": (["UPDATE registry_audit SET action = 'alias.removed' WHERE seq = 79"], 79),
    "model": (["UPDATE registry_audit SET model = 'trains' WHERE seq = 80"], 80),
    "version": (["UPDATE registry_audit SET version = '9.9.9' WHERE seq = 81"], 81),
    "why": (["UPDATE registry_audit SET data = replace(data, 'file:///m', 'file:///n') WHERE seq = 2"], 2),
    "spelling": (["UPDATE registry_audit SET data = data || ' ' WHERE seq = 82"], 82),
    "no json": (["UPDATE registry_audit SET data = '{' WHERE seq = 83"], 83),
    "hash": (["UPDATE registry_audit SET hash = previous WHERE seq = 84"], 84),
    "previous": (["UPDATE registry_audit SET previous = hash WHERE seq = 85"], 85),
    "removed": (["DELETE FROM registry_audit WHERE seq = 86"], 86),
    "removed first": (["DELETE FROM registry_audit WHERE seq = 1"], 1),
    "cut": (["DELETE FROM registry_audit WHERE seq > 400"], 401),
    "removed and closed up": (
        ["DELETE FROM registry_audit WHERE seq = 500",
         f"UPDATE registry_audit SET seq = 500 WHERE seq = {LAST}"], 500,
    ),
    "swapped": (
        ["UPDATE registry_audit SET seq = 100000 WHERE seq = 90", "UPDATE registry_audit SET seq = 90 WHERE seq = 91",
         "UPDATE registry_audit SET seq = 91 WHERE seq = 100000"], 90,
    ),
    "copied to the end": (
        [f"INSERT INTO registry_audit (seq, {REST}) SELECT {LAST + 1}, {REST} FROM registry_audit WHERE seq = 92"],
        LAST + 1,
    ),
    "end": (["UPDATE registry_audit_head SET seq = seq - 1"], LAST),
    "cut with its end": (
        ["DELETE FROM registry_audit WHERE seq > 400",
         "UPDATE registry_audit_head SET seq = 400, hash = (SELECT hash FROM registry_audit WHERE seq = 400)"], 401,
    ),
    "event": (["DELETE FROM events WHERE seq = 93"], 93),
    "event's hash": (["UPDATE events SET data = replace(data, '\"seq\": 94', '\"seq\": 95') WHERE seq = 94"], 94),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_one_tampered_row_is_found(crowd: Crowd, name: str) -> None:
    statements, first_bad = TAMPERINGS[name]
    report = report_after(crowd, statements)
    assert (report.ok, report.first_bad) == (False, first_bad)


def test_nothing_is_found_where_nothing_was_tampered_with(crowd: Crowd) -> None:
    assert report_after(crowd, []).ok
