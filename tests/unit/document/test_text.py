"""Reading a document: what it holds, where, and all problems at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cmcore.document import text as text_module
from cmcore.document.text import SIZE_MAX_BYTES, Document, Mark, parse, read
from cmcore.errors import DocumentError, Problem

NODES = """\
kind: Sample
nodes:
  train:
    uses: trainer
    with: {rate: 0.1, sizes: [3, 5]}
"""


def problems(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as refused:
        parse(text, file="d.yaml")
    return refused.value.problems


@pytest.fixture
def document() -> Document:
    return parse(NODES, file="d.yaml")


def test_values_are_plain_data_in_the_order_of_the_text(document: Document) -> None:
    train = {"uses": "trainer", "with": {"rate": 0.1, "sizes": [3, 5]}}
    assert document.value == {"kind": "Sample", "nodes": {"train": train}}


@pytest.mark.parametrize(
    ("path", "mark"),
    [
        ((), Mark(1, 1)),
        (("kind",), Mark(1, 7)),
        (("nodes",), Mark(3, 3)),
        (("nodes", "train", "with"), Mark(5, 11)),
        (("nodes", "train", "with", "sizes", 1), Mark(5, 34)),
    ],
)
def test_every_value_has_its_position(document: Document, path: tuple[str | int, ...], mark: Mark) -> None:
    assert document.mark(path) == mark


def test_a_key_has_its_own_position(document: Document) -> None:
    assert document.key_mark(("nodes", "train", "with")) == Mark(5, 5)


def test_a_missing_value_has_the_position_of_the_nearest_key_above_it(document: Document) -> None:
    assert document.mark(("nodes", "train", "cache", "verify")) == Mark(3, 3)


def test_a_problem_names_file_position_path_and_hint(document: Document) -> None:
    problem = document.problem(("nodes", "train", "uses"), "no such component", "did you mean 'trainer2'?")
    assert str(problem) == "d.yaml:4:11: no such component (did you mean 'trainer2'?) @ $.nodes.train.uses"


def test_all_problems_are_reported_at_once_in_the_order_of_the_text() -> None:
    found = problems("a: &x 1\nb: *x\nb: .nan\n3: !y z\nc: [\n")
    assert [(problem.line, problem.column) for problem in found] == [
        (1, 4), (2, 4), (3, 1), (3, 4), (4, 1), (4, 4), (6, 1),
    ]  # fmt: skip


def test_a_problem_inside_a_list_has_its_path() -> None:
    assert problems("a:\n  - b: [1, *x]\n")[0].path == "$.a[0].b[1]"


def test_an_odd_key_is_quoted_in_paths() -> None:
    assert problems("'odd key': *x\n")[0].path == "$['odd key']"


def test_after_a_hundred_problems_reading_stops() -> None:
    found = problems("a: [" + "*x, " * 5000 + "]")
    assert (len(found), "more than 100 problems" in found[-1].message) == (101, True)


def test_bad_utf8_is_found_by_byte_line_and_column_and_the_rest_is_still_read() -> None:
    found = problems("k: é\nname: caf".encode() + b"\xe9\nother: *x\n")
    assert [(p.line, p.column, p.message.split(":")[0]) for p in found] == [
        (2, 10, "byte 15 (0xe9) is not UTF-8"),
        (3, 8, "aliases are not supported, found *x"),
    ]


def test_a_lone_surrogate_in_a_str_is_refused() -> None:
    assert "half of a surrogate pair, U+D800" in problems("a: b\ud800")[0].message


def test_every_control_character_is_reported() -> None:
    assert [(p.line, p.column) for p in problems("a: \x00b\nc: d\x01\x02\n")] == [(1, 4), (2, 5), (2, 6)]


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfa: 1\n", "\ufeffa: 1\n", "a: 1\r\n", "---\na: 1\n...\n# end\n", "{a: 1}"]
)
def test_one_document_in_any_dress_is_read(content: str | bytes) -> None:
    assert parse(content, file="d.yaml").value == {"a": 1}


def test_core_tags_are_followed() -> None:
    text = "a: !!str 3\nb: !!float 3\nc: !!map {d: !!seq [!!int '4']}\ne: ! 5\nf: !!null ''\ng: !!bool 'true'\n"
    expected = {"a": "3", "b": 3.0, "c": {"d": [4]}, "e": "5", "f": None, "g": True}
    assert parse(text, file="d.yaml").value == expected


def test_quoted_keys_that_look_like_something_else_are_text() -> None:
    assert parse("'1': a\n'<<': b\n\"null\": c\n", file="d.yaml").value == {"1": "a", "<<": "b", "null": "c"}


def test_64_levels_are_read() -> None:
    assert parse("a: " + "[" * 63 + "]" * 63, file="d.yaml").mark(("a", *[0] * 62)) == Mark(1, 66)


@pytest.mark.parametrize("unit", ["[", "{a: ", "- ", "? "])
def test_a_hundred_thousand_levels_are_refused_without_recursion(unit: str) -> None:
    assert "nested deeper than 64 levels" in problems("a:\n  " + unit * 100_000)[-1].message


@pytest.mark.parametrize("content", ["a: " + "x" * SIZE_MAX_BYTES, b"a" * 10_000_000, "a: " + "é" * 500_000])
def test_more_than_a_megabyte_is_refused_unread(content: str | bytes) -> None:
    assert problems(content)[0].message == "the document is larger than 1,000,000 bytes"


def test_fifty_thousand_keys_are_read() -> None:
    assert len(parse("".join(f"k{i}: v\n" for i in range(50_000)), file="d.yaml").value) == 50_000


def test_pyyaml_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch, document: Document) -> None:
    monkeypatch.setattr(text_module, "Loader", yaml.SafeLoader)
    assert parse(NODES, file="d.yaml") == document


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ("a: *\n", "a '*' here begins an alias"),
        ("a: &[b]\n", "an '&' here begins an anchor"),
        ("a: !<x\n", "a '!' here begins a tag"),
        ("a: | b\n", "after '|' or '>' the text begins on the next line"),
        ("a: - b\n", "a list cannot begin here"),
        ("a: ? b\n", "a '?' is not expected here"),
    ],
)
@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
def test_a_special_character_at_the_wrong_place_is_named(
    monkeypatch: pytest.MonkeyPatch, loader: type, content: str, fragment: str
) -> None:
    monkeypatch.setattr(text_module, "Loader", loader)
    assert fragment in problems(content)[0].message


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ('a: "\\UFFFFFFFF"\n', "names no character"),
        ('a: "\\ud800"\n', "half of a surrogate pair"),
        ("a: 'x\n", "a quoted text is not closed"),
        ("a:\n\tb: 1\n", "a tab indents this line"),
        ("a: b: c\n", "a ':' is not expected here"),
        ("a: [1, 2\nb: 3\n", "a ',' or the closing ']' is missing"),
        ("[" * 100_000, "nested deeper than 64 levels"),
    ],
)
def test_pyyaml_without_libyaml_refuses_in_the_same_words(
    monkeypatch: pytest.MonkeyPatch, content: str, fragment: str
) -> None:
    monkeypatch.setattr(text_module, "Loader", yaml.SafeLoader)
    assert fragment in problems(content)[0].message


def test_a_file_is_read_under_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a: *x\n", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"p\.yaml:1:4: aliases are not supported"):
        read(path)


def test_a_missing_file_is_a_problem_of_the_document(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"none\.yaml: cannot be read: No such file or directory"):
        read(tmp_path / "none.yaml")
