"""How values and suggestions read in messages."""

from __future__ import annotations

import pytest

from cmcore.document.place import path_text
from cmcore.document.wording import alternatives, closest, described, did_you_mean, quoted


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [("wiht", "did you mean 'with'?"), ("With", "did you mean 'with'?"), ("zzz", ""), ("w" * 1_000_000, "")],
)
def test_the_closest_known_word_is_suggested(word: str, suggestion: str) -> None:
    assert closest(word, ["with", "uses"]) == suggestion


@pytest.mark.parametrize(("word", "text"), [("wiht", "; did you mean 'with'?"), ("zzz", "")])
def test_a_suggestion_can_end_a_sentence(word: str, text: str) -> None:
    assert did_you_mean(word, ["with", "uses"]) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing (null)"), (True, "true"), (3, "the integer 3"), (0.5, "the number 0.5"),
        ("a\n", r"the text 'a\n'"),
        ([], "an empty list"), ([1, 2], "a list of 2"), ({}, "an empty mapping"), ({"a": 1}, "a mapping"),
    ],
)  # fmt: skip
def test_values_are_named_as_people_would(value: object, text: str) -> None:
    assert described(value) == text


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")]
)
def test_alternatives_are_joined_with_or(names: list[str], text: str) -> None:
    assert alternatives(names) == text


def test_long_text_is_shortened() -> None:
    assert len(quoted("x" * 1_000_000)) == 62


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), "$"),
        (("a", 0, "b-c"), "$.a[0].b-c"),
        (("a b", "é"), "$['a b']['é']"),
        (("x" * 100,), "$['" + "x" * 57 + "...']"),
    ],
)
def test_paths_are_written_with_dots_and_brackets(path: tuple[str | int, ...], text: str) -> None:
    assert path_text(path) == text
