"""Values as ML-Metadata properties and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.errors import LineageError
from cmcore.lineage.blobs import MemoryBlobs
from cmcore.lineage.spelling import INT32, MAX_INLINE_BYTES, read, spelled

TEXTS = st.text(st.characters(), max_size=50) | st.text("x\0\ud800é", max_size=1500)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
KEYS = st.text("abc_:", min_size=1, max_size=5).filter(lambda key: "__" not in key)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_reading_is_the_inverse_of_spelling(values: dict[str, JsonValue]) -> None:
    blobs = MemoryBlobs()
    assert read(spelled(values, blobs), blobs) == values


@given(st.dictionaries(KEYS, VALUES | st.just(float("nan")), max_size=4))
def test_no_spelling_is_one_that_a_store_refuses_or_cuts(values: dict[str, JsonValue]) -> None:
    row = spelled(values, MemoryBlobs())
    texts = [value for value in row.values() if isinstance(value, str)]
    assert all("\0" not in text and len(text.encode()) <= MAX_INLINE_BYTES for text in texts)
    assert all(value in INT32 for value in row.values() if isinstance(value, int))
    assert all(value - value == 0.0 for value in row.values() if isinstance(value, float))


@pytest.mark.parametrize(
    ("value", "row"),
    [
        (float("nan"), {"x__nonfinite": "nan"}),
        (float("-inf"), {"x__nonfinite": "-inf"}),
        ([1, "a"], {"x__json": '[1,"a"]'}),
        (None, {"x__json": "null"}),
        (2**31, {"x__json": "2147483648"}),
        (True, {"x": True}),
    ],
)
def test_the_suffix_tells_the_spelling(value: JsonValue, row: dict[str, object]) -> None:
    assert spelled({"x": value}, MemoryBlobs()) == row


@pytest.mark.parametrize("key", ["x__json", "x__blob", "x__nonfinite"])
def test_names_that_look_like_spellings_are_refused(key: str) -> None:
    with pytest.raises(LineageError, match=key):
        spelled({key: 1}, MemoryBlobs())


def test_what_is_not_json_is_refused_by_name() -> None:
    with pytest.raises(LineageError, match="'when'"):
        spelled({"when": object()}, MemoryBlobs())  # type: ignore[dict-item] # the wrong type is the test
