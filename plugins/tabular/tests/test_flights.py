"""The flights example: its data, its derived features, and its two pipelines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest
import yaml

from cmcore import CodeRef
from cmcore_tabular.transform.generate import derived_columns
from cmcore_tabular.transform.graph import numbers

EXAMPLE = Path(__file__).parents[3] / "examples" / "flights"


@pytest.fixture(autouse=True)
def example_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example's own modules can be imported, as they can where it runs."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield
    for name in ("pipeline", "prepare", "flights_features"):
        sys.modules.pop(name, None)


def test_derived_columns_of_a_known_flight() -> None:
    raw = {"year": 2013, "month": 7, "day": 4, "hour": 18, "minute": 0, "sched_arr_time": 130}
    series = {name: pl.Series([float(value)]) for name, value in raw.items()}
    derived = derived_columns(CodeRef("flights_features:derive"))
    found = {name: float(numbers(value, series)[0]) for name, value in derived.items()}
    assert found == {  # a Thursday; a quarter before midnight on the circle; overnight, 7 h 30 min
        "weekday": 3, "departure_sin": -1, "departure_cos": 0, "block_minutes": 450,
    }  # fmt: skip


def test_both_pipelines_have_the_same_nodes_and_features() -> None:
    document = yaml.safe_load((EXAMPLE / "pipeline.yaml").read_text())
    module = import_module("pipeline")
    assert list(document["nodes"]) == list(module.flights.nodes)
    assert document["nodes"]["transform"]["with"]["features"] == module.FEATURES
    assert document["nodes"]["evaluator"]["with"]["thresholds"] == module.THRESHOLDS


@pytest.mark.integration
def test_every_flight_of_the_package_is_prepared(tmp_path: Path) -> None:
    import_module("prepare").main([str(tmp_path)])
    late = pl.concat(pl.read_csv(file, columns=["late"]) for file in sorted(tmp_path.glob("*.csv")))["late"]
    assert (len(late), late.null_count(), len(list(tmp_path.iterdir()))) == (336_776, 9_430, 12)


@pytest.mark.integration
def test_nothing_that_only_the_arrival_tells_is_prepared(tmp_path: Path) -> None:
    import_module("prepare").main([str(tmp_path)])
    header = (tmp_path / "flights-1.csv").read_text().split("\n", 1)[0].split(",")
    assert {"arr_time", "arr_delay", "air_time"} & set(header) == set()
