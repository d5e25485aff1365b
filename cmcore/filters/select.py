"""From a filter to a SQL condition with the meaning of `match`: values are bound, never spliced, and no test is NULL.

Whoever owns the tables says what one comparison is; `one_row` says it for the columns of one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from cmcore.errors import UsageError
from cmcore.filters.match import plain
from cmcore.filters.syntax import And, Comparator, Comparison, Field, Filter, Not, Or
from cmcore.filters.tokens import did_you_mean

Condition = sa.ColumnElement[bool]


def condition(
    filter: Filter,  # noqa: A002 # the word for it, as `Filter` is
    column_of: Callable[[Comparison], Condition],
    *,
    holds: bool = True,
) -> Condition:
    """The condition of a whole filter, or of its opposite; `column_of` gives that of one comparison, never NULL.

    SQLite's parser has room for 100 open words. So `not` goes down to the comparisons, which changes nothing where
    nothing is NULL, and what is nested deepest stands first: then each level leaves only a bracket open.
    """
    match filter:
        case Comparison():
            return column_of(filter) if holds else sa.not_(column_of(filter))
        case Not(operand=operand):
            return condition(operand, column_of, holds=not holds)
        case And(operands=operands) | Or(operands=operands):
            deepest_first = sorted(operands, key=_depth, reverse=True)
            join = sa.and_ if isinstance(filter, And) is holds else sa.or_
            return join(*(condition(operand, column_of, holds=holds) for operand in deepest_first))


def _depth(filter: Filter) -> int:  # noqa: A002 # likewise
    match filter:
        case Comparison():
            return 0
        case Not(operand=operand):
            return _depth(operand)
        case And(operands=operands) | Or(operands=operands):
            return 1 + max(map(_depth, operands))


def one_row(
    comparison: Comparison,
    *,
    text: sa.ColumnElement[str] | None = None,
    number: sa.ColumnElement[float] | None = None,
) -> Condition:
    """Whether the value in these columns of one row satisfies the comparison; give those that the field has."""
    columns = [column for column in (text, number) if column is not None]
    if comparison.comparator is Comparator.EXISTS:
        return sa.or_(*(column.is_not(None) for column in columns))
    literals = [plain(value) for value in comparison.values]
    texts = [literal for literal in literals if isinstance(literal, str)]
    numbers = [literal for literal in literals if not isinstance(literal, str)]
    tests: list[Condition] = []
    if text is not None and texts:
        tests.append(
            sa.and_(text.is_not(None), _test(comparison.comparator, _comparable(comparison.comparator, text), texts))
        )
    if number is not None and numbers and comparison.comparator is not Comparator.LIKE:
        tests.append(sa.and_(number.is_not(None), _test(comparison.comparator, number, numbers)))
    return sa.or_(sa.false(), *tests)


def no_such_field(field: Field, known: Iterable[str]) -> UsageError:
    """The error for a field that is not known; `known` are names, such as `state`, and groups, such as `metrics.`."""
    names = list(known)
    hint = did_you_mean(f"{field.group}." if field.group else field.name, names) or "."
    return UsageError(f"there is no field {str(field)!r}{hint} There are {', '.join(names)}")


def _comparable(comparator: Comparator, column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Equality is the same in every collation, and needs the column as its index has it."""
    return column if comparator in {Comparator.EQUAL, Comparator.UNEQUAL, Comparator.IN} else ByCodePoint(column)


def _test(
    comparator: Comparator, column: sa.ColumnElement[str] | sa.ColumnElement[float], literals: Sequence[object]
) -> Condition:
    match comparator:
        case Comparator.IN:
            return column.in_(literals)
        case Comparator.LIKE:
            return column.ilike(literals[0], escape="\\")
        case sign:
            return column.bool_op(sign.value)(literals[0])


class ByCodePoint(FunctionElement[str]):
    """A text column that compares by code points and knows the case of a to z only, as SQLite's always do."""

    name = "by_code_point"
    inherit_cache = True
    type = sa.Text()


@compiles(ByCodePoint)
def _as_it_is(element: ByCodePoint, compiler: SQLCompiler, **options: object) -> str:
    return compiler.process(element.clauses, **options)


@compiles(ByCodePoint, "postgresql")
def _collated(element: ByCodePoint, compiler: SQLCompiler, **options: object) -> str:
    return f'({compiler.process(element.clauses, **options)}) COLLATE "C"'
