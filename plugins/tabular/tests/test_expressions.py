from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmcore_tabular.errors import TabularError
from cmcore_tabular.transform.expressions import (
    Column,
    Expression,
    call,
    column_names,
    from_json,
    replace_columns,
    to_json,
)
from cmcore_tabular.transform.graph import FittedNumeric, FittedTransform, RawColumn, RawType, numbers
from cmcore_tabular.transform.onnx_graph import ML_DOMAIN, TransformWriter
from cmcore_tabular.transform.operations import OPERATIONS, is_text
from cmcore_tabular.transform.vocabulary import day_of, days, hour_of, parse_expression, weekday

A, B, C = Column("a"), Column("b"), Column("c")
INPUTS = tuple(RawColumn(name=name, type=RawType.DOUBLE) for name in "abc")
ODD = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.0, -1.0, 2.5, 7.0, 1e-300, 1e300, 0.5]
VALUE = st.sampled_from(ODD) | st.floats(-1e5, 1e5)


def in_numpy(expression: Expression, rows: dict[str, list[float]]) -> np.ndarray:
    return numbers(expression, {name: pl.Series(name, values, dtype=pl.Float64) for name, values in rows.items()})


def in_onnx(expression: Expression, rows: dict[str, list[float]]) -> np.ndarray:
    feature = FittedNumeric(name="f", expression=to_json(expression), fill=None, center=0, scale=1, indicator=False)
    writer = TransformWriter(FittedTransform(inputs=INPUTS, features=(feature,), label="y"))
    output = writer.features()
    graph = onnx.helper.make_graph(
        writer.nodes.nodes, "g", writer.inputs(), [onnx.helper.make_tensor_value_info(output, 1, ["rows", 1])],
        initializer=writer.nodes.initializers,
    )  # fmt: skip
    opsets = [onnx.helper.make_opsetid("", 19), onnx.helper.make_opsetid(ML_DOMAIN, 3)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    used = {each.name for each in session.get_inputs()}
    feed = {name: np.array(values, dtype=np.float64) for name, values in rows.items() if name in used}
    return session.run(None, feed)[0][:, 0]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@settings(max_examples=15, deadline=None)
@given(rows=st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=8))
def test_an_operation_means_the_same_in_numpy_and_in_onnx(name: str, rows: list[tuple[float, float, float]]) -> None:
    columns = {key: [row[index] for row in rows] for index, key in enumerate("abc")}
    expression = call(name, *(A, B, C)[: OPERATIONS[name].arity])
    with np.errstate(all="ignore"):
        expected = in_numpy(expression, columns).astype(np.float32)
    np.testing.assert_allclose(
        in_onnx(expression, columns), expected, rtol=3e-7, atol=1e-6 if name in {"sin", "cos"} else 0
    )


TEXTS = {
    "a + b * 2": 1 + 2 * 2, "(a + b) / c": 0.75, "-a": -1, "b // c": 0, "7 % c": 3, "a < b and b < c": 1,
    "not a == 1": 0, "a != 1 or c > 3": 1, "b if a > 5 else c": 4, "clip(c, 0, 3)": 3, "where(a, b, c)": 2,
    "is_missing(a / 0 - a / 0)": 1, "abs(-c)": 4, "floor(2.7 * a)": 2, "sqrt(c)": 2, "larger(a, b)": 2,
    "sin(pi / 2)": 1, "log(exp(a))": 1,
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), TEXTS.items())
def test_text_means_what_it_means_in_python(text: str, value: float) -> None:
    found = in_numpy(parse_expression(text), {"a": [1], "b": [2], "c": [4]})
    assert found.tolist() == pytest.approx([value], rel=1e-15)  # the last bit of exp and log is NumPy's affair


@pytest.mark.parametrize("text", TEXTS)
def test_text_means_the_same_in_onnx(text: str) -> None:
    rows = {"a": [1.0, float("nan")], "b": [2.0, 3.0], "c": [4.0, float("nan")]}
    expression = parse_expression(f"0 * b + ({text})")
    np.testing.assert_allclose(in_onnx(expression, rows), in_numpy(expression, rows).astype(np.float32), rtol=1e-6)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.b", "[a]", "a +", "lambda: 1", "f(a)", "a < b < c", "abs(a, b)", "a ** 2", "a @ b"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(TabularError, match="cannot read the expression"):
        parse_expression(text)


def test_an_expression_survives_json() -> None:
    expression = parse_expression("where(a > 1, sin(b), 2) + (c == 'x')")
    assert to_json(from_json(to_json(expression))) == to_json(expression)


@pytest.mark.parametrize("value", [{}, {"column": 1}, {"operation": "add"}, [], None])
def test_other_json_is_refused(value: object) -> None:
    with pytest.raises(TabularError, match="is not an expression"):
        from_json(value)  # type: ignore[arg-type] # what a damaged file may hold


def test_derived_columns_are_put_in_place() -> None:
    assert list(column_names(replace_columns(parse_expression("d + a"), {"d": B * C}))) == ["b", "c", "a"]


def test_python_truth_is_refused_while_building() -> None:
    with pytest.raises(TabularError, match="no truth value"):
        bool(A > 1)


@pytest.mark.parametrize("expression", [A + 1, A.equals(B), call("sin", A), A.equals("x") + A])
def test_text_where_a_number_is_needed_is_refused(expression: Expression) -> None:
    with pytest.raises(TabularError, match="text"):
        is_text(expression, frozenset({"a"}))


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_days_and_weekdays_are_those_of_the_calendar(day: date) -> None:
    rows = {"a": [float(day.year)], "b": [float(day.month)], "c": [float(day.day)]}
    number = days(A, B, C)
    found = in_numpy(number, rows)[0], in_numpy(weekday(number), rows)[0]
    assert found == ((day - date(1970, 1, 1)).days, day.weekday())


@given(st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)))  # made aware below
def test_days_and_hours_of_instants(instant: datetime) -> None:
    rows = {"a": [instant.replace(tzinfo=UTC).timestamp()]}
    found = in_numpy(day_of(A), rows)[0], in_numpy(hour_of(A), rows)[0]
    assert found == ((instant.date() - date(1970, 1, 1)).days, instant.hour)
