from __future__ import annotations

from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, TypeAdapter

from cmcore import CodeRef, Secret
from cmcore.artifacts import Examples
from cmcore.components.types import artifact_reference, artifact_type, python_type, written
from cmcore.errors import UsageError
from tests.unit.components.project_types import Color, Embeddings, Training

HOME = "tests.unit.components.project_types"
LEAVES = [int, float, str, bool, bytes, None, Color, Training, CodeRef, Literal["a", "b"], Literal[1, "x", True]]
TYPES = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda it: list[it]),
        inner.map(lambda it: dict[str, it]),
        inner.map(lambda it: tuple[it, ...]),
        inner.map(lambda it: it | None if it is not None else None),
    ),
    max_leaves=5,
)


@given(annotation=TYPES)
def test_a_type_is_read_back_as_it_was_written(annotation: object) -> None:
    assert written(python_type(written(annotation))) == written(annotation)


@given(annotation=TYPES)
def test_every_written_type_checks_values(annotation: object) -> None:
    assert TypeAdapter(python_type(written(annotation))).json_schema()


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"), (int | None, "int | None"), (list[float], "list[float]"), (JsonValue, "json"),
        (dict[str, JsonValue], "dict[str, json]"), (Training, f"{HOME}:Training"), (Secret[str], "Secret[str]"),
        (list[Training | None], f"list[{HOME}:Training | None]"), (Annotated[int, "note"], "int"),
        (tuple[int, ...], "tuple[int, ...]"), (Literal["a"], "Literal['a']"), (None, "None"),
    ],
)  # fmt: skip
def test_types_are_written_as_an_author_would(annotation: object, text: str) -> None:
    assert written(annotation) == text


@pytest.mark.parametrize(
    "text", ["flaot", "int +", "__import__('os')", "int.real", "lambda: 0", "[int]", "a.b", "", "int | 'x'"]
)
def test_what_is_no_type_is_refused_with_those_that_exist(text: str) -> None:
    with pytest.raises(UsageError, match="write one of int, float, str"):
        python_type(text)


def test_a_type_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(UsageError, match="'Trainnig'; did you mean 'Training'"):
        python_type(f"list[{HOME}:Trainnig]")


def test_standard_artifact_types_are_written_by_name() -> None:
    assert (artifact_reference(Examples), artifact_type("Examples")) == ("Examples", Examples)


def test_own_artifact_types_are_written_by_import_path() -> None:
    assert (artifact_reference(Embeddings), artifact_type(f"{HOME}:Embeddings")) == (f"{HOME}:Embeddings", Embeddings)


def test_an_unknown_artifact_type_says_what_exists_and_how_to_write_one_s_own() -> None:
    with pytest.raises(UsageError, match=r"'Exmaples' is not a standard one \(Anomalies.*'package.module:Exmaples'"):
        artifact_type("Exmaples")


def test_a_class_that_is_no_artifact_type_is_refused() -> None:
    with pytest.raises(UsageError, match="not an artifact type"):
        artifact_type(f"{HOME}:Training")
