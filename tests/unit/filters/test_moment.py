"""Points in time as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore.filters.moment import exactly, seconds_of, written

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", 1_772_323_200.0),
        ("2026-03-01T12:00:00", 1_772_366_400.0),
        ("2026-03-01 12:00:00Z", 1_772_366_400.0),
        ("2026-03-01T13:00:00+01:00", 1_772_366_400.0),
        ("1772366400", 1_772_366_400.0),
        ("1772366400.5", 1_772_366_400.5),
        ("2 days ago", NOW - 172_800),
        ("1 hour ago", NOW - 3600),
        ("90 seconds ago", NOW - 90),
        ("now", NOW),
    ],
)
def test_a_time_is_read(text: str, expected: float) -> None:
    assert seconds_of(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026", "2026-13-01", "-1 days ago", "1e9", "nan", "99999999999999999"]
)
def test_what_is_no_time_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(UsageError, match="2 days ago"):
        seconds_of(text, NOW)


@given(st.integers(10_000, 253_402_300_799))
def test_a_written_time_is_read_back(seconds: int) -> None:
    assert seconds_of(written(seconds), NOW) == seconds


def test_a_time_beyond_the_calendar_is_still_written() -> None:
    assert written(1e15) == "1000000000000000 s since 1970"


@given(st.floats(10_000, 253_402_300_000))
def test_an_exact_time_is_read_back_as_not_before_and_less_than_a_millisecond_later(seconds: float) -> None:
    assert seconds <= seconds_of(exactly(seconds), NOW) < seconds + 0.0011


def test_an_exact_time_has_milliseconds() -> None:
    assert exactly(NOW + 0.25) == "2027-01-15 08:00:00.250Z"
