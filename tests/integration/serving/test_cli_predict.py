"""`cm predict` on a real Triton: rows of every form, both protocols, and errors before anything is sent."""

from __future__ import annotations

import io
import json
import sys

import pytest

from tests.integration.serving.shop import Shop

pytestmark = pytest.mark.integration


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """With the endpoint `always`, which doubles a + n."""
    assert "always" in shop.project.endpoints.names()
    return shop


def values(answer: object) -> list[object]:
    """The one output of an answer in JSON."""
    assert isinstance(answer, dict)
    found: list[object] = answer["outputs"][0]["data"]
    return found


@pytest.mark.parametrize("protocol", [[], ["--grpc"]])
def test_a_row_is_answered_by_either_protocol(protocol: list[str], shop: Shop) -> None:
    said = shop.cm("predict", "always", "--data", '{"a": 1.5, "n": 2}', "--json", *protocol)
    assert values(said.json) == [7.0]


@pytest.mark.parametrize("protocol", [[], ["--grpc"]])
def test_the_answer_names_its_model_and_repeats_the_id(protocol: list[str], shop: Shop) -> None:
    answer = shop.cm("predict", "always", "--sample", "--id", "q1", "--json", *protocol).json
    assert (answer["model_name"], answer["id"]) == (shop.serving("always"), "q1")


@pytest.mark.parametrize(
    "text",
    ['[{"a": 1, "n": 2}, {"a": 3, "n": 4}]', '{"a": 1, "n": 2}\n{"a": 3, "n": 4}\n', "a,n\n1,2\n3,4\n"],
    ids=["list", "lines", "csv"],
)
def test_rows_come_from_a_file_in_any_form(text: str, shop: Shop) -> None:
    file = shop.folder / "rows"
    file.write_text(text)
    assert values(shop.cm("predict", "always", "--rows", str(file), "--json").json) == [6.0, 14.0]


def test_rows_come_from_standard_input(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"n,a\n2,1\n")))
    assert values(shop.cm("predict", "always", "--rows", "-", "--json").json) == [6.0]


def test_people_see_a_row_for_each_and_how_to_ask_why(shop: Shop) -> None:
    said = shop.cm("predict", "always", "--sample")
    assert ([line.split() for line in said.out.splitlines()], f"cm --project {shop.folder} why always" in said.err) == (
        [["row", "y"], ["1", "7"], ["2", "14"]], True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"a": 1.0}, "row 1, column 'n': it is missing"),
        ({"a": "x", "n": 2}, "row 1, column 'a': 'x' is no FP64"),
        ({"a": 1.0, "n": 2.5}, "row 1, column 'n': 2.5 is no INT64"),
        ({"a": 1.0, "n": None}, "row 1, column 'n': null is no INT64"),
        ([], "there are no rows"),
        (3, "a row is an object"),
    ],
)
def test_what_the_model_does_not_take_is_refused_with_its_place(row: object, told: str, shop: Shop) -> None:
    before = shop.project.backend("triton").traffic()[shop.serving("always")].total
    said = shop.cm("predict", "always", "--data", json.dumps(row))
    after = shop.project.backend("triton").traffic()[shop.serving("always")].total
    assert (said.code, told in said.err, after) == (64, True, before)


def test_columns_that_the_model_does_not_have_are_left_out_and_named(shop: Shop) -> None:
    row = {"a": 1.5, "n": 2, **{f"m{number}": 0 for number in range(7)}}
    said = shop.cm("predict", "always", "--data", json.dumps(row), "--json")
    told = "left out, as the model has no such columns: m0, m1, m2, m3, m4 and 2 more\n"
    assert (values(said.json), said.err) == ([7.0], told)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 64),
        (["--sample", "--data", "{}"], 64),
        (["--sample", "--variant", "mian"], 66),
        (["--rows", "nowhere.csv"], 64),
        (["--data", "{"], 64),
    ],
)
def test_a_command_line_that_cannot_be_answered(words: list[str], code: int, shop: Shop) -> None:
    assert shop.cm("predict", "always", *words).code == code


def test_an_endpoint_without_grpc_is_not_asked_by_it(shop: Shop) -> None:
    shop.deployed("restful", protocols=["rest"])
    said = shop.cm("predict", "restful", "--sample", "--grpc")
    assert (said.code, "restful offers rest, not grpc" in said.err) == (64, True)
