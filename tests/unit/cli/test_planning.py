"""Which nodes are chosen, and how options change a plan."""

from __future__ import annotations

import pytest

from cmcore.cli.planning import Selection, with_cache
from cmcore.errors import UsageError
from cmcore.pipelines.document import CachePolicy
from cmcore.pipelines.plan import NodeKind
from tests.unit.cli.plans import node, plan

CHAIN = plan(node("a"), node("b", "a"), node("c", "b"), node("d", "c"))


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), set()),
        (Selection(first=["a"]), set()),
        (Selection(first=["c"]), {"c", "d"}),
        (Selection(last=["b"]), {"a", "b"}),
        (Selection(first=["b"], last=["c"]), {"b", "c"}),
        (Selection(only=["d", "a"]), {"a", "d"}),
    ],
)
def test_chosen(selection: Selection, chosen: set[str]) -> None:
    assert selection.chosen(CHAIN) == chosen


def test_a_value_in_an_input_is_chosen_with_its_reader() -> None:
    assert Selection(only=["r"]).chosen(plan(node("a"), node("v", kind=NodeKind.LITERAL), node("r", "v"))) == {"r", "v"}


@pytest.mark.parametrize("selection", [Selection(first=["x"]), Selection(last=["x"]), Selection(only=["a", "x"])])
def test_a_node_that_is_not_there_is_refused(selection: Selection) -> None:
    with pytest.raises(UsageError, match="no node 'x'"):
        selection.chosen(CHAIN)


def test_an_empty_choice_is_refused() -> None:
    with pytest.raises(UsageError, match="no node lies between --from and --to"):
        Selection(first=["c"], last=["a"]).chosen(CHAIN)


def test_a_node_whose_cache_is_off_keeps_it_off() -> None:
    off = node("b", "a").model_copy(update={"cache": CachePolicy.OFF})
    found = with_cache(plan(node("a"), off), CachePolicy.REFRESH)
    assert [each.cache for each in found.nodes] == [CachePolicy.REFRESH, CachePolicy.OFF]
