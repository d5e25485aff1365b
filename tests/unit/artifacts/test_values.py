from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.artifacts.values import (
    Boolean,
    Bytes,
    Float,
    Integer,
    JsonValueArtifact,
    String,
    ValueArtifact,
    has_nan,
    value_type,
)
from cmcore.errors import StorageError

TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("cls", "value"),
    [
        (Integer, 2**70), (Float, 0.1), (Float, math.inf), (String, "größer\n"), (String, ""), (Boolean, False),
        (Bytes, b"\x00\xff"), (JsonValueArtifact, {"a": [1, None]}),
    ],
)  # fmt: skip
def test_a_value_is_read_back_as_it_was_written(tmp_path: Path, cls: type[ValueArtifact], value: object) -> None:
    artifact = cls.at(tmp_path)
    artifact.write(value)
    assert artifact.read() == value


def test_nan_is_read_back_as_nan(tmp_path: Path) -> None:
    artifact = Float.at(tmp_path)
    artifact.write(math.nan)
    assert repr(artifact.read()) == "nan"


@given(value=JSON)
def test_any_json_value_survives_its_file(value: object) -> None:
    assert JsonValueArtifact.decode(JsonValueArtifact.encode(value)) == value


@given(value=JSON)
def test_equal_values_have_equal_bytes(value: object) -> None:
    again = JsonValueArtifact.decode(JsonValueArtifact.encode(value))
    assert JsonValueArtifact.encode(again) == JsonValueArtifact.encode(value)


def test_a_value_lies_in_a_file_named_value_as_text(tmp_path: Path) -> None:
    Integer.at(tmp_path).write(42)
    assert (tmp_path / "value").read_text() == "42"


def test_a_file_that_holds_no_such_value_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("{")
    with pytest.raises(StorageError, match="holds no Integer"):
        Integer.at(tmp_path).read()


def test_bytes_take_nothing_but_bytes(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds bytes, not str"):
        Bytes.at(tmp_path).write("text")


@pytest.mark.parametrize(
    ("python", "artifact"),
    [
        (int, Integer), (float, Float), (str, String), (bool, Boolean), (bytes, Bytes),
        (list[int], JsonValueArtifact), (dict, JsonValueArtifact), (int | None, JsonValueArtifact),
    ],
)  # fmt: skip
def test_each_python_type_has_its_value_artifact(python: object, artifact: type) -> None:
    assert value_type(python) is artifact


@pytest.mark.parametrize("value", [math.nan, math.inf, [1.0, -math.inf], {"a": {"b": (math.nan,)}}])
def test_nan_and_infinities_are_found_at_any_depth(value: object) -> None:
    assert has_nan(value)


@pytest.mark.parametrize("value", [1.0, "nan", None, [], {"nan": 1}, 10**400])
def test_what_only_looks_like_nan_is_none(value: object) -> None:
    assert not has_nan(value)
