from __future__ import annotations

import json

import pytest

from cmcore_mlflow.calls import calls
from cmcore_mlflow.pages import Row

ROWS = [Row(name="loss", value=0.5, at_ms=1_790_000_000_000, step=step) for step in range(5000)]
PARAMS = {f"param-{number}": "\x01" * 6000 for number in range(300)}
TAGS = {f"tag-{number}": "x" * 5000 for number in range(300)}
MADE = calls(ROWS, PARAMS, TAGS)


def test_nothing_makes_no_call() -> None:
    assert calls([], {}, {}) == []


def test_little_makes_one_call() -> None:
    assert len(calls(ROWS[:10], {"a": "1"}, {"b": "2"})) == 1


def test_every_value_is_in_one_call_and_in_order() -> None:
    assert [row for call in MADE for row in call.metrics] == ROWS


def test_every_parameter_and_tag_is_in_one_call() -> None:
    params = {name: value for call in MADE for name, value in call.params.items()}
    assert (params, {name: value for call in MADE for name, value in call.tags.items()}) == (PARAMS, TAGS)


@pytest.mark.parametrize("call", MADE, ids=range(len(MADE)))
def test_no_call_is_more_than_mlflow_takes(call: object) -> None:
    rows = [{"key": row.name, "value": row.value, "timestamp": row.at_ms, "step": row.step} for row in call.metrics]  # type: ignore[attr-defined]
    params, tags = call.params, call.tags  # type: ignore[attr-defined]
    size = len(json.dumps([rows, list(params.items()), list(tags.items())], indent=2))
    assert (len(rows) <= 1000, len(params) <= 100, len(tags) <= 100, size <= 1_000_000) == (True, True, True, True)
