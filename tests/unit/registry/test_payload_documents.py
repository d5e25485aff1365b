from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.artifacts import LocalFolder
from cmcore.errors import DocumentError
from cmcore.registry.payload_documents import Tolerant, content, json_document, yaml_document

BOMB = b"a: &a [x, x, x]\nb: &b [*a, *a, *a]\nname: {z: [*b, *b]}\n"
WHERE = LocalFolder(Path("/somewhere"))


class Named(Tolerant):
    name: str


def test_what_is_not_asked_for_is_left_alone() -> None:
    raw = b"name: x\nsaved: 2024-01-31\nmore: !!binary aGVsbG8=\n"
    assert yaml_document(WHERE, "a.yaml", raw, Named) == Named(name="x")


def test_an_identifier_that_yaml_1_2_takes_for_a_huge_number_is_text() -> None:
    assert yaml_document(WHERE, "a.yaml", b"name: 12345e678\n", Named) == Named(name="12345e678")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (BOMB, r"aliases \(\*\) are not read; write the value out"),
        (b"name: " + b"[" * 100, "nested more than 64 deep"),
        (b"[" * 100_000, "nested more than 64 deep"),
        (b"name: [", "no YAML: while parsing"),
        (b"name: !!python/object/apply:os.system [true]", "no YAML: could not determine a constructor"),
        (b"name: 2024-02-31", "no YAML: day is out of range"),
        (b"name: \x00", "no YAML: "),
        (b"\xff\xff", "no YAML: "),
        (b"name: x\n---\nname: y\n", "no YAML: expected a single document"),
        (b"just text", "input should be a valid dictionary"),
        (b"", "input should be a valid dictionary"),
        (b"name: 1", r"input should be a valid string @ \$\.name"),
    ],
)
def test_what_is_no_yaml_for_us_says_why(raw: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=rf"file:///somewhere/a\.yaml: {message}"):
        yaml_document(WHERE, "a.yaml", raw, Named)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"[" * 100_000, "invalid JSON: recursion limit exceeded"),
        (b'{"name": "\xff"}', "invalid JSON"),
        (b'{"name": 1}', r"input should be a valid string @ \$\.name"),
    ],
)
def test_what_is_no_json_for_us_says_why(raw: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=rf"file:///somewhere/a\.json: {message}"):
        json_document(WHERE, "a.json", raw, Named)


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert content(LocalFolder(tmp_path), "a.json", limit=10) is None


def test_a_file_at_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b" " * 10)
    assert content(LocalFolder(tmp_path), "a.json", limit=10) == b" " * 10


def test_a_file_past_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b" " * 11)
    with pytest.raises(DocumentError, match=r"a\.json: larger than 10 bytes"):
        content(LocalFolder(tmp_path), "a.json", limit=10)
