"""The words for writing derived features: in Python by calling them, in YAML as text. All end in expressions.

def derive(c):
    return {"weekday": weekday(days(c("year"), c("month"), c("day")))}
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import reduce

from cmcore_tabular.errors import TabularError
from cmcore_tabular.transform.expressions import Column, Constant, Expression, as_expression, call

DAY_S = 86_400


def where(condition: Expression, yes: Expression | float, no: Expression | float) -> Expression:
    """`yes` where the condition is not 0, else `no`."""
    return call("where", condition, yes, no)


def is_missing(value: Expression) -> Expression:
    """1 where a number is missing."""
    return call("is_missing", value)


def clip(value: Expression, low: float, high: float) -> Expression:
    """The value, held between two bounds; missing becomes `high`, so impute before where that matters."""
    return call("smaller", call("larger", low, value), high)


def days(year: Expression, month: Expression, day: Expression) -> Expression:
    """Days since 1970-01-01 of a date in the Gregorian calendar (Hinnant's days_from_civil)."""
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def weekday(day: Expression) -> Expression:
    """The day of the week of a day number: Monday is 0."""
    return (day + 3) % 7


def day_of(instant: Expression) -> Expression:
    """The day number of seconds since 1970 UTC: of a datetime column."""
    return instant // DAY_S


def hour_of(instant: Expression) -> Expression:
    """The hour, 0 to 23, of seconds since 1970 UTC."""
    return (instant % DAY_S) // 3600


def _unary(name: str) -> Callable[[Expression], Expression]:
    return lambda value: call(name, value)


FUNCTIONS: Mapping[str, Callable[..., Expression]] = {
    "where": where, "is_missing": is_missing, "clip": clip, "days": days, "weekday": weekday,
    "day_of": day_of, "hour_of": hour_of,
    **{name: _unary(name) for name in ("abs", "floor", "sqrt", "exp", "log", "sin", "cos")},
    "smaller": lambda a, b: call("smaller", a, b), "larger": lambda a, b: call("larger", a, b),
}  # fmt: skip
CONSTANTS = {"pi": math.pi}
UNARY: Mapping[type, Callable[[Expression], Expression]] = {ast.USub: operator.neg, ast.Not: operator.invert}
BINARY: Mapping[type, Callable[[Expression, Expression], Expression]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: lambda a, b: a.equals(b), ast.NotEq: lambda a, b: ~a.equals(b),
    ast.And: operator.and_, ast.Or: operator.or_,
}  # fmt: skip


def parse_expression(text: str) -> Expression:
    """An expression as YAML writes it, such as "sin(2 * pi * hour / 24)" or "origin == 'JFK'".

    Raises TabularError with the part that is not understood. Python's grammar, none of its power: names are
    columns, and only the functions of this module can be called.
    """
    try:
        return _build(ast.parse(text, mode="eval").body)
    except SyntaxError as error:
        raise TabularError(f"cannot read the expression {text!r}: {error.msg}") from error
    except (TabularError, TypeError) as error:
        raise TabularError(f"cannot read the expression {text!r}: {error}") from error


def _build(node: ast.expr) -> Expression:
    match node:
        case ast.Name(id=name):
            return Constant(CONSTANTS[name]) if name in CONSTANTS else Column(name)
        case ast.Constant(value=(str() | int() | float()) as value):
            return as_expression(value)
        case ast.UnaryOp(op=kind, operand=operand) if type(kind) in UNARY:
            return UNARY[type(kind)](_build(operand))
        case ast.BinOp(left=left, op=kind, right=right) if type(kind) in BINARY:
            return BINARY[type(kind)](_build(left), _build(right))
        case ast.Compare(left=left, ops=[kind], comparators=[right]) if type(kind) in BINARY:
            return BINARY[type(kind)](_build(left), _build(right))
        case ast.BoolOp(op=kind, values=values):
            return reduce(BINARY[type(kind)], map(_build, values))
        case ast.IfExp(test=test, body=yes, orelse=no):
            return where(_build(test), _build(yes), _build(no))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](*map(_build, arguments))
    known = f"columns, numbers, + - * / // %, comparisons, {', '.join(sorted(FUNCTIONS))}"
    raise TabularError(f"{ast.unparse(node)!r} is not understood; use {known}")
