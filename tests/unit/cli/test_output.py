"""JSON and tables on the terminal."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.cli.output import echo_pairs, echo_table, finite


def test_numbers_that_json_does_not_have_become_their_names() -> None:
    assert finite({"a": [math.nan, math.inf, 1.5]}) == {"a": ["nan", "inf", 1.5]}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_everything_becomes_strict_json(value: object) -> None:
    json.dumps(finite(value), allow_nan=False)


def test_a_table_is_aligned_and_leaves_no_space_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    echo_table(["name", "state"], [["a", ("ok", "green")], ["longer", "broken"]])
    assert capsys.readouterr().out == "name    state\na       ok\nlonger  broken\n"


def test_a_long_cell_is_not_broken_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    echo_table(["uri"], [["x" * 500]])
    assert capsys.readouterr().out == f"uri\n{'x' * 500}\n"


def test_markup_and_control_characters_in_cells_do_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    echo_table(["message"], [["[red]a[/red]\x1b[31m\nb"]])
    assert capsys.readouterr().out == "message\n[red]a[/red] [31m b\n"


def test_pairs_without_a_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    echo_pairs({"a": "1", "bc": "", "d": "2"})
    assert capsys.readouterr().out == "a   1\nd   2\n"
