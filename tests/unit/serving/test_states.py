"""The table of a deployment's life is what it should be: nothing is lost in it, nothing goes round for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import StateError
from cmcore.serving.states import TRANSITIONS, Change, DeploymentState, after

S, C = DeploymentState, Change
EVERY = [(state, change) for state in DeploymentState for change in Change]
POSSIBLE = [(state, change) for state, changes in TRANSITIONS.items() for change in changes]
IMPOSSIBLE = [pair for pair in EVERY if pair not in POSSIBLE]


@pytest.mark.parametrize(("state", "change"), IMPOSSIBLE)
def test_a_change_that_cannot_happen_is_refused_with_those_that_can(state: S, change: C) -> None:
    with pytest.raises(StateError, match=f"{state} cannot be {change}"):
        after(state, change)


@pytest.mark.parametrize("state", list(S))
def test_every_state_is_in_the_table(state: S) -> None:
    assert state in TRANSITIONS


def test_only_gone_and_rejected_are_final() -> None:
    assert [state for state in S if state.final] == [S.GONE, S.REJECTED]


@pytest.mark.parametrize("change", list(C))
def test_every_change_happens_somewhere(change: C) -> None:
    assert change in {change for _, change in POSSIBLE}


def test_the_straight_way_ends_warm() -> None:
    assert walked(S.DECLARED, [C.PLACED, C.LOADED, C.WARMED]) is S.WARM


def test_the_way_out_ends_gone() -> None:
    assert walked(S.WARM, [C.RETIRED, C.UNLOADED, C.CLEARED]) is S.GONE


@pytest.mark.parametrize("state", [S.DECLARED, S.PLACED, S.LOADED])
def test_what_is_refused_before_it_is_warm_ends_rejected(state: S) -> None:
    assert walked(state, [C.REFUSED, C.CLEARED]) is S.REJECTED


def test_what_was_warm_is_never_refused() -> None:
    assert C.REFUSED not in TRANSITIONS[S.WARM]


@pytest.mark.parametrize("state", [S.LOADED, S.WARM])
def test_what_the_server_lost_is_placed_and_no_more(state: S) -> None:
    assert after(state, C.LOST) is S.PLACED


@pytest.mark.parametrize("state", list(S))
def test_a_final_state_can_be_reached_from_everywhere(state: S) -> None:
    assert {reached for reached in reachable(state) if reached.final}


@given(changes=st.lists(st.sampled_from(list(C)), max_size=30))
def test_only_what_was_loaded_and_warmed_is_warm(changes: list[C]) -> None:
    taken, state = possible_of(changes)
    assert state is not S.WARM or taken[-1] is C.WARMED


@given(changes=st.lists(st.sampled_from(list(C)), max_size=30))
def test_what_was_loaded_is_unloaded_before_it_is_gone(changes: list[C]) -> None:
    taken, state = possible_of(changes)
    assert state is not S.GONE or C.LOADED not in taken or C.UNLOADED in taken


def walked(state: S, changes: list[C]) -> S:
    """The state after one change upon another."""
    for change in changes:
        state = after(state, change)
    return state


def possible_of(changes: list[C]) -> tuple[list[C], S]:
    """Those of the changes that can happen in their turn, and the state at the end."""
    state, taken = S.DECLARED, []
    for change in changes:
        if change in TRANSITIONS[state]:
            state = after(state, change)
            taken.append(change)
    return taken, state


def reachable(state: S) -> set[S]:
    """All states that can follow, itself included."""
    found, waiting = {state}, [state]
    while waiting:
        new = set(TRANSITIONS[waiting.pop()].values()) - found
        found |= new
        waiting += new
    return found
