"""How values are written for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.cli.view.wording import ago, duration, number, one_line, plural, run_color, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "just now"),
        (4, "just now"),
        (30, "30 s ago"),
        (300, "5 min ago"),
        (7200, "2 h ago"),
        (864_000, "10 days ago"),
    ],
)
def test_ago(seconds: float, text: str) -> None:
    assert ago(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB"), (2**45, "32.0 TiB")]
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("value", "text"), [(3.0, "3"), (0.123456, "0.1235"), (float("nan"), "nan"), (-0.5, "-0.5")])
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_plural(count: int, text: str) -> None:
    assert plural(count, "file") == text


@pytest.mark.parametrize(("state", "color"), [("SUCCEEDED", "green"), ("LOST", "magenta")])
def test_run_color(state: str, color: str) -> None:
    assert run_color(state) == color


@given(st.text())
def test_one_line_is_one_short_printable_line(text: str) -> None:
    line = one_line(text, 40)
    assert (len(line) <= 40, "\x1b" in line, len(line.splitlines()) <= 1) == (True, False, True)
