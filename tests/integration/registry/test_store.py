"""What the registry promises, on both databases; the details are in tests/unit/registry."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from cmcore.errors import OutdatedError, RefusedError, StateError
from cmcore.registry.chain import Head
from cmcore.registry.policy import Policy
from cmcore.registry.store import Registry
from cmcore.registry.values import Verdict
from cmcore.state.database import StateDatabase
from tests.unit.registry.samples import NOW, evidence, facts, ref
from tests.unit.registry.searches import ORDERS, SEARCHES, fill, named

pytestmark = pytest.mark.integration
HOSTILE = "'; DROP TABLE registry_audit; -- %s :name \N{SNOWMAN}"


@dataclass
class Watch:
    """A clock that a test sets."""

    seconds: float = NOW

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def bobs(registry_of: Callable[[str], Registry]) -> Registry:
    return registry_of("bob")


@pytest.fixture
def one(registry: Registry) -> Registry:
    registry.register("flights", facts(1))
    return registry


def test_every_search_finds_the_same(database: StateDatabase) -> None:
    watch = Watch()
    registry = Registry(database, actor="ana", clock=watch)
    fill(registry, watch)
    assert [(where, named(registry, where)) for where, _ in SEARCHES] == SEARCHES


def test_every_order_is_the_same(database: StateDatabase) -> None:
    watch = Watch()
    registry = Registry(database, actor="ana", clock=watch)
    fill(registry, watch)
    assert [(order, list(map(str, registry.versions(order_by=order)))) for order, _ in ORDERS] == ORDERS


def test_a_version_comes_back_as_it_was(registry: Registry) -> None:
    made = registry.register("flights", facts(1, auc=0.1 + 0.2, loss=float("inf"))).version
    registry.describe(ref("flights@1.0.0"), {"owner": HOSTILE, "list": [1, None, {"a": 0.5}]})
    found = registry.version(ref("flights"))
    assert (found.facts, found.bump, found.created_at) == (made.facts, made.bump, made.created_at)
    assert found.properties == {"owner": HOSTILE, "list": [1, None, {"a": 0.5}]}


def test_an_approved_version_is_promoted_and_its_successor_refused(one: Registry, bobs: Registry) -> None:
    bobs.approve(ref("flights"), "production", Verdict.APPROVED, HOSTILE)
    one.promote(ref("flights"), "production", over=0, evidence=evidence(1), reason=HOSTILE)
    one.register("flights", facts(2))
    with pytest.raises(RefusedError, match="0 of 1 approvals"):
        one.promote(ref("flights"), "production", over=1, evidence=evidence(2))
    assert str(one.version(ref("flights@production")).number) == "1.0.0"
    assert [move.reason for move in one.history("flights")] == [HOSTILE]


def test_a_policy_comes_back_as_it_was(registry: Registry) -> None:
    gates = [{"where": f'properties.team = "{HOSTILE}"'}, {"not_worse": {"metric": "auc", "by": 0.1}}]
    policy = Policy.model_validate({"model": "flights", "environments": {"live": {"protected": True, "gates": gates}}})
    registry.apply_policy(policy, "one environment")
    assert registry.policy("flights") == policy


def test_notes_links_and_aliases_come_back(one: Registry) -> None:
    note = one.note(ref("flights@1.0.0"), HOSTILE)
    one.link(ref("flights@1.0.0"), "ticket", "https://t.example/1")
    alias = one.set_alias(ref("flights"), "best", over=0)
    found = (one.notes(ref("flights@best")), one.links(ref("flights@best"))[0].url, one.aliases("flights"))
    assert found == ([note], "https://t.example/1", [alias])


def test_a_generation_never_comes_back(one: Registry) -> None:
    one.set_alias(ref("flights"), "best", over=0)
    one.remove_alias("flights", "best", over=1)
    assert one.set_alias(ref("flights"), "best", over=0).generation == 3
    with pytest.raises(OutdatedError, match=r"ana moved to 1\.0\.0"):
        one.set_alias(ref("flights"), "best", over=1)


@pytest.mark.parametrize("statement", ["UPDATE registry_audit SET actor = 'mallory'", "DELETE FROM registry_audit"])
def test_the_database_itself_keeps_entries_as_they_are(one: Registry, database: StateDatabase, statement: str) -> None:
    with pytest.raises(StateError, match="the audit log is append-only"), database.writing() as connection:
        connection.execute(sa.text(statement))
    assert one.audit.verify().ok


def test_a_verification_sees_one_moment_while_others_write(one: Registry, bobs: Registry) -> None:
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(lambda: [bobs.note(ref("flights"), f"note {number}") for number in range(150)])
        reports = [one.audit.verify() for _ in range(40)]
        writing.result()
    assert [report for report in reports if not report.ok] == []
    assert one.audit.verify().entries == 152


def test_a_head_that_was_noted_is_in_the_log_for_ever(one: Registry) -> None:
    noted = Head.parse(str(one.audit.head()))
    one.note(ref("flights"), "later")
    assert one.audit.verify(noted).ok


def test_a_log_is_verified_page_by_page(registry: Registry) -> None:
    made = [registry.create(f"m{number}") for number in range(1100)]
    assert registry.audit.verify().entries == len(made)
