"""Filters, and values of fields, as Hypothesis makes them up."""

from __future__ import annotations

from hypothesis import strategies as st

from cmcore.filters.pattern import ends_open
from cmcore.filters.syntax import And, Comparator, Comparison, Field, Filter, Not, Or, Scalar

LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.text(st.sampled_from("aAbBé%_\\'\" 1\n"), max_size=4) | st.text(LETTERS, max_size=4)
NUMBERS = st.sampled_from([-1.5, 0.0, 1.0, 1e-3, 1e300]) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS: st.SearchStrategy[Scalar] = TEXTS | NUMBERS | st.booleans() | st.sampled_from(["true", "a", "nan"])
NAMES = st.sampled_from(["auc", "val auc", "évaluer", "in", "a.b", "1", "lr/x"]) | st.text(
    LETTERS, min_size=1, max_size=4
)
FIELDS = st.builds(Field, group=st.sampled_from(["", "metrics", "params", "or"]), name=NAMES)
SIGNS = [each for each in Comparator if not each.value.isalpha()]


def comparisons(fields: st.SearchStrategy[Field]) -> st.SearchStrategy[Filter]:
    """One comparison with a fitting number of values."""
    signs = st.builds(Comparison, field=fields, comparator=st.sampled_from(SIGNS), values=st.tuples(SCALARS))
    lists = st.lists(SCALARS, min_size=1, max_size=3).map(tuple)
    within = st.builds(Comparison, field=fields, comparator=st.just(Comparator.IN), values=lists)
    patterns = st.tuples(TEXTS.filter(lambda text: not ends_open(text)))
    likes = st.builds(Comparison, field=fields, comparator=st.just(Comparator.LIKE), values=patterns)
    exist = st.builds(Comparison, field=fields, comparator=st.just(Comparator.EXISTS))
    return signs | within | likes | exist


def filters(fields: st.SearchStrategy[Field] = FIELDS) -> st.SearchStrategy[Filter]:
    """Whole filters, as deep as they get."""

    def larger(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        joined = st.builds(And, operands=several) | st.builds(Or, operands=several)
        return st.builds(Not, operand=inner) | joined

    return st.recursive(comparisons(fields), larger, max_leaves=8)
