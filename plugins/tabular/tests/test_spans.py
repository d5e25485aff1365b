from __future__ import annotations

import pytest

from cmcore_tabular.errors import TabularError
from cmcore_tabular.spans import SpanFiles, choose_spans, group_by_span

AVAILABLE = {span: SpanFiles(span=span, files=(f"f-{span}.csv",)) for span in (1, 2, 3, 7)}


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("7", [7]),
        ("1..3", [1, 2, 3]),
        ("latest", [7]),
        ("all", [1, 2, 3, 7]),
        ("3,1", [1, 3]),
        ("1..2, latest", [1, 2, 7]),
    ],
)
def test_an_expression_chooses_spans_in_order(expression: str, chosen: list[int]) -> None:
    assert [each.span for each in choose_spans(expression, AVAILABLE)] == chosen


def test_a_gap_in_a_range_is_named() -> None:
    with pytest.raises(TabularError, match="no file for span 4, 5, 6; found: 1, 2, 3, 7"):
        choose_spans("1..7", AVAILABLE)


@pytest.mark.parametrize("expression", ["", "3..1", "-1", "one", "1...3"])
def test_an_unreadable_expression_is_refused(expression: str) -> None:
    with pytest.raises(TabularError, match="cannot read"):
        choose_spans(expression, AVAILABLE)


def test_no_matching_file_is_refused() -> None:
    with pytest.raises(TabularError, match="no file matches"):
        choose_spans("all", {})


def test_zeros_in_front_of_a_span_do_not_matter() -> None:
    assert list(group_by_span(["d/f-01.csv", "d/f-1b.csv", "d/f-12.csv"], "d/f-{span}.csv")) == [1, 12]


def test_files_of_one_span_are_sorted() -> None:
    assert group_by_span(["b-1.csv", "a-1.csv"], "*-{span}.csv")[1].files == ("a-1.csv", "b-1.csv")


def test_without_the_placeholder_all_files_are_span_zero() -> None:
    assert group_by_span(["a.csv", "b.csv", "c.txt"], "*.csv")[0].files == ("a.csv", "b.csv")


def test_two_placeholders_are_refused() -> None:
    with pytest.raises(TabularError, match="more than once"):
        group_by_span(["a"], "{span}/{span}.csv")
