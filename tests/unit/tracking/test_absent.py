"""Why a search may have found nothing."""

from __future__ import annotations

import pytest

from cmcore.filters.parse import parse
from cmcore.tracking.absent import absent

NAMES = {"metrics": ["mae", "rmse", "val auc"], "params": ["lr"], "tags": []}
STATES = ("SUCCEEDED", "FAILED")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.mea < 1", ["no run has a metric 'mea'; did you mean 'mae'?"]),
        ("metrics.train.mea < 1", ["no run has a metric 'train.mea'"]),
        ("metrics.mae < 1 and metrics.train.rmse < 1", []),
        ("params.learning_rate < 1", ["no run has a parameter 'learning_rate'"]),
        ("not (tags.team = 'x' or tags.team = 'y')", ["no run has a tag 'team'"]),
        ("state = 'SUCCEDED'", ["no run can have the state 'SUCCEDED'; there are SUCCEEDED and FAILED"]),
        ("state in ('FAILED', 'failed')", ["no run can have the state 'failed'; there are SUCCEEDED and FAILED"]),
        ("state = 'FAILED' and state like 's%' and started > 0", []),
    ],
)
def test_what_no_run_can_have_is_named(text: str, expected: list[str]) -> None:
    assert absent(parse(text), NAMES.__getitem__, STATES) == expected
