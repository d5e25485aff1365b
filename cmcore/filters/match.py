"""What a filter means, as a pure function; SQL (`select`) must give the same answers, and a test compares the two.

A field may have any number of values, and a comparison holds if it holds for one of them. A text compares with texts,
a number with numbers, nothing with anything else, so `!=` too needs a value of the literal's kind. A boolean is the
text `true` or `false`. Texts are ordered by their code points. NaN equals nothing and has no order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

from cmcore.filters.pattern import like
from cmcore.filters.syntax import And, Comparator, Comparison, Field, Filter, Not, Or, Scalar

ORDER: dict[Comparator, Callable[[str | float, str | float], bool]] = {
    Comparator.LESS: operator.lt,
    Comparator.LESS_OR_EQUAL: operator.le,
    Comparator.GREATER: operator.gt,
    Comparator.GREATER_OR_EQUAL: operator.ge,
}


def matches(filter: Filter, lookup: Callable[[Field], Sequence[Scalar]]) -> bool:  # noqa: A002 # the word for it
    """Whether it holds for a thing whose values `lookup` gives; no values where there is no such field."""
    match filter:
        case Comparison(field=field):
            return any(holds(filter, value) for value in lookup(field))
        case Not(operand=operand):
            return not matches(operand, lookup)
        case And(operands=operands):
            return all(matches(operand, lookup) for operand in operands)
        case Or(operands=operands):
            return any(matches(operand, lookup) for operand in operands)


def holds(comparison: Comparison, value: Scalar) -> bool:
    """Whether one value satisfies a comparison."""
    if comparison.comparator is Comparator.EXISTS:
        return True
    own = plain(value)
    literals = [
        literal for literal in map(plain, comparison.values) if isinstance(literal, str) == isinstance(own, str)
    ]
    match comparison.comparator:
        case Comparator.EQUAL | Comparator.IN:
            return own in literals
        case Comparator.UNEQUAL:
            return own == own and any(own != literal for literal in literals)  # noqa: PLR0124 # not NaN
        case Comparator.LIKE:
            return any(like(str(literal), str(own)) for literal in literals if isinstance(literal, str))
        case order:
            return any(ORDER[order](own, literal) for literal in literals)


def plain(value: Scalar) -> str | float:
    """A boolean as its text, everything else as it is."""
    return ("true" if value else "false") if isinstance(value, bool) else value
