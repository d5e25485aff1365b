"""Why a search may have found nothing: what its filter asks for and no run has. Pure; the names that runs have are
handed in.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence

from cmcore.filters.syntax import And, Comparator, Comparison, Filter, Not, Or

GROUPS = {"metrics": "metric", "params": "parameter", "tags": "tag"}
WHOLE = {Comparator.EQUAL, Comparator.UNEQUAL, Comparator.IN}
CLOSENESS = 0.6


def absent(asked: Filter, names: Callable[[str], Sequence[str]], states: Sequence[str]) -> list[str]:
    """One sentence for each name and state that no run has; `names` gives those of a group."""
    found = (sentence for each in comparisons(asked) for sentence in faults(each, names, states))
    return list(dict.fromkeys(found))


def faults(comparison: Comparison, names: Callable[[str], Sequence[str]], states: Sequence[str]) -> Iterator[str]:
    """What one comparison asks for in vain."""
    field = comparison.field
    if field.group in GROUPS:
        yield from no_name(GROUPS[field.group], field.name, names(field.group))
    elif (field.group, field.name) == ("", "state") and comparison.comparator in WHOLE:
        yield from no_states(comparison, states)


def comparisons(asked: Filter) -> Iterator[Comparison]:
    """The comparisons of a filter, in its order."""
    match asked:
        case Comparison():
            yield asked
        case Not(operand=operand):
            yield from comparisons(operand)
        case And(operands=operands) | Or(operands=operands):
            for operand in operands:
                yield from comparisons(operand)


def no_name(what: str, name: str, known: Sequence[str]) -> Iterator[str]:
    """That there is no such name, alone or after that of a node."""
    if name in known or any(name.endswith(f".{each}") for each in known):
        return
    near = difflib.get_close_matches(name[:100], known, n=1, cutoff=CLOSENESS)
    yield f"no run has a {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def no_states(comparison: Comparison, states: Sequence[str]) -> Iterator[str]:
    """That there are no such states."""
    for value in comparison.values:
        if value not in states:
            listed = f"{', '.join(states[:-1])} and {states[-1]}"
            yield f"no run can have the state {value!r}; there are {listed}"
