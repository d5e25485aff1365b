"""A document becomes its model strictly, or everything that does not fit is said where it stands."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from cmcore.document.model import load
from cmcore.document.text import parse
from cmcore.errors import DocumentError, Problem
from tests.unit.document.sample import CachePolicy, FixedDelay, Sample


def loaded(text: str) -> Sample:
    return load(parse(dedent(text), file="s.yaml"), Sample)


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as refused:
        loaded(text)
    return refused.value.problems


def node(fields: str) -> str:
    return f"kind: Sample\nnodes:\n  train: {{uses: x, {fields}}}\n"


def test_lists_fill_tuples_and_sets() -> None:
    train = loaded(node("after: [a, b], labels: [c, c]")).nodes["train"]
    assert (train.after, train.labels) == (("a", "b"), {"c"})


def test_an_integer_fills_a_float() -> None:
    assert loaded(node("timeout_s: 3")).nodes["train"].timeout_s == 3.0


def test_text_fills_enumerations_dates_and_paths() -> None:
    sample = loaded("kind: Sample\nsince: 2024-02-29\nfolder: a/b\nnodes: {n: {uses: x, cache: never}}\n")
    assert (sample.since, sample.folder, sample.nodes["n"].cache) == (date(2024, 2, 29), Path("a/b"), CachePolicy.NEVER)


def test_a_discriminated_union_takes_the_model_that_is_named() -> None:
    assert loaded(node("retry: {kind: fixed, delay_s: 1}")).nodes["train"].retry == FixedDelay(kind="fixed", delay_s=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (node("timeout_s: '3'"), "expected a number, found the text '3' (remove the quotes) @ $.nodes.train.timeout_s"),
        (node("with: 3"), "expected a mapping, found the integer 3 @ $.nodes.train.with"),
        (node("after: a"), "expected a list, found the text 'a' @ $.nodes.train.after"),
        (node("after: [1]"), "expected text, found the integer 1 (quote it) @ $.nodes.train.after[0]"),
        (node("cache: nevr"), "expected 'auto' or 'never', found the text 'nevr' (did you mean 'never'?)"),
        (node("mode: Train"), "expected 'train' or 'evaluate', found the text 'Train' (did you mean 'train'?)"),
        (node("wiht: {}"), "s.yaml:3:20: unknown key 'wiht' (did you mean 'with'?) @ $.nodes.train.wiht"),
        (node("zzz: 1"), "unknown key 'zzz' (known here: uses, with, after, labels, cache, mode, retry, workers,"),
        (node("retry: {kind: fixt}"), "unknown kind 'fixt' (did you mean 'fixed'?) @ $.nodes.train.retry.kind"),
        (node("retry: {factor: 2}"), "the key 'kind' is missing (one of fixed, backoff) @ $.nodes.train.retry.kind"),
        (node("retry: {kind: fixed, dely_s: 1}"), "unknown key 'dely_s' (did you mean 'delay_s'?)"),
        (node("retry: {kind: fixed, delay_s: -1}"), "expected a number of at least 0.0, found the integer -1"),
        (node("retry: {kind: backoff, factor: 1.5}"), "expected an integer, found the number 1.5"),
        (node("workers: al"), "expected an integer or 'all', found the text 'al' (did you mean 'all'?)"),
        (node("inner: {deep: {use: y}}"), "unknown key 'use' (did you mean 'uses'?) @ $.nodes.train.inner.deep.use"),
        ("kind: Sample\nname: A b\n", "s.yaml:2:7: expected text that matches ^[a-z-]+$, found the text 'A b'"),
        ("kind: Sampel\n", "s.yaml:1:7: expected 'Sample', found the text 'Sampel' (did you mean 'Sample'?) @ $.kind"),
        ("name: x\n", "s.yaml:1:1: the key 'kind' is missing @ $.kind"),
        ("kind: Sample\nfolder: /data\n", "the folder '/data' is absolute; give one inside the project @ $.folder"),
        ("kind: Sample\nsince: soon\n", "s.yaml:2:8: expected a valid date in the format YYYY-MM-DD"),
        ("kind: Sample\nverbose: yes\n", "expected true or false, found the text 'yes' (write true or false)"),
        ("kind: Sample\nname:\n", "expected text, found nothing (null) @ $.name"),
        ("kind: Sample\nsteps: [3]\n", "expected a mapping or text, found the integer 3 (quote it) @ $.steps[0]"),
        ("kind: Sample\nsteps: [{uses: a, aftr: []}]\n", "unknown key 'aftr' (did you mean 'after'?) @ $.steps[0]"),
    ],
)  # fmt: skip
def test_a_misfit_is_explained_at_its_place(text: str, expected: str) -> None:
    assert expected in "\n".join(str(problem) for problem in problems(text))


class Shapes(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pair: tuple[int, int] = (0, 0)
    ratios: tuple[float, ...] = ()
    by_word: dict[Annotated[str, Field(pattern="^[a-z]+$")], int] = {}
    anything: Annotated[
        Annotated[int, Tag("number")] | Annotated[str, Tag("text")],
        Discriminator(lambda value: {int: "number", str: "text"}.get(type(value))),
    ] = 0
    own: Annotated[int, AfterValidator(lambda value: _refuse(value))] = 0
    level: Literal[CachePolicy.AUTO, 3] = 3


def _refuse(value: int) -> int:
    raise PydanticCustomError("own", "{value} is not to our taste", {"value": value})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pair: [1]", "s.yaml:1:1: the list has no item 2 @ $.pair[1]"),
        ("pair: [1, 2, 3]", "expected at most 2 items, found a list of 3 @ $.pair"),
        ("ratios: [1, x]", "s.yaml:1:13: expected a number, found the text 'x' @ $.ratios[1]"),
        (
            "by_word: {ok: 1, Not: 2}",
            "s.yaml:1:18: expected text that matches ^[a-z]+$, found the text 'Not' @ $.by_word.Not",
        ),
        ("anything: [1]", "s.yaml:1:11: expected one of number, text, found a list of 1 @ $.anything"),
        ("own: 7", "s.yaml:1:6: 7 is not to our taste, found the integer 7 @ $.own"),
        ("level: auti", "found the text 'auti' (did you mean 'auto'?) @ $.level"),
    ],
)
def test_rarer_shapes_are_explained_too(text: str, expected: str) -> None:
    with pytest.raises(DocumentError) as refused:
        load(parse(text, file="s.yaml"), Shapes)
    assert expected in str(refused.value)


def test_a_union_gives_one_problem_for_one_fault() -> None:
    assert len(problems(node("workers: none"))) == 1


def test_all_problems_come_at_once_in_the_order_of_the_text() -> None:
    found = problems("""\
        nodez: {}
        nodes:
          b: {uses: 3}
          a:
            uses: x
            cache: 1
            extra: true
        """)
    assert [(problem.line, problem.path) for problem in found] == [
        (1, "$.kind"), (1, "$.nodez"), (3, "$.nodes.b.uses"), (6, "$.nodes.a.cache"), (7, "$.nodes.a.extra"),
    ]  # fmt: skip


def test_no_message_speaks_of_pydantic() -> None:
    text = "\n".join(
        str(problem) for problem in problems("x: 1\nname: 3\nnodes: {a: {workers: x, retry: 1}}\nverbose: 1\n")
    )
    assert [word for word in ("pydantic", "http", "forbidden", "_type", "Input", "array") if word in text] == []


def test_a_flood_of_problems_is_cut_after_a_hundred() -> None:
    found = problems("kind: Sample\n" + "".join(f"unknown{i}: 1\n" for i in range(500)))
    assert (len(found), found[-1].message) == (101, "more than 100 problems; the rest is not shown")


class Guests(BaseModel):
    """A list that must not be empty."""

    ages: tuple[int, ...] = Field(min_length=1)


@pytest.mark.parametrize("text", ["ages: [old]\n", "ages: [old, older]\n"])
def test_a_list_with_wrong_items_is_not_called_too_short(text: str) -> None:
    with pytest.raises(DocumentError) as refused:
        load(parse(text, file="g.yaml"), Guests)
    assert [problem.path for problem in refused.value.problems] == [f"$.ages[{it}]" for it in range(text.count("old"))]


class Guest(BaseModel):
    """An item that knows its keys."""

    model_config = ConfigDict(extra="forbid")
    age: int


class Party(BaseModel):
    """A list of them that must not be empty."""

    guests: tuple[Guest, ...] = Field(min_length=1)


def test_a_list_whose_items_have_wrong_keys_is_not_called_too_short() -> None:
    with pytest.raises(DocumentError) as refused:
        load(parse("guests:\n  - {age: 3, agee: 4}\n", file="g.yaml"), Party)
    assert [problem.path for problem in refused.value.problems] == ["$.guests[0].agee"]


def test_a_list_that_is_too_short_is_called_so() -> None:
    with pytest.raises(DocumentError, match="at least 1 item"):
        load(parse("ages: []\n", file="g.yaml"), Guests)
