"""What the filter language says, and what it answers to texts that say nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore.filters.parse import parse, parse_field
from cmcore.filters.syntax import And, Comparator, Comparison, Field, Filter, Not, Or, Scalar
from cmcore.filters.tokens import LENGTH_MAX
from cmcore.filters.write import written
from tests.unit.filters.generated import LETTERS, filters


def compared(group: str, name: str, comparator: str, *values: Scalar) -> Comparison:
    return Comparison(field=Field(group=group, name=name), comparator=Comparator(comparator), values=values)


def refusal(text: str) -> str:
    """What is said of a text, and a caret where nothing is."""
    try:
        parse(text)
    except UsageError as refused:
        return str(refused)
    return "^"


A, B, C = (compared("", name, "=", 1.0) for name in "abc")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.auc > 0.8", compared("metrics", "auc", ">", 0.8)),
        ("metrics.auc>=-1e-3", compared("metrics", "auc", ">=", -0.001)),
        ("state != 'FAILED'", compared("", "state", "!=", "FAILED")),
        ('metrics."val auc" < 1', compared("metrics", "val auc", "<", 1.0)),
        ("metrics.'val auc' < 1", compared("metrics", "val auc", "<", 1.0)),
        ("metrics.`val auc` <= 1", compared("metrics", "val auc", "<=", 1.0)),
        ("`in` = 1", compared("", "in", "=", 1.0)),
        ("metrics.in = 1", compared("metrics", "in", "=", 1.0)),
        ("metrics.evaluator.auc = 1", compared("metrics", "evaluator.auc", "=", 1.0)),
        ("params.learning-rate = 1", compared("params", "learning-rate", "=", 1.0)),
        ("metrics.recall/at/10 = 1", compared("metrics", "recall/at/10", "=", 1.0)),
        ("metrics.1 = 1", compared("metrics", "1", "=", 1.0)),
        ("params.shuffle = TRUE", compared("params", "shuffle", "=", True)),
        (r'tags.t = "say \"hi\"\n\\"', compared("tags", "t", "=", 'say "hi"\n\\')),
        ("tags.team LIKE 'x%'", compared("tags", "team", "like", "x%")),
        ("tags.team IN ('x', 2, false)", compared("tags", "team", "in", "x", 2.0, False)),
        ("tags.team Exists", compared("tags", "team", "exists")),
        ("\ta = 1\n", A),
    ],
)  # fmt: skip
def test_a_comparison_is_read(text: str, expected: Comparison) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1 and b=1 and c=1", And(operands=(A, B, C))),
        ("a=1 or b=1 and c=1", Or(operands=(A, And(operands=(B, C))))),
        ("(a=1 or b=1) and c=1", And(operands=(Or(operands=(A, B)), C))),
        ("not a=1 and b=1", And(operands=(Not(operand=A), B))),
        ("NOT (a=1 AND b=1)", Not(operand=And(operands=(A, B)))),
        ("not not a=1", Not(operand=Not(operand=A))),
        ("((a=1))", A),
    ],
)
def test_not_binds_more_than_and_and_that_more_than_or(text: str, expected: Filter) -> None:
    assert parse(text) == expected


def test_a_field_alone_is_read() -> None:
    assert parse_field("metrics.`val auc`") == Field(group="metrics", name="val auc")


def test_a_field_and_more_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected one field, such as metrics.auc, found 'desc'"):
        parse_field("metrics.auc desc")


def test_fifty_brackets_are_read() -> None:
    assert parse("(" * 50 + "a=1" + ")" * 50) == A


@given(filters())
def test_what_is_written_reads_as_what_was_meant(meant: Filter) -> None:
    assert parse(written(meant)) == meant


MALFORMED = [
    ("", "expected a field, as in metrics.auc > 0.8, found the end", 0),
    ("   ", "expected a field", 3),
    ("metrics.auc", "expected one of = != < <= > >= like in exists, found the end", 11),
    ("metrics.auc >", "expected a number, a text in quotes, true or false, found the end", 13),
    ("metrics.auc > 0.8 adn a = 1", "expected 'and', 'or' or the end, found 'adn'; did you mean 'and'?", 18),
    ("metrics. > 1", "expected a name after the dot, found '>'", 9),
    ("metrics.+1 > 1", "expected a name after the dot", 8),
    ('metrics."" > 1', "is empty", 11),
    ("a == 1", "'=' alone compares", 3),
    ("a = .5", "numbers begin with a digit, such as 0.5", 4),
    ("a = 1or b = 2", "found '1or'", 4),
    ("a = 1 b = 2", "expected 'and', 'or' or the end, found 'b'", 6),
    ("a = 1 && b = 2", "write 'and'", 6),
    ("a = 1 || b = 2", "write 'or'", 6),
    ("! a = 1", "write 'not'", 0),
    ("a = x", """a text stands in quotes: "x\"""", 4),
    ("a = ture", "did you mean 'true'?", 4),
    ("a = null", "not FIELD exists", 4),
    ("a = nan", '= "nan"', 4),
    ("a = 1e999", "greater than any number", 4),
    ("a = 'x", "expected a closing '", 4),
    ('a = "x\\"', 'expected a closing "', 4),
    ("`a = 1", "expected a closing `", 0),
    (r'a = "50\%"', "is no escape", 7),
    (r'a like "x\\"', "cannot end with the backslash", 7),
    ("a like 1", "expected a text in quotes after 'like'", 7),
    ("a liek 'x'", "did you mean 'like'?", 2),
    ("a in 1", "expected '(' and values after 'in'", 5),
    ("a in ()", "expected a number", 6),
    ("a in (1", "expected ',' or ')', found the end", 7),
    ("a in (1,)", "expected a number", 8),
    ("a not in (1)", "not a in (...)", 2),
    ("(a = 1", "expected 'and', 'or' or ')', found the end", 6),
    ("a = 1)", "expected 'and', 'or' or the end, found ')'", 5),
    ("and a = 1", "expected a field", 0),
    ("not", "expected a field", 3),
    ("'a' = 1", "expected a field", 0),
    ("1 < a", "expected a field", 0),
    ("a = 1; drop table runs", "found ';', which means nothing", 5),
    ("a = '\0'", "no text", 5),
    ("a = '\udc80'", "no text", 5),
    ("(" * 51 + "a=1" + ")" * 51, "more than 50 brackets", 50),
    ("not " * 51 + "a=1", "more than 50 brackets", 200),
    ("a=1 or " * 400 + "a=1", "more than 400 comparisons", 2800),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem", "at"), MALFORMED)
def test_a_text_that_is_no_filter_is_refused_with_what_was_expected(text: str, problem: str, at: int) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert problem in str(refused.value)


@pytest.mark.parametrize(("text", "problem", "at"), [case for case in MALFORMED if len(case[0]) < 70])
def test_the_caret_stands_where_reading_stopped(text: str, problem: str, at: int) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert str(refused.value).splitlines()[-1] == " " * (at + 2) + "^"


def test_of_a_long_text_the_error_shows_the_place() -> None:
    with pytest.raises(UsageError) as refused:
        parse("a = 1 and " * 40 + "HERE and " + "a = 1 and " * 40)
    _, shown, caret = str(refused.value).splitlines()
    assert shown[caret.index("^") :].startswith("and a = 1")


def test_of_several_lines_the_error_shows_the_one() -> None:
    with pytest.raises(UsageError) as refused:
        parse("a = 1\nand b ~ 2\nand c = 3")
    assert str(refused.value).splitlines()[1:] == ["  and b ~ 2", "        ^"]


def test_a_text_too_long_to_be_a_filter_is_refused() -> None:
    with pytest.raises(UsageError, match="at most 10000 characters, and this one has 10001"):
        parse("a" * (LENGTH_MAX + 1))


PARTS = st.sampled_from(
    [*"()=<>!.,'\"`\\ \n", "and", "or", "not", "in", "like", "exists", "a", "m.b", "1", "0.5", "'x'"]
)


@given(st.lists(PARTS).map(" ".join) | st.lists(PARTS).map("".join) | st.text(LETTERS))
@example("a\u2028= 1 x")
def test_every_text_is_a_filter_or_refused_with_a_caret(text: str) -> None:
    assert refusal(text).endswith("^")
