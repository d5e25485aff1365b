"""Which step is taken, as a table; and what holds whatever happens: traffic stays with what is warm, and it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmcore.serving.decision import Advance, MoveTraffic, Seen, Step, Wait, next_step
from cmcore.serving.states import Change
from cmcore.serving.states import DeploymentState as S
from cmcore.serving.values import EndpointState, Hold
from tests.unit.serving.simulation import World, deployment, endpoint, numbers, seen

C = Change
BOTH = (deployment(1, "old", S.WARM), deployment(2, "new", S.WARM))
FIRST = {"main": 1}
SECOND = {"main": 2}


def old_and(state: S, *, wanted: dict[str, int] | None = None) -> EndpointState:
    """A warm deployment that has the traffic, and its successor in some state."""
    successor = deployment(2, "new", state)
    return endpoint(SECOND if wanted is None else wanted, BOTH[0], successor, traffic=FIRST)


@pytest.mark.parametrize(
    ("state", "show", "step"),
    [
        (endpoint(FIRST, deployment(1)), seen(), Advance(C.PLACED, 1)),
        (endpoint(FIRST, deployment(1, state=S.PLACED)), seen(), Advance(C.LOADED, 1)),
        (endpoint(FIRST, deployment(1, state=S.LOADED)), seen(1), Advance(C.WARMED, 1)),
        (endpoint(FIRST, deployment(1, state=S.LOADED)), seen(), Advance(C.LOST, 1)),
        (endpoint(FIRST, deployment(1, state=S.WARM)), seen(1), MoveTraffic(FIRST)),
        (endpoint(FIRST, deployment(1, state=S.WARM), traffic=FIRST), seen(1), None),
        (endpoint(FIRST, deployment(1, state=S.WARM), traffic=FIRST), seen(), Advance(C.LOST, 1)),
        (endpoint(FIRST, deployment(1, state=S.FAILED)), seen(), Advance(C.CLEARED, 1)),
        (endpoint(FIRST, deployment(1, state=S.DRAINING)), seen(1), Advance(C.RECALLED, 1)),
        (endpoint(FIRST), seen(), None),
        (endpoint({}), seen(), None),
        (old_and(S.DECLARED), seen(1), Advance(C.PLACED, 2)),
        (old_and(S.PLACED), seen(1), Advance(C.LOADED, 2)),
        (old_and(S.LOADED), seen(1, 2), Advance(C.WARMED, 2)),
        (old_and(S.WARM), seen(1, 2), MoveTraffic(SECOND)),
        (old_and(S.FAILED), seen(1), Advance(C.CLEARED, 2)),
        (old_and(S.DECLARED), seen(), Advance(C.LOST, 1)),
        (old_and(S.DECLARED, wanted=FIRST), seen(1), Advance(C.RETIRED, 2)),
        (old_and(S.PLACED, wanted=FIRST), seen(1), Advance(C.RETIRED, 2)),
        (old_and(S.WARM, wanted=FIRST), seen(1, 2), Advance(C.RETIRED, 2)),
        (old_and(S.UNLOADED, wanted=FIRST), seen(1), Advance(C.CLEARED, 2)),
        (old_and(S.WARM, wanted={}), seen(1, 2), MoveTraffic({})),
        (endpoint(SECOND, *BOTH, traffic=SECOND), seen(1, 2), Advance(C.RETIRED, 1)),
        (endpoint({}, *BOTH), seen(1, 2), Advance(C.RETIRED, 1)),
    ],
)
def test_the_step_that_is_taken(state: EndpointState, show: Seen, step: Step | None) -> None:
    assert next_step(state, show, now=0.0) == step


def draining(since: float) -> EndpointState:
    """One that has lost its traffic; it drains 2 s of quiet, at most 60."""
    old = replace(BOTH[0], state=S.DRAINING, since=since)
    return endpoint(SECOND, old, BOTH[1], traffic=SECOND)


@pytest.mark.parametrize(
    ("quiet_since", "now", "step"),
    [
        (10.0, 11.9, Wait(12.0, "tiny-1 drains")),
        (10.0, 12.0, Advance(C.UNLOADED, 1)),
        (59.0, 59.5, Wait(60.0, "tiny-1 drains")),
        (59.9, 60.0, Advance(C.UNLOADED, 1)),
    ],
)
def test_what_drains_is_unloaded_once_it_is_quiet_or_the_time_is_up(quiet_since: float, now: float, step: Step) -> None:
    show = replace(seen(1, 2), quiet_since={"tiny-1": quiet_since})
    assert next_step(draining(since=0.0), show, now) == step


def test_of_what_drains_nothing_is_known_at_first_so_it_is_waited_for() -> None:
    assert next_step(draining(since=5.0), seen(1, 2), now=7.0) == Wait(9.0, "tiny-1 drains")


def test_a_hold_is_waited_for() -> None:
    state = replace(old_and(S.DECLARED), hold=Hold(reason="no server", failures=1, until=5.0))
    assert next_step(state, seen(1), now=4.9) == Wait(5.0, "no server")


def test_a_hold_that_is_over_is_none() -> None:
    state = replace(old_and(S.DECLARED), hold=Hold(reason="no server", failures=1, until=5.0))
    assert next_step(state, seen(1), now=5.0) == Advance(C.PLACED, 2)


def test_what_serves_is_looked_after_before_its_successor() -> None:
    state = endpoint(SECOND, replace(BOTH[0], state=S.PLACED), deployment(2, "new"), traffic=FIRST)
    assert next_step(state, seen(), now=0.0) == Advance(C.LOADED, 1)


def test_there_is_something_to_do_before_anything_is_waited_for() -> None:
    state = draining(since=0.0)
    state = replace(state, deployments=(*state.deployments, deployment(3, "other", S.UNLOADED)))
    assert next_step(state, seen(1, 2), now=0.0) == Advance(C.CLEARED, 3)


def test_traffic_of_another_variant_stays_until_all_that_is_wanted_is_warm() -> None:
    state = endpoint({"blue": 2, "green": 3}, *BOTH, deployment(3, "third", S.PLACED), traffic=FIRST)
    assert next_step(state, seen(1, 2), now=0.0) == Advance(C.LOADED, 3)


def test_a_first_version_is_placed_loaded_warmed_and_then_gets_traffic() -> None:
    world = World()
    world.want({"main": "good"})
    world.settle()
    assert world.history == [Advance(C.PLACED, 1), Advance(C.LOADED, 1), Advance(C.WARMED, 1), MoveTraffic(FIRST)]


def test_a_successor_is_warm_before_traffic_moves_and_the_old_one_goes_afterwards() -> None:
    world = settled("old")
    world.want({"main": "new"})
    world.settle()
    assert world.history[4:] == [
        Advance(C.PLACED, 2), Advance(C.LOADED, 2), Advance(C.WARMED, 2), MoveTraffic(SECOND),
        Advance(C.RETIRED, 1), Advance(C.UNLOADED, 1), Advance(C.CLEARED, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("version", ["bad", "cold"])
def test_a_successor_that_is_refused_leaves_everything_as_it_was(version: str) -> None:
    world = settled("old")
    world.want({"main": version})
    world.settle()
    assert (world.versions(), world.standing()) == ({"main": "old"}, {"old": S.WARM})


def test_a_version_that_is_wanted_again_while_it_drains_is_recalled() -> None:
    world = settled("old")
    world.want({"main": "new"})
    follow_until(world, C.RETIRED)
    world.want({"main": "old"})
    world.settle()
    assert (numbers(world.history, C.RECALLED), numbers(world.history, C.UNLOADED), world.versions()) == (
        [1],
        [2],
        {"main": "old"},
    )


def test_what_a_server_forgot_is_loaded_and_warmed_again() -> None:
    world = settled("old")
    world.forget()
    world.settle()
    assert world.history[4:] == [Advance(C.LOST, 1), Advance(C.LOADED, 1), Advance(C.WARMED, 1)]


def test_a_recycled_endpoint_has_nothing_left() -> None:
    world = settled("old")
    world.want({})
    world.settle()
    assert (world.versions(), world.standing(), world.loaded) == ({}, {}, set())


def settled(version: str) -> World:
    """A world in which one version serves."""
    world = World()
    world.want({"main": version})
    world.settle()
    return world


def follow_until(world: World, change: Change) -> None:
    """Take steps until this change was brought about."""
    while getattr(world.step(), "change", None) is not change:
        pass


VERSIONS = st.sampled_from(["good-1", "good-2", "good-3", "bad-1", "bad-2", "cold-1"])
WISHES = st.dictionaries(st.sampled_from(["main", "blue", "green"]), VERSIONS, max_size=3)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("want"), WISHES),
        st.tuples(st.just("steps"), st.integers(1, 6)),
        st.tuples(st.just("killed"), st.just(0)),
        st.tuples(st.just("forget"), st.just(0)),
        st.tuples(st.just("lose"), st.just(0)),
        st.tuples(st.just("time"), st.floats(0, 100)),
    ),
    max_size=25,
)
Event = tuple[str, object]


def lived(events: Sequence[Event]) -> World:
    """A world in which these things happened."""
    world = World()
    for word, value in events:
        happen(world, word, value)
    return world


def happen(world: World, word: str, value: object) -> None:
    """One of those things."""
    match word, value:
        case "want", dict():
            world.want(value)
        case "steps", int():
            for _ in range(value):
                world.step()
        case "killed", _:
            world.step(recorded=False)
        case "forget", _:
            world.forget()
        case "lose", _:
            world.lose_one()
        case "time", float():
            world.now += value


@given(events=EVENTS)
@settings(max_examples=400, deadline=None)
def test_whatever_happens_traffic_is_only_moved_to_what_is_warm_and_never_taken_from_what_serves(
    events: list[Event],
) -> None:
    world = lived(events)
    world.settle()
    assert world.broken == []


@given(events=EVENTS)
@settings(max_examples=400, deadline=None)
def test_whatever_happened_following_the_steps_ends(events: list[Event]) -> None:
    assert lived(events).settle(most=300) < 300


@given(
    events=EVENTS,
    wish=st.dictionaries(st.sampled_from(["main", "blue"]), st.sampled_from(["good-1", "good-2"]), min_size=1),
)
@settings(max_examples=300, deadline=None)
def test_whatever_happened_what_is_wanted_and_good_is_served_and_nothing_else_is_left(
    events: list[Event], wish: dict[str, str]
) -> None:
    world = lived(events)
    world.want(wish)
    world.settle()
    assert (world.versions(), world.standing()) == (wish, dict.fromkeys(wish.values(), S.WARM))


@given(events=EVENTS)
@settings(max_examples=300, deadline=None)
def test_whatever_happened_a_recycled_endpoint_ends_with_nothing(events: list[Event]) -> None:
    world = lived(events)
    world.want({})
    world.settle()
    assert (world.versions(), world.standing(), world.loaded) == ({}, {}, set())


@given(events=EVENTS, wish=st.dictionaries(st.just("main"), st.sampled_from(["bad-8", "cold-9"]), min_size=1))
@settings(max_examples=300, deadline=None)
def test_whatever_happened_a_refused_version_takes_no_traffic_away(events: list[Event], wish: dict[str, str]) -> None:
    world = lived([*events, ("want", {"main": "good-1"}), ("steps", 100)])
    world.want(wish)
    world.settle()
    assert (world.versions(), world.standing()) == ({"main": "good-1"}, {"good-1": S.WARM})


@given(events=EVENTS)
@settings(max_examples=300, deadline=None)
def test_no_step_is_taken_twice_in_a_row_where_nothing_happens_between(events: list[Event]) -> None:
    world = lived(events)
    before = len(world.history)
    world.settle()
    taken = world.history[before:]
    assert [one for one, next_one in pairwise(taken) if one == next_one] == []


@given(events=EVENTS)
@settings(max_examples=300, deadline=None)
def test_what_has_traffic_was_warm_once(events: list[Event]) -> None:
    world = lived(events)
    assert set(world.state.traffic.values()) <= world.warmed
