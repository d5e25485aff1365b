"""Expressions over raw columns: what a derived feature is, as a value. What operations mean is in `operations`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore_tabular.errors import TabularError


class Expression:
    """A column, a constant, or an operation on expressions. Python's operators build larger ones.

    Numbers are 64-bit floats, NaN is missing, truth is 1 and falsehood 0; a missing text is "". A comparison
    with a missing number is false. `equals` compares, because `==` on values must stay Python's.
    """

    def __add__(self, other: Expression | float) -> Expression:
        return call("add", self, other)

    def __radd__(self, other: float) -> Expression:
        return call("add", other, self)

    def __sub__(self, other: Expression | float) -> Expression:
        return call("sub", self, other)

    def __rsub__(self, other: float) -> Expression:
        return call("sub", other, self)

    def __mul__(self, other: Expression | float) -> Expression:
        return call("mul", self, other)

    def __rmul__(self, other: float) -> Expression:
        return call("mul", other, self)

    def __truediv__(self, other: Expression | float) -> Expression:
        return call("div", self, other)

    def __rtruediv__(self, other: float) -> Expression:
        return call("div", other, self)

    def __floordiv__(self, other: Expression | float) -> Expression:
        return call("floor", call("div", self, other))

    def __mod__(self, other: Expression | float) -> Expression:
        return call("mod", self, other)

    def __neg__(self) -> Expression:
        return call("neg", self)

    def __lt__(self, other: Expression | float) -> Expression:
        return call("lt", self, other)

    def __le__(self, other: Expression | float) -> Expression:
        return call("le", self, other)

    def __gt__(self, other: Expression | float) -> Expression:
        return call("gt", self, other)

    def __ge__(self, other: Expression | float) -> Expression:
        return call("ge", self, other)

    def __and__(self, other: Expression | float) -> Expression:
        return call("and", self, other)

    def __or__(self, other: Expression | float) -> Expression:
        return call("or", self, other)

    def __invert__(self) -> Expression:
        return call("not", self)

    def __bool__(self) -> bool:
        raise TabularError("an expression has no truth value while it is built; use &, |, ~ and where()")

    def equals(self, other: Expression | float | str) -> Expression:
        """1 where both are equal; for texts `other` is a constant."""
        return call("eq", self, other)


@dataclass(frozen=True, slots=True, eq=False)
class Column(Expression):
    """The value of a raw column."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Expression):
    """The same value in every row."""

    value: float | str


@dataclass(frozen=True, slots=True, eq=False)
class Call(Expression):
    """An operation on other expressions."""

    operation: str
    arguments: tuple[Expression, ...]


def call(operation: str, *arguments: Expression | float | str) -> Call:
    """An operation on expressions and plain values."""
    return Call(operation, tuple(as_expression(argument) for argument in arguments))


def as_expression(value: Expression | float | str) -> Expression:
    """A plain value as a constant; an expression as itself."""
    match value:
        case Expression():
            return value
        case str():
            return Constant(value)
        case int() | float():
            return Constant(float(value))
    raise TabularError(f"{value!r} cannot stand in an expression; use columns, numbers and texts")


def column_names(expression: Expression) -> Iterator[str]:
    """The raw columns that an expression reads, in order, repeats included."""
    match expression:
        case Column(name=name):
            yield name
        case Call(arguments=arguments):
            for argument in arguments:
                yield from column_names(argument)


def to_json(expression: Expression) -> JsonValue:
    """An expression as JSON."""
    match expression:
        case Column(name=name):
            return {"column": name}
        case Constant(value=value):
            return {"constant": value}
        case Call(operation=operation, arguments=arguments):
            return {"operation": operation, "arguments": [to_json(argument) for argument in arguments]}
    raise TabularError(f"{expression!r} is not a column, a constant or an operation")


def from_json(value: JsonValue) -> Expression:
    """The inverse of `to_json`."""
    match value:
        case {"column": str(name)}:
            return Column(name)
        case {"constant": (str() | int() | float()) as constant}:
            return as_expression(constant)
        case {"operation": str(operation), "arguments": list(arguments)}:
            return Call(operation, tuple(from_json(argument) for argument in arguments))
    raise TabularError(f"{value!r} is not an expression; it has `column`, `constant`, or `operation` and `arguments`")


def replace_columns(expression: Expression, definitions: dict[str, Expression]) -> Expression:
    """The expression with named definitions put in the place of columns of that name."""
    match expression:
        case Column(name=name):
            return definitions.get(name, expression)
        case Call(operation=operation, arguments=arguments):
            return Call(operation, tuple(replace_columns(argument, definitions) for argument in arguments))
    return expression
