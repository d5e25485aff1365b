"""A registry to be searched, and what searches find in it: one table for both kinds of database."""

from __future__ import annotations

from typing import Protocol

from cmcore.filters.parse import parse
from cmcore.registry.store import Registry
from tests.unit.registry.samples import NOW, facts, ref

ONE, TWO, THREE, FOUR = "flights@1.0.0", "flights@1.0.1", "flights@1.0.2", "trains@1.0.0"


class Settable(Protocol):
    """A clock that is set."""

    seconds: float


def fill(registry: Registry, watch: Settable) -> None:
    """Four versions a day apart, the last of them of trains."""
    watch.seconds = NOW - 4 * 86_400
    registry.register("flights", facts(1, auc=0.7, loss=float("nan")))
    watch.seconds += 86_400
    registry.register("flights", facts(2, auc=0.9, blessed=False))
    watch.seconds += 86_400
    registry.register("flights", facts(3, f1=0.5, blessed=None))
    watch.seconds += 86_400
    registry.register("trains", facts(4, auc=0.8))
    watch.seconds = NOW
    registry.describe(ref(TWO), {"team": "delays", "rows": 2000, "tags": ["a", "b"], "reviewed": True})
    registry.describe(ref(THREE), {"team": "10"})
    registry.set_alias(ref(TWO), "candidate", over=0)
    registry.set_alias(ref(TWO), "gone", over=0)
    registry.remove_alias("flights", "gone", over=1)


def named(registry: Registry, where: str) -> list[str]:
    """The versions for which a filter holds."""
    return sorted(map(str, registry.versions(where=parse(where))))


SEARCHES = [
    ("metrics.auc > 0.75", [TWO, FOUR]),
    ("metrics.auc <= 0.7", [ONE]),
    ("metrics.auc = 0.8 or metrics.f1 = 0.5", [THREE, FOUR]),
    ("not metrics.auc > 0.75", [ONE, THREE]),
    ("metrics.loss exists", []),
    ("metrics.loss < 1 or metrics.loss >= 1", []),
    ("metrics.auc exists", [ONE, TWO, FOUR]),
    ('properties.team = "delays"', [TWO]),
    ("properties.rows >= 2000", [TWO]),
    ("properties.team = 10", []),
    ('properties.team like "DEL%"', [TWO]),
    ("properties.reviewed = true", [TWO]),
    ("""properties.tags like '%"b"%'""", [TWO]),
    ('data = "sha256:1"', [ONE, FOUR]),
    ('data = "data.csv" and model = "flights"', [ONE, TWO, THREE]),
    ('alias = "candidate"', [TWO]),
    ('alias = "gone"', []),
    ("alias exists", [TWO]),
    ("not alias exists", [ONE, THREE, FOUR]),
    ('level = "first"', [ONE, FOUR]),
    ('run = "run-2"', [TWO]),
    ('run in ("run-1", "run-3")', [ONE, THREE]),
    (f'digest = "{facts(3).digest}"', [THREE]),
    ('uri like "%/models/_"', [ONE, TWO, THREE, FOUR]),
    ('actor = "ana"', [ONE, TWO, THREE, FOUR]),
    ('actor != "ana"', []),
    ("blessed = true", [ONE, FOUR]),
    ("blessed = false", [TWO]),
    ("not blessed exists", [THREE]),
    ('created > "36 hours ago"', [FOUR]),
    ('created < "2027-01-13"', [ONE, TWO]),
    (f"created = {NOW - 86_400:.0f}", [FOUR]),
    ('version = "1.0.1"', [TWO]),
    ('version > "1.0.0"', [TWO, THREE]),
    ('version <= "1.0.1"', [ONE, TWO, FOUR]),
    ('version like "1.0.%"', [ONE, TWO, THREE, FOUR]),
    ('version in ("1.0.2", "9.9.9")', [THREE]),
    ('model = "flights" and (metrics.auc > 0.8 or metrics.f1 > 0.4)', [TWO, THREE]),
]  # fmt: skip

ORDERS = [
    ("", [FOUR, THREE, TWO, ONE]),
    ("created", [ONE, TWO, THREE, FOUR]),
    ("created desc", [FOUR, THREE, TWO, ONE]),
    ("metrics.auc", [ONE, FOUR, TWO, THREE]),
    ("metrics.auc DESC", [TWO, FOUR, ONE, THREE]),
    ("metrics.loss desc", [FOUR, THREE, TWO, ONE]),
    ("properties.rows asc", [TWO, FOUR, THREE, ONE]),
    ("version desc", [THREE, TWO, FOUR, ONE]),
    ("model", [THREE, TWO, ONE, FOUR]),
]
