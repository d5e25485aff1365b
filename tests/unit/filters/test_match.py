"""What filters mean, case by case."""

from __future__ import annotations

import math

import pytest

from cmcore.filters.match import matches
from cmcore.filters.parse import parse
from cmcore.filters.syntax import Field, Scalar

VALUES: dict[str, list[Scalar]] = {
    "metrics.auc": [0.8, 0.9],
    "metrics.loss": ["nan", math.nan],
    "metrics.top": [math.inf],
    "params.lr": ["0.1", 0.1],
    "params.shuffle": [True],
    "tags.team": ["Team x"],
    "state": ["COMPLETE"],
}


def lookup(field: Field) -> list[Scalar]:
    return VALUES.get(str(field), [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.auc > 0.85", True),
        ("metrics.auc > 0.9", False),
        ("metrics.auc != 0.8", True),
        ("metrics.auc = '0.8'", False),
        ("metrics.auc in (1, 0.9)", True),
        ("metrics.loss = 'nan'", True),
        ("metrics.loss > 0 or metrics.loss <= 0 or metrics.loss != 0", False),
        ("metrics.top > 1e300", True),
        ("params.lr = 0.1 and params.lr = '0.1'", True),
        ("params.lr != 0.1 or params.lr != '0.1'", False),
        ("params.shuffle = true and params.shuffle = 'true'", True),
        ("params.shuffle = false", False),
        ("tags.team like 'team _'", True),
        ("tags.team like 'team'", False),
        ("tags.team like '%M%x'", True),
        ("tags.team > 'Team'", True),
        ("tags.owner exists", False),
        ("tags.owner != 'x'", False),
        ("not tags.owner = 'x'", True),
        ("state = 'COMPLETE' and not tags.owner exists", True),
        ("state = 'FAILED' or tags.team exists", True),
    ],
)
def test_a_filter_means(text: str, expected: bool) -> None:
    assert matches(parse(text), lookup) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("50\\\\%", "50%", True),
        ("50\\\\%", "500", False),
        ("a\\\\_b", "a_b", True),
        ("a_b", "axb", True),
        ("%", "", True),
        ("%ab%ab", "abab", True),
        ("%ab%ab", "ab", False),
        ("É%", "école", False),
    ],
)
def test_a_pattern_fits(pattern: str, text: str, expected: bool) -> None:
    assert matches(parse(f'a like "{pattern}"'), lambda _: [text]) is expected


def test_a_pattern_of_many_parts_is_decided_at_once() -> None:
    assert not matches(parse(f"a like '{'%a' * 400}'"), lambda _: ["a" * 399])
