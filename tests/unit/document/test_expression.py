"""References in texts: read, written, found and replaced; nothing is computed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.document.expression import (
    Expression,
    Reference,
    SecretReference,
    Template,
    escaped,
    parse_expression,
    plain,
    references,
    render,
    substitute,
)

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,5}", fullmatch=True)
REFERENCES = st.builds(Reference, NAMES, st.lists(NAMES, max_size=3).map(tuple))
SECRETS = st.builds(SecretReference, st.from_regex(r"[A-Z][A-Z_/]{0,5}", fullmatch=True))
TEXTS = st.text("${}a.: ", max_size=8) | st.text(max_size=8)
TEMPLATES = st.tuples(TEXTS.filter(bool), REFERENCES | SECRETS, TEXTS.filter(bool), REFERENCES | SECRETS).map(Template)
VALUES: dict[str, JsonValue] = {
    "params.x": 3,
    "params.name": "n",
    "params.list": [1, "${env.HOME}"],
    "params.trap": "${secret:ROOT}",
}


def resolve(reference: Reference) -> JsonValue:
    return VALUES[str(reference)[2:-1]]


def secret(reference: SecretReference) -> str:
    return f"<{reference.name}>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${params.x.y}", Reference("params", ("x", "y"))),
        ("${ params.x }", Reference("params", ("x",))),
        ("${train}", Reference("train")),
        ("${my-node.out_1}", Reference("my-node", ("out_1",))),
        ("${secret:DB/PASSWORD}", SecretReference("DB/PASSWORD")),
        ("run-${run.id}.csv", Template(("run-", Reference("run", ("id",)), ".csv"))),
        ("${a}${b}", Template((Reference("a"), Reference("b")))),
        ("$${a}", "${a}"),
        ("$$${a}", Template(("$", Reference("a")))),
        ("$$$${a}", "$${a}"),
        ("{{7*7}}", "{{7*7}}"),
        ("$(rm -rf x)", "$(rm -rf x)"),
        ("$HOME costs $5 $$", "$HOME costs $5 $$"),
    ],
)
def test_text_is_read_as(text: str, expected: Expression) -> None:
    assert parse_expression(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ab ${x", "column 4: this '${' is never closed"),
        ("${}", "column 1: '${}' names nothing"),
        ("$$${ }", "column 3: '${}' names nothing"),
        ("${1 + 1}", "column 1: '1 + 1' is not a reference"),
        ("${a..b}", "'a..b' is not a reference"),
        ("${a.b()}", "'a.b()' is not a reference"),
        ("${a[0]}", "is not a reference"),
        ("${secret:}", "'secret:' is not a reference"),
        ("${a${b}}", "'a${b' is not a reference"),
    ],
)
def test_a_fault_is_told_with_its_column(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 # the message is compared below, unescaped
        parse_expression(text)
    assert message in str(refused.value)


@given(TEXTS | REFERENCES | SECRETS | TEMPLATES)
def test_what_is_rendered_is_read_as_it_was(expression: Expression) -> None:
    assert parse_expression(render(expression)) == expression


def test_references_are_found_with_their_paths() -> None:
    value: JsonValue = {"a": ["x", "${b.c}"], "d": {"e": "${f}-${secret:G}"}, "h": 3, "${not.keys}": None}
    assert references(value) == [
        (("a", 1), Reference("b", ("c",))),
        (("d", "e"), Reference("f")),
        (("d", "e"), SecretReference("G")),
    ]


def test_a_reference_as_the_whole_text_keeps_the_type() -> None:
    assert substitute({"a": ["${params.x}"]}, resolve) == {"a": [3]}


def test_inside_other_text_a_value_becomes_text() -> None:
    assert (
        substitute("x=${params.x} ${params.list}", lambda _: [True, None, "s"])
        == 'x=[true, null, "s"] [true, null, "s"]'
    )


def test_secrets_stay_references() -> None:
    assert substitute("${params.name}:${secret:KEY}", resolve) == "n:${secret:KEY}"


def test_a_reference_that_is_given_back_stays() -> None:
    assert substitute(["${later.out}", "a-${later.out}"], lambda reference: reference) == [
        "${later.out}",
        "a-${later.out}",
    ]


@pytest.mark.parametrize("text", ["${params.trap}", "see ${params.trap}"])
def test_data_that_looks_like_a_secret_never_becomes_one(text: str) -> None:
    again = substitute(substitute(text, resolve), resolve)
    assert str(plain(again, secret)).endswith("${secret:ROOT}")


@given(st.recursive(TEXTS | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_escaped_data_is_plain_again_at_the_end(value: JsonValue) -> None:
    assert plain(substitute(escaped(value), resolve), secret) == value


def test_the_last_step_puts_secrets_in() -> None:
    assert plain({"url": "db://me:${secret:PW}@host", "n": 1}, secret) == {"url": "db://me:<PW>@host", "n": 1}


def test_the_last_step_refuses_a_reference_that_is_left() -> None:
    with pytest.raises(ValueError, match=r"\$\{params\.x\} has not been resolved"):
        plain(["${params.x}"], secret)
