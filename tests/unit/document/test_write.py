"""What is written is read back as it was, by us and by others, and digests have one text."""

from __future__ import annotations

import math
from textwrap import dedent

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.document.text import parse
from cmcore.document.write import canonical, dump

LOOK_ALIKES = """
no Yes null ~ 1:30 010 1e3 .nan 0x1f << = --- ... a:b - ? : # @ ` % ! & * | > [ { ' " \\ $${
"""
TEXT = (
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text(st.sampled_from("ab \n\t:#-'\"${}[]\r\x85\u2028!&*"))
    | st.sampled_from([*LOOK_ALIKES.split(), "- a", "a: b", "a #b", "? a", "x" * 1200, "a b " * 300])
)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
MAPPINGS = st.dictionaries(TEXT, JSON, max_size=5)
WORDS = st.lists(st.text("abc:#-'", min_size=1, max_size=12), min_size=20, max_size=60).map(" ".join)


@given(MAPPINGS)
def test_what_is_dumped_is_parsed_as_it_was(value: dict[str, JsonValue]) -> None:
    assert canonical(dict(parse(dump(value), file="d.yaml").value)) == canonical(value)


@given(MAPPINGS)
def test_keys_keep_their_order(value: dict[str, JsonValue]) -> None:
    assert list(parse(dump(value), file="d.yaml").value) == list(value)


@given(st.dictionaries(TEXT, TEXT | WORDS, max_size=5))
def test_readers_of_older_yaml_see_the_same_texts(value: dict[str, str]) -> None:
    assert yaml.safe_load(dump(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_readers_of_older_yaml_see_the_same_numbers(number: float) -> None:
    assert yaml.safe_load(dump({"n": number})) == {"n": number}


def test_a_document_reads_well() -> None:
    value: dict[str, JsonValue] = {
        "kind": "Pipeline",
        "parameters": {"limit": 10, "country": "no", "start": "1:30", "rate": 1e-3, "names": [], "none": None},
        "nodes": [{"uses": "cmcore_sklearn.train:train_model", "with": {"examples": "${ingest.examples}"}}, [1, [2]]],
        "notes": "two lines\nof text\n",
        "summary": "a sentence that goes on " * 6 + "to the end",
        "1": "key",
    }
    assert dump(value) == dedent("""\
        kind: Pipeline
        parameters:
          limit: 10
          country: "no"
          start: "1:30"
          rate: 0.001
          names: []
          none: null
        nodes:
          - uses: cmcore_sklearn.train:train_model
            with:
              examples: ${ingest.examples}
          - - 1
            - - 2
        notes: |
          two lines
          of text
        summary: >-
          a sentence that goes on a sentence that goes on a sentence that goes on a sentence that goes on a
          sentence that goes on a sentence that goes on to the end
        "1": key
        """)


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**63, -(2**63) - 1, "\ud800"])
def test_what_no_document_can_hold_is_not_written(value: JsonValue) -> None:
    with pytest.raises(ValueError, match=r"no document can hold it|surrogates not allowed"):
        dump({"a": value})


def test_canonical_text_is_sorted_compact_utf8() -> None:
    assert canonical({"b": [1, 2.0, None, True], "a": "é"}) == '{"a":"é","b":[1,2.0,null,true]}'.encode()


@given(MAPPINGS)
def test_the_order_of_keys_does_not_change_the_canonical_text(value: dict[str, JsonValue]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}, "\udfff"])
def test_values_without_one_text_have_no_canonical_text(value: JsonValue) -> None:
    with pytest.raises(ValueError, match=r"JSON compliant|surrogates not allowed"):
        canonical(value)
