"""Searching versions: every field, every order; hostile texts are values."""

from __future__ import annotations

import pytest

from cmcore.errors import UsageError
from cmcore.registry.store import Registry
from tests.unit.registry.conftest import Watch
from tests.unit.registry.samples import facts
from tests.unit.registry.searches import ORDERS, SEARCHES, fill, named


@pytest.fixture
def full(registry: Registry, watch: Watch) -> Registry:
    fill(registry, watch)
    return registry


@pytest.mark.parametrize(("where", "expected"), SEARCHES)
def test_a_search_finds(full: Registry, where: str, expected: list[str]) -> None:
    assert named(full, where) == expected


@pytest.mark.parametrize(("order_by", "expected"), ORDERS)
def test_a_search_is_ordered_and_what_has_no_value_comes_last(
    full: Registry, order_by: str, expected: list[str]
) -> None:
    assert list(map(str, full.versions(order_by=order_by))) == expected


def test_versions_are_numbers_and_not_texts_in_their_order(registry: Registry) -> None:
    made = [str(registry.register("flights", facts(number)).version.number) for number in range(12)]
    assert [str(it.number) for it in registry.versions(order_by="version")] == made


def test_a_search_within_a_model_and_to_a_limit(full: Registry) -> None:
    assert list(map(str, full.versions("flights", limit=2))) == ["flights@1.0.2", "flights@1.0.1"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("metric.auc > 1", "did you mean 'metrics.'?"),
        ("auc > 1", "'auc'"),
        ("tags.x = 1", "model, level, run"),
        ('version > "new"', "MAJOR.MINOR.PIPELINE"),
        ('created > "soon"', "no point in time"),
    ],
)
def test_a_wrong_search_says_what_can_be_asked(full: Registry, where: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        named(full, where)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "order_by", ["metrics.auc sideways", "alias", "nothing", "metrics.auc > 1", "auc; DROP TABLE x", "a and b", "desc"]
)
def test_a_wrong_order_is_refused(full: Registry, order_by: str) -> None:
    with pytest.raises(UsageError):
        full.versions(order_by=order_by)


@pytest.mark.parametrize("field", ["model", "alias", "data", "properties.team", "properties.`x'; --`", "digest"])
def test_a_value_is_never_a_statement(full: Registry, field: str) -> None:
    assert named(full, f"""{field} = "'; DROP TABLE registry_versions; --" """) == []
